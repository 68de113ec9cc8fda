"""Signing in a user whom the host has authenticated itself."""

from datetime import datetime

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import Authenticated, LockedUser, LoginLookup, SignInEvent, SignInUnit
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.values import frozen


@entity
class TrustedUser:
    """A user whom the host has authenticated."""

    reference: Reference

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:  # noqa: ARG002 - nothing expires
        """Return the user that the host named.

        Raises:
            UserNotFound: there is no such user in this tenant.
        """
        return unit.get_or_raise(self.reference)

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:  # noqa: ARG002 - nothing changes
        """Complete the attempt."""
        return Authenticated(status=AttemptStatus.OK, asserted_by_host=True)


@frozen(kw_only=True)
class TrustedAuthenticator:
    """Signs in a user whom the host has authenticated. ``authenticate`` cannot reach it."""

    allows_privileged: bool
    name: str = "trusted"
    priority: int = 0
    credentials: type[object] = object
    is_guessable: bool = False
    hashes: bool = False
    is_multi_factor: bool = True
    unknown_status: AttemptStatus = AttemptStatus.NOT_FOUND

    def verify(self, credentials: object, lookup: LoginLookup, context: Context) -> TrustedUser:  # noqa: ARG002 - the host has verified
        """Check the type of the reference.

        Raises:
            TypeError: it is none.
        """
        return TrustedUser(reference=check_reference(credentials))
