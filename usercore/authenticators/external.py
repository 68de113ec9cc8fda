"""Signing in by an authenticator of the host."""

from abc import abstractmethod
from datetime import datetime
from typing import Never, Protocol, TypeVar, cast

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import (
    Authenticated,
    LockedUser,
    LoginLookup,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
)
from usercore.authenticators.errors import SignInRefused
from usercore.kernel.callables import check_result
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.errors import Invalid, RateLimited, UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.log import log
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.values import frozen

C_contra = TypeVar("C_contra", contravariant=True)


class Authenticator(Protocol[C_contra]):
    """An authenticator of the host. It runs outside any unit of work.

    Failures are throttled as those of the built-in ones: by the account that the attribute ``login`` of the
    credentials names, if they have one, and by the address. It signs in no privileged users. An exception other than
    ``SignInRefused`` and ``RateLimited`` is logged, and the attempt fails.

    Users with a second factor are asked for it, unless the authenticator has ``is_multi_factor = True``: it proved two.

    It may also have ``extra(user: User) -> Mapping[str, object]``; ``identify`` shows the mapping under the
    authenticator's name.
    """

    @property
    def name(self) -> str:
        """A name of its own, 1-255 characters."""

    @property
    def priority(self) -> int:
        """Authenticators with a higher priority are asked first; the built-in ones have 900, 800, 700, 500 and 200."""

    @property
    def credentials(self) -> type[object]:
        """The class of credentials it takes; it never sees another."""

    @abstractmethod
    def authenticate(self, credentials: C_contra, context: Context) -> Reference | None:
        """Return the user, or None if the credentials are not its own.

        Raises:
            SignInRefused: the credentials are its own, and wrong.
            RateLimited: it is too early for another attempt.
        """


@entity
class ExternalUser:
    """A user whom an authenticator of the host has authenticated."""

    reference: Reference

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:  # noqa: ARG002 - nothing expires
        """Return the user that the host named.

        Raises:
            RejectedAttempt: there is no such user.
        """
        try:
            return unit.resolve(self.reference)
        except (UserNotFound, Invalid, TypeError):  # the host named a user by what cannot be an identifier
            raise RejectedAttempt(AttemptStatus.NOT_FOUND) from None

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:  # noqa: ARG002 - nothing changes
        """Complete the attempt."""
        return Authenticated(status=AttemptStatus.OK)


@frozen
class ExternalAuthenticator:
    """Adapts an authenticator of the host."""

    authenticator: Authenticator[Never]
    is_guessable: bool = True
    hashes: bool = False
    allows_privileged: bool = False
    unknown_status: AttemptStatus = AttemptStatus.NOT_FOUND

    @property
    def name(self) -> str:
        """The authenticator's name."""
        return self.authenticator.name

    @property
    def priority(self) -> int:
        """The authenticator's priority."""
        return self.authenticator.priority

    @property
    def credentials(self) -> type[object]:
        """The class of credentials that the authenticator takes."""
        return self.authenticator.credentials

    @property
    def is_multi_factor(self) -> bool:
        """Whether the host says that the authenticator proves two factors."""
        return bool(getattr(self.authenticator, "is_multi_factor", False))

    def verify(self, credentials: object, lookup: LoginLookup, context: Context) -> ExternalUser | None:  # noqa: ARG002 - as the port says
        """Ask the host.

        Raises:
            RejectedAttempt: the host refused, raised, or returned what is not a reference.
        """
        try:
            found = self.authenticator.authenticate(cast("Never", credentials), context)  # it sees only its own class
            check_result(found, name=f"what the authenticator {self.name!r} returned")
            return None if found is None else ExternalUser(reference=check_reference(found))
        except SignInRefused as error:
            raise RejectedAttempt(AttemptStatus.REFUSED) from error
        except RateLimited as error:
            raise RejectedAttempt(AttemptStatus.RATE_LIMIT_EXCEEDED, error=error) from error
        except BaseException as error:
            log().exception("the authenticator %s failed", self.name)
            failed = RejectedAttempt(AttemptStatus.AUTHENTICATOR_FAILED)
            if not isinstance(error, Exception):
                failed.error = error  # such as a Ctrl-C: it goes on to the caller once the attempt is stored
            raise failed from error
