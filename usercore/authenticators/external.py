"""Signing in by what the host knows: its own authenticators, and its word for a user."""

from abc import abstractmethod
from typing import Any, Protocol

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import (
    Authenticated,
    BuiltInAuthenticator,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
    check_not_privileged,
    is_privileged,
    lock_for_sign_in,
)
from usercore.kernel.callables import check_result
from usercore.kernel.context import Context
from usercore.kernel.errors import Invalid, UserNotFound
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.values import frozen


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


@frozen
class ExternalAuthenticator(BuiltInAuthenticator):
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

    def verify(self, credentials: object, context: Context) -> Reference | None:
        """Ask the host.

        Raises:
            RejectedAttempt: it said no, raised, or gave what is no reference.
        """
        try:
            found = self.authenticator.authenticate(credentials, context)
            check_result(found, name=f"what the authenticator {self.name!r} returned")
            return None if found is None else check_reference(found)
        except Exception as error:
            raise RejectedAttempt(AttemptStatus.REFUSED) from error

    def complete(self, unit: SignInUnit, found: Reference, arrival: SignInEvent) -> Authenticated:
        """Let the user in whom the host named.

        Raises:
            RejectedAttempt: there is no such user, or they may not sign in.
        """
        try:
            user_id = unit.resolve(found)
        except (UserNotFound, Invalid, TypeError):  # the host named somebody as nobody can be named
            raise RejectedAttempt(AttemptStatus.NOT_FOUND) from None
        return Authenticated(user=lock_for_sign_in(unit, user_id, arrival), status=AttemptStatus.OK)


@frozen(kw_only=True)
class TrustedAuthenticator(BuiltInAuthenticator):
    """Lets in whom the host already knows. Not reachable by ``authenticate``."""

    allow_privileged: bool
    name: str = "trusted"
    priority: int = 0
    takes: type = type(None)

    def verify(self, credentials: Reference, context: Context) -> Reference:  # noqa: ARG002 - the host vouches
        """Take the host's word."""
        return check_reference(credentials)

    def complete(self, unit: SignInUnit, found: Reference, arrival: SignInEvent) -> Authenticated:
        """Let the user in.

        Raises:
            UserNotFound: nobody is named so.
            RejectedAttempt: they may not sign in, or are privileged and the host did not allow that.
        """
        user = lock_for_sign_in(unit, unit.get_or_raise(found), arrival)
        if not self.allow_privileged:
            check_not_privileged(user)
        return Authenticated(user=user, status=AttemptStatus.OK, asserted_by_host=is_privileged(user))
