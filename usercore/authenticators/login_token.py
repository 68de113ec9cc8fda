"""Signing in by tokens: a login token is spent, an access token of another system stays the one it is."""

from collections.abc import Mapping
from typing import Final

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import (
    Authenticated,
    BuiltInAuthenticator,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
    check_not_privileged,
    lock_for_sign_in,
)
from usercore.kernel.context import Context
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret, digest_of, holder_of, text_of
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenSpent, TokenUnknown
from usercore.tokens.model import ACCESS, LOGIN, AccessTokenPolicy
from usercore.tokens.rules import check_open
from usercore.tokens.service import find_redeemable, redeem


def secret_of(secret: Secret | str) -> Secret:
    """Give what came in as a secret.

    Raises:
        TypeError: it is neither text nor a Secret.
    """
    return Secret(text_of(secret))


@frozen(kw_only=True)
class LoginTokenCredentials:
    """The secret of a login token, hidden or not."""

    secret: Secret = attrs.field(converter=secret_of)


@frozen(kw_only=True)
class AccessTokenCredentials:
    """The secret of an access token, used to sign in from another system."""

    secret: Secret = attrs.field(converter=secret_of)


STATUS_OF: Final[Mapping[type[TokenInvalid], AttemptStatus]] = {
    TokenExpired: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenSpent: AttemptStatus.TOKEN_COUNT_EXPIRED,
}
"""The attempts' words for tokens that open nothing; ``token_not_found`` for all others. Source: spec S6."""


def refusal_of(error: TokenInvalid, user_id: UserId) -> RejectedAttempt:
    """Give the refusal that a worthless token means."""
    return RejectedAttempt(STATUS_OF.get(type(error), AttemptStatus.TOKEN_NOT_FOUND), user_id=user_id)


@frozen(kw_only=True)
class LoginTokenAuthenticator(BuiltInAuthenticator):
    """Signs in by a login token, once."""

    name: str = "login_token"
    priority: int = 900
    takes: type = LoginTokenCredentials

    def verify(self, credentials: LoginTokenCredentials, context: Context) -> Secret:  # noqa: ARG002 - the unit decides
        """Look at nothing yet: finding and spending are one unit."""
        return credentials.secret

    def complete(self, unit: SignInUnit, found: Secret, arrival: SignInEvent) -> Authenticated:
        """Spend the token.

        Raises:
            RejectedAttempt: it is worthless, or its user may not sign in by it.
        """
        try:
            token = find_redeemable(unit, found, now=arrival.now)
            user = lock_for_sign_in(unit, token.user_id, arrival, missing=AttemptStatus.TOKEN_NOT_FOUND)
            check_not_privileged(user)
            redeem(unit, token, at=arrival.now)
        except TokenInvalid as error:
            raise _refusal_here(unit, found, error) from None
        return Authenticated(user=user, status=AttemptStatus.LOGIN_TOKEN_OK)


def _refusal_here(unit: SignInUnit, secret: Secret, error: TokenInvalid) -> RejectedAttempt:
    """Tell what became of a token in its own tenant only; everywhere else it is unknown. Source: spec T2."""
    holder = None if isinstance(error, TokenUnknown) else holder_of(secret, LOGIN)
    user = None if holder is None else unit.users.get(UserId(holder))
    return RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND) if user is None else refusal_of(error, user.id)


@frozen(kw_only=True)
class AccessTokenAuthenticator(BuiltInAuthenticator):
    """Signs in by an access token that another system got; the token stays the one it is."""

    policy: AccessTokenPolicy
    name: str = "access_token"
    priority: int = 200
    takes: type = AccessTokenCredentials

    def verify(self, credentials: AccessTokenCredentials, context: Context) -> Secret:  # noqa: ARG002 - the unit decides
        """Look at nothing yet: one unit is enough."""
        return credentials.secret

    def complete(self, unit: SignInUnit, found: Secret, arrival: SignInEvent) -> Authenticated:
        """Check the token and its user.

        Raises:
            RejectedAttempt: it is worthless, or its user may not sign in by it.
        """
        user_id = holder_of(found, ACCESS)
        signed_in = None if user_id is None else unit.authentication.find(UserId(user_id), digest_of(found))
        if signed_in is None:
            raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND)
        try:
            check_open(signed_in.token, now=arrival.now, policy=self.policy)
        except TokenInvalid as error:
            raise refusal_of(error, signed_in.user.id) from None
        user = lock_for_sign_in(unit, signed_in.user.id, arrival)
        check_not_privileged(user)
        return Authenticated(
            user=user,
            status=AttemptStatus.ACCESS_TOKEN_OK,
            token=signed_in.token,
            must_change_password=signed_in.must_change_password,
        )
