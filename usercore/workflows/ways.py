"""Ways to sign in: what is shown, who it may be, and what is done in the unit that lets them in.

A way *looks* outside any unit of the sign-in (it may hash there, or ask the host) and *enters* inside the one that
writes attempt and token. Whatever it refuses is kept as an attempt.
"""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.context import SYSTEM, Context
from usercore.kernel.entity import entity
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of, holder_of, text_of
from usercore.passwords.ports import PasswordsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenSpent
from usercore.tokens.model import ACCESS, AccessTokenPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import check_open
from usercore.tokens.service import find_redeemable, spend
from usercore.users.model import User, UserState
from usercore.users.ports import UsersUnit
from usercore.workflows.errors import SignInRefused
from usercore.workflows.identifying import IdentifyingUnit


class SignInUnit(UsersUnit, TenantsUnit, PasswordsUnit, TokensUnit, AttemptsUnit, IdentifyingUnit, Protocol):
    """What signing in touches."""


class Refusal(Exception):
    """Why somebody was not let in: for the attempt that is kept, and for whoever asked."""

    def __init__(
        self,
        status: AttemptStatus,
        *,
        user_id: UserId | None = None,
        count: tuple[bytes, ...] = (),
        error: Exception | None = None,
    ) -> None:
        """Refuse with this status; ``count`` are the counters of tries that this one is to be added to."""
        super().__init__(status)
        self.status, self.user_id, self.count = status, user_id, count
        self.error = error or SignInRefused()


@entity
class Entered:
    """Who was let in. Without ``keeps_token`` a new access token is issued."""

    user: User
    status: AttemptStatus
    keeps_token: bool = False
    must_change_password: bool = False
    vouched: bool = False


class Way(Protocol):
    """A way to sign in. ``takes`` is the class of credentials it is shown; it never sees another."""

    @property
    def name(self) -> str:
        """The name under which tokens and attempts mention it."""

    @property
    def priority(self) -> int:
        """Higher ones are asked first."""

    @property
    def takes(self) -> type:
        """The class of credentials it is shown."""

    @abstractmethod
    def look(self, credentials: Any, context: Context) -> Any | None:  # noqa: ANN401 - each way has its own
        """Look at what is shown, outside any unit; give what ``enter`` needs, or None for "not mine".

        Raises:
            Refusal: it is this way's, and wrong.
        """

    @abstractmethod
    def enter(self, unit: SignInUnit, found: Any, *, now: datetime) -> Entered:  # noqa: ANN401 - what ``look`` gave
        """Let somebody in, inside the unit that writes the token. All checks come before the first write.

        Raises:
            Refusal: they may not come in.
        """


@entity
class LoginTokenCredentials:
    """The secret of a login token."""

    secret: Secret


@entity
class AccessTokenCredentials:
    """The secret of an access token, used to sign in from another system."""

    secret: Secret


STATUS_OF: Final[Mapping[type[TokenInvalid], AttemptStatus]] = {
    TokenExpired: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenSpent: AttemptStatus.TOKEN_COUNT_EXPIRED,
}
"""The attempts' words for tokens that open nothing; ``token_not_found`` for all others. Source: spec S6."""


def refusal_of(error: TokenInvalid, user_id: UserId | None = None) -> Refusal:
    """Give the refusal that a worthless token means."""
    return Refusal(STATUS_OF.get(type(error), AttemptStatus.TOKEN_NOT_FOUND), user_id=user_id)


def is_privileged(user: User) -> bool:
    """Say whether no way in weaker than a password signs this user in. Source: spec T5."""
    return user.tenant_id == SYSTEM


def status_against(user: User, tenant_active: bool) -> AttemptStatus | None:  # noqa: FBT001 - the second of two facts
    """Say why this user may not sign in, whichever way found them, or None. Source: spec S3."""
    if user.state is UserState.UNCLAIMED:
        return AttemptStatus.UNCLAIMED_USER
    if user.state is not UserState.ACTIVE or not tenant_active:
        return AttemptStatus.INACTIVE_USER
    return None


def guard_entering(unit: SignInUnit, user_id: UserId) -> User:
    """Lock the user who is about to be let in, and refuse who may not sign in by now.

    Raises:
        Refusal: there is no such user, or they may not sign in.
    """
    try:
        user = unit.users.guard(user_id)
    except UserNotFound:
        raise Refusal(AttemptStatus.NOT_FOUND) from None
    tenant = unit.tenants.get(user.tenant_id)
    status = status_against(user, tenant is not None and tenant.active)
    if status is not None:
        raise Refusal(status, user_id=user.id)
    return user


def _check_unprivileged(user: User) -> None:
    if is_privileged(user):
        raise Refusal(AttemptStatus.REFUSED, user_id=user.id)


@attrs.frozen(kw_only=True)
class LoginTokenWay(Way):
    """Signs in by a login token, once."""

    name: str = "login_token"
    priority: int = 900
    takes: type = LoginTokenCredentials

    def look(self, credentials: LoginTokenCredentials, context: Context) -> Secret:  # noqa: ARG002 - the unit decides
        """Look at nothing yet: finding and spending are one unit."""
        return credentials.secret

    def enter(self, unit: SignInUnit, found: Secret, *, now: datetime) -> Entered:
        """Spend the token.

        Raises:
            Refusal: it is worthless, or its user may not sign in by it.
        """
        user_id: UserId | None = None
        try:
            token = find_redeemable(unit, found, now=now)
            user_id = token.user_id
            user = guard_entering(unit, user_id)
            _check_unprivileged(user)
            spend(unit, token, at=now)
        except TokenInvalid as error:
            raise refusal_of(error, user_id) from None
        return Entered(user=user, status=AttemptStatus.LOGIN_TOKEN_OK)


@attrs.frozen(kw_only=True)
class AccessTokenWay(Way):
    """Signs in by an access token that another system got; the token stays the one it is."""

    policy: AccessTokenPolicy
    name: str = "access_token"
    priority: int = 200
    takes: type = AccessTokenCredentials

    def look(self, credentials: AccessTokenCredentials, context: Context) -> Secret:  # noqa: ARG002 - the unit decides
        """Look at nothing yet: one unit is enough."""
        return credentials.secret

    def enter(self, unit: SignInUnit, found: Secret, *, now: datetime) -> Entered:
        """Check the token and its user.

        Raises:
            Refusal: it is worthless, or its user may not sign in by it.
        """
        user_id = holder_of(found, ACCESS)
        signed_in = None if user_id is None else unit.signed_in.find(UserId(user_id), digest_of(found))
        if signed_in is None:
            raise Refusal(AttemptStatus.TOKEN_NOT_FOUND)
        try:
            check_open(signed_in.token, now=now, policy=self.policy)
        except TokenInvalid as error:
            raise refusal_of(error, signed_in.user.id) from None
        user = guard_entering(unit, signed_in.user.id)
        _check_unprivileged(user)
        return Entered(
            user=user,
            status=AttemptStatus.ACCESS_TOKEN_OK,
            keeps_token=True,
            must_change_password=signed_in.must_change_password,
        )


@attrs.frozen(kw_only=True)
class TrustedWay(Way):
    """Lets in whom the host already knows. Not reachable by ``authenticate``."""

    allow_privileged: bool
    name: str = "trusted"
    priority: int = 0
    takes: type = type(None)

    def look(self, credentials: Reference, context: Context) -> Reference:  # noqa: ARG002 - the host vouches
        """Take the host's word."""
        return check_reference(credentials)

    def enter(self, unit: SignInUnit, found: Reference, *, now: datetime) -> Entered:  # noqa: ARG002 - no time limit
        """Let the user in.

        Raises:
            UserNotFound: nobody is named so.
            Refusal: they may not sign in, or are privileged and the host did not allow that.
        """
        user = guard_entering(unit, unit.present(found))
        if not self.allow_privileged:
            _check_unprivileged(user)
        return Entered(user=user, status=AttemptStatus.OK, vouched=is_privileged(user))


class Authenticator(Protocol):
    """A way in that the host plugs in. It runs outside any unit; whatever it raises is a failed sign-in.

    It may also have ``extra(user: User) -> Mapping[str, object]``: ``identify`` shows that under the authenticator's
    name.
    """

    @property
    def name(self) -> str:
        """A name of its own, 1-255 characters."""

    @property
    def priority(self) -> int:
        """Higher ones are asked first; the built-in ones have 900, 500 and 200."""

    @property
    def credentials(self) -> type:
        """The class of credentials it takes; it never sees another."""

    @abstractmethod
    def authenticate(self, credentials: Any, context: Context) -> Reference | None:  # noqa: ANN401 - of the host's class
        """Give the user, or None for "not mine".

        Raises:
            SignInRefused: it is this authenticator's, and wrong.
        """


@attrs.frozen
class HostWay(Way):
    """A host's authenticator as a way in."""

    authenticator: Authenticator

    @property
    def name(self) -> str:
        """The authenticator's name."""
        return self.authenticator.name

    @property
    def priority(self) -> int:
        """The authenticator's priority."""
        return self.authenticator.priority

    @property
    def takes(self) -> type:
        """The class of credentials that the authenticator takes."""
        return self.authenticator.credentials

    def look(self, credentials: object, context: Context) -> Reference | None:
        """Ask the host.

        Raises:
            Refusal: it said no, raised, or gave what is no reference.
        """
        try:
            found = self.authenticator.authenticate(credentials, context)
            return None if found is None else check_reference(found)
        except Exception as error:
            raise Refusal(AttemptStatus.REFUSED) from error

    def enter(self, unit: SignInUnit, found: Reference, *, now: datetime) -> Entered:  # noqa: ARG002 - the host has decided
        """Let the user in whom the host named.

        Raises:
            Refusal: there is no such user, or they may not sign in.
        """
        try:
            user = guard_entering(unit, unit.resolve(found))
        except UserNotFound:
            raise Refusal(AttemptStatus.NOT_FOUND) from None
        return Entered(user=user, status=AttemptStatus.OK)


def secret_of(secret: Secret | str) -> Secret:
    """Give what came in as a secret.

    Raises:
        TypeError: it is neither text nor a Secret.
    """
    return Secret(text_of(secret))
