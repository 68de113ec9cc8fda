"""Signing in a user whom the host has authenticated itself."""

from datetime import datetime

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import Authenticated, LoginLookup, SignInEvent, SignInUnit
from usercore.kernel.context import Context
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.values import frozen
from usercore.users.model import User


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

    def verify(self, credentials: object, lookup: LoginLookup, context: Context) -> Reference:  # noqa: ARG002 - the host has verified
        """Return the reference.

        Raises:
            TypeError: it is not one.
        """
        return check_reference(credentials)

    def find_user(self, unit: SignInUnit, proof: Reference, now: datetime) -> UserId:  # noqa: ARG002 - as the port says
        """Return the user that is named.

        Raises:
            UserNotFound: there is no such user in this tenant.
        """
        return unit.get_or_raise(proof)

    def complete(self, unit: SignInUnit, user: User, proof: Reference, event: SignInEvent) -> Authenticated:  # noqa: ARG002 - as the port says
        """Complete the attempt."""
        return Authenticated(status=AttemptStatus.OK, asserted_by_host=True)
