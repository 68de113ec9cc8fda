"""Ways to sign in: what is shown, who it may be, and what is done in the unit that lets them in.

A way *looks* outside any unit of the sign-in (it may hash there, or ask the host) and *enters* inside the one that
writes attempt and token. Whatever it refuses is kept as an attempt.
"""

from abc import abstractmethod
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from usercore.attempts.model import AttemptStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.authenticators.errors import SignInRefused
from usercore.kernel.context import SYSTEM, Context
from usercore.kernel.entity import entity
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.passwords.ports import PasswordsUnit
from usercore.storage.lookups import LookupsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.model import AccessToken
from usercore.tokens.ports import TokensUnit
from usercore.users.model import LastSignIn, User, UserState
from usercore.users.ports import UsersUnit


class SignInUnit(UsersUnit, TenantsUnit, PasswordsUnit, TokensUnit, AttemptsUnit, LookupsUnit, Protocol):
    """What signing in touches."""


class RejectedAttempt(Exception):
    """Why somebody was not let in: for the attempt that is kept, and for whoever asked."""

    def __init__(
        self,
        status: AttemptStatus,
        *,
        user_id: UserId | None = None,
        error: Exception | None = None,
    ) -> None:
        """Refuse with this status; ``error`` is for whoever asked, ``SignInRefused`` unless there is another."""
        super().__init__(status)
        self.status, self.user_id = status, user_id
        self.error = error or SignInRefused()


class SignInEvent(NamedTuple):
    """When somebody is let in, and what is noted of it: nothing where they only prove who they are."""

    now: datetime
    note: LastSignIn | None = None


@entity
class Authenticated:
    """Who was let in. ``token`` is the access token that stays; without one a new one is issued."""

    user: User
    status: AttemptStatus
    token: AccessToken | None = None
    must_change_password: bool = False
    asserted_by_host: bool = False


class BuiltInAuthenticator(Protocol):
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
    def verify(self, credentials: Any, context: Context) -> Any | None:  # noqa: ANN401 - each way has its own
        """Look at what is shown, outside any unit; give what ``complete`` needs, or None for "not mine".

        Raises:
            RejectedAttempt: it is this way's, and wrong.
        """

    @abstractmethod
    def complete(self, unit: SignInUnit, found: Any, arrival: SignInEvent) -> Authenticated:  # noqa: ANN401 - what ``query`` gave
        """Let somebody in, inside the unit that writes the token, and guard them: that notes the arrival, too.

        All checks come before any other write.

        Raises:
            RejectedAttempt: they may not come in.
        """


def is_privileged(user: User) -> bool:
    """Say whether no way in weaker than a password signs this user in. Source: spec T5."""
    return user.tenant_id == SYSTEM


def sign_in_obstacle(user: User, tenant_active: bool) -> AttemptStatus | None:  # noqa: FBT001 - the second of two facts
    """Say why this user may not sign in, whichever way found them, or None. Source: spec S3."""
    if user.state is UserState.ACTIVE and tenant_active:
        return None
    return AttemptStatus.UNCLAIMED_USER if user.state is UserState.UNCLAIMED else AttemptStatus.INACTIVE_USER


def lock_for_sign_in(
    unit: SignInUnit, user_id: UserId, arrival: SignInEvent, *, missing: AttemptStatus = AttemptStatus.NOT_FOUND
) -> User:
    """Lock the user who is about to be let in, note that they arrive, and refuse who may not sign in by now.

    ``missing`` is the attempt's word where the tenant has no such user.

    Raises:
        RejectedAttempt: there is no such user, or they may not sign in.
    """
    try:
        user = unit.users.lock(user_id, arrival.note)
    except UserNotFound:
        raise RejectedAttempt(missing) from None
    tenant = unit.tenants.get(user.tenant_id)
    status = sign_in_obstacle(user, tenant is not None and tenant.active)
    if status is not None:
        raise RejectedAttempt(status, user_id=user.id)
    return user


def check_not_privileged(user: User) -> None:
    """Refuse a privileged user, whom only a password or the host's word lets in.

    Raises:
        RejectedAttempt: the user is privileged.
    """
    if is_privileged(user):
        raise RejectedAttempt(AttemptStatus.REFUSED, user_id=user.id)
