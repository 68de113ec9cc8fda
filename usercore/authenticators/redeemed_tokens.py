"""Signing in by a login token, which is redeemed by it."""

from datetime import datetime

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import Authenticated, LoginLookup, RejectedAttempt, SignInEvent, SignInUnit
from usercore.authenticators.tokens import rejected_token, to_secret
from usercore.kernel.context import Context
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret, read_secret
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.model import LOGIN, TokenKind
from usercore.tokens.service import find_redeemable, redeem
from usercore.users.model import User


@frozen(kw_only=True)
class LoginTokenCredentials:
    """The secret of a login token, as text or as a ``Secret``."""

    secret: Secret = attrs.field(converter=to_secret)


@frozen(kw_only=True)
class LoginTokenAuthenticator:
    """Signs in by a login token, once."""

    name: str = "login_token"
    priority: int = 900
    credentials: type[LoginTokenCredentials] = LoginTokenCredentials
    is_guessable: bool = False
    hashes: bool = False
    allows_privileged: bool = False
    unknown_status: AttemptStatus = AttemptStatus.TOKEN_NOT_FOUND

    def verify(self, credentials: LoginTokenCredentials, lookup: LoginLookup, context: Context) -> Secret:  # noqa: ARG002 - the unit decides
        """Return the secret: the token is looked up in the unit.

        Raises:
            RejectedAttempt: no token has such a secret; no unit is opened for it.
        """
        if read_secret(credentials.secret, LOGIN) is None:
            raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
        return credentials.secret

    def find_user(self, unit: SignInUnit, proof: Secret, now: datetime) -> UserId:
        """Return the user of a token that can be redeemed.

        Raises:
            RejectedAttempt: the token is unknown, redeemed or expired.
        """
        try:
            return find_redeemable(unit, proof, TokenKind.LOGIN, now=now).user_id
        except TokenInvalid as error:
            raise rejected_token(unit, LOGIN, proof, error) from None

    def complete(self, unit: SignInUnit, user: User, proof: Secret, event: SignInEvent) -> Authenticated:
        """Redeem the token.

        Raises:
            RejectedAttempt: another unit redeemed or revoked it meanwhile.
        """
        try:
            redeem(unit, user.id, proof, at=event.now)
        except TokenInvalid as error:
            raise rejected_token(unit, LOGIN, proof, error) from None
        return Authenticated(status=AttemptStatus.LOGIN_TOKEN_OK)
