"""Signing in by a token that is redeemed by it: login tokens and autologin tokens."""

from datetime import datetime
from typing import Final, Generic, TypeVar

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import Authenticated, LockedUser, LoginLookup, SignInEvent, SignInUnit
from usercore.authenticators.tokens import read_token, rejected_token, to_secret
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, Secret
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.kinds import TokenKind
from usercore.tokens.rules import check_redeemable
from usercore.tokens.service import redeem


@frozen(kw_only=True)
class LoginTokenCredentials:
    """The secret of a login token, as text or as a ``Secret``."""

    secret: Secret = attrs.field(converter=to_secret)


@frozen(kw_only=True)
class AutologinTokenCredentials:
    """The secret of an autologin token, as text or as a ``Secret``."""

    secret: Secret = attrs.field(converter=to_secret)


C = TypeVar("C", LoginTokenCredentials, AutologinTokenCredentials)


@entity
class PresentedToken:
    """The holder and the digest of a token that the unit looks up and redeems."""

    holder: UserId
    digest: Digest
    ok_status: AttemptStatus

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:
        """Return the user of a token that can be redeemed.

        Raises:
            RejectedAttempt: the token is unknown, redeemed, revoked, expired or not yet valid.
        """
        try:
            return check_redeemable(unit.limited_use_tokens.get(self.holder, self.digest), now=now).user_id
        except TokenInvalid as error:
            raise rejected_token(unit, self.holder, error) from None

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:
        """Redeem the token.

        Raises:
            RejectedAttempt: another unit redeemed or revoked it meanwhile.
        """
        try:
            redeem(unit, locked.user.id, self.digest, at=event.now)
        except TokenInvalid as error:
            raise rejected_token(unit, self.holder, error) from None
        return Authenticated(status=self.ok_status)


@frozen(kw_only=True)
class RedeemedTokenAuthenticator(Generic[C]):
    """Signs in by a token of one kind, as often as the token can be redeemed."""

    kind: TokenKind
    name: str
    priority: int
    credentials: type[C]
    ok_status: AttemptStatus
    is_guessable: bool = False
    hashes: bool = False
    allows_privileged: bool = False
    is_multi_factor: bool = False
    unknown_status: AttemptStatus = AttemptStatus.TOKEN_NOT_FOUND

    def verify(self, credentials: C, lookup: LoginLookup, context: Context) -> PresentedToken:  # noqa: ARG002 - the unit decides
        """Check the form of the secret.

        Raises:
            RejectedAttempt: no token of this kind has such a secret.
        """
        holder, digest = read_token(credentials.secret, self.kind)
        return PresentedToken(holder=holder, digest=digest, ok_status=self.ok_status)


BY_LOGIN_TOKEN: Final = RedeemedTokenAuthenticator(
    kind=TokenKind.LOGIN,
    name="login_token",
    priority=900,
    credentials=LoginTokenCredentials,
    ok_status=AttemptStatus.LOGIN_TOKEN_OK,
)
BY_AUTOLOGIN_TOKEN: Final = RedeemedTokenAuthenticator(
    kind=TokenKind.AUTOLOGIN,
    name="autologin_token",
    priority=800,
    credentials=AutologinTokenCredentials,
    ok_status=AttemptStatus.TOKEN_OK,
)
"""The authenticators of each kind. Source of the priorities: spec S2."""
