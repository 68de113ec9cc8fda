"""What the authenticators that take tokens have in common."""

from collections.abc import Mapping
from typing import Final

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import RejectedAttempt, SignInUnit
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, Secret, read_secret, text_of
from usercore.tokens.errors import (
    TokenExpired,
    TokenInvalid,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)

STATUS_OF: Final[Mapping[type[TokenInvalid], AttemptStatus]] = {
    TokenExpired: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenNotYetValid: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenRedeemed: AttemptStatus.TOKEN_COUNT_EXPIRED,
    TokenRevoked: AttemptStatus.TOKEN_COUNT_EXPIRED,
}
"""The statuses of attempts with invalid tokens; ``token_not_found`` for all others. Source: spec S6."""


def to_secret(secret: Secret | str) -> Secret:
    """Return a secret that was given as text or as a ``Secret``.

    Raises:
        TypeError: it is neither.
    """
    return Secret(text_of(secret))


def read_token(secret: Secret, kind: str) -> tuple[UserId, Digest]:
    """Return the holder and the digest of a token of this kind; whether there is one is looked up in the unit.

    Raises:
        RejectedAttempt: form or checksum is wrong; no unit is opened for it.
    """
    read = read_secret(secret, kind)
    if read is None:
        raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
    return UserId(read[0]), read[1]


def rejected_token(unit: SignInUnit, holder: UserId, error: TokenInvalid) -> RejectedAttempt:
    """Return why a token is rejected; only its own tenant learns more than that it is unknown. Source: spec T2."""
    user = None if isinstance(error, TokenUnknown) else unit.users.get(holder)
    if user is None:
        return RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
    return RejectedAttempt(STATUS_OF.get(type(error), AttemptStatus.TOKEN_NOT_FOUND), user_id=user.id)
