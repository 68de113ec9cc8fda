"""Revoking one token of a user, named by its secret or its public id: the same steps for every kind of token."""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, Secret, read_secret
from usercore.kernel.time import Clock
from usercore.tokens.errors import TokenNotFound, TokenUnknown
from usercore.tokens.model import AccessToken, LimitedUseToken
from usercore.tokens.ports import TokensUnit

T = TypeVar("T", AccessToken, LimitedUseToken)
T_co = TypeVar("T_co", covariant=True)


class RevocableTokens(Protocol[T_co]):
    """What the steps need of a repository of tokens."""

    @abstractmethod
    def get(self, user_id: UserId, digest: Digest) -> T_co | None:
        """Return the token, or None."""

    @abstractmethod
    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> T_co | None:
        """Revoke the token, atomically; return it as it is now, or None if it cannot be revoked."""


def read_holder(secret: Secret | str, kind: str) -> tuple[UserId, Digest]:
    """Return the user and the digest of the secret of a token that belongs to a user.

    Raises:
        TypeError: it is neither text nor a ``Secret``.
        TokenUnknown: no token of this kind has such a secret.
    """
    read = read_secret(secret, kind)
    if read is None:
        raise TokenUnknown
    return UserId(read[0]), read[1]


def lock_holder_of(unit: TokensUnit, tokens: RevocableTokens[T], user_id: UserId, digest: Digest) -> None:
    """Lock the user of a token; a secret that does not exist locks no user.

    Raises:
        TokenUnknown: no token of this tenant has this digest.
    """
    if tokens.get(user_id, digest) is None:
        raise TokenUnknown
    try:
        unit.lock(user_id)
    except UserNotFound:  # the user belongs to another tenant
        raise TokenUnknown from None


def revoke_by_secret(
    unit: TokensUnit, tokens: RevocableTokens[T], holder: tuple[UserId, Digest], *, kind: ChangeKind, clock: Clock
) -> T:
    """Revoke the token with this digest, record that, and return the token as it is now.

    Raises:
        TokenUnknown: no token of this tenant has it, or the token cannot be revoked any more.
    """
    user_id, digest = holder
    lock_holder_of(unit, tokens, user_id, digest)
    revoked = tokens.revoke(user_id, digest, at=clock())
    if revoked is None:
        raise TokenUnknown
    unit.record(Change(kind=kind, subject_id=user_id, new=revoked))
    return revoked


def revoke_by_id(
    unit: TokensUnit,
    tokens: RevocableTokens[T],
    present: Iterable[T],
    public_id: str,
    *,
    kind: ChangeKind,
    clock: Clock,
) -> T:
    """Revoke that of the present tokens of a locked user which has this public id, and record that.

    Raises:
        TokenNotFound: none has it, or the token cannot be revoked any more.
    """
    named = next((token for token in present if token.public_id == public_id), None)
    revoked = None if named is None else tokens.revoke(named.user_id, named.digest, at=clock())
    if revoked is None:
        raise TokenNotFound
    unit.record(Change(kind=kind, subject_id=revoked.user_id, new=revoked))
    return revoked
