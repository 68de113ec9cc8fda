"""What attempts ask of a storage. ``usercore.testing.contracts`` tests it, one file per repository."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol, TypeVar

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.kernel.ids import UserId

A = TypeVar("A", Attempt, RegistrationAttempt)


class StoredAttempts(Protocol[A]):
    """Attempts of one kind. A unit reads those of its own tenant only."""

    @abstractmethod
    def add(self, attempt: A) -> None:
        """Store an attempt.

        Raises:
            RunAgain: this user, or no user in any tenant, has an attempt with this id; the next run draws another.
        """

    @abstractmethod
    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[A]:
        """Return at most ``limit`` attempts of the user, or those of no user, newest first, with smaller ids."""

    @abstractmethod
    def remove_of(self, user_id: UserId, *, limit: int) -> int:
        """Remove at most ``limit`` attempts of the user, the oldest first; return how many were removed.

        User agents that no other row refers to are removed, too.
        """

    @abstractmethod
    def erase_login(self, login: str, *, keep: UserId | None, limit: int) -> int:
        """Remove at most ``limit`` attempts of no user with this login; blank it in the attempts of other users.

        The logins of the attempts have the same key as ``login`` has; see ``login_key``. The attempts of the user
        ``keep`` stay as they are: that user has the login now.

        Returns:
            How many were removed or blanked.
        """

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` attempts of any tenant that are older; return how many."""

    @abstractmethod
    def blank_logins(self, before: datetime, *, limit: int) -> int:
        """Set the login to None in at most ``limit`` older attempts of any tenant that belong to no user.

        Returns:
            How many had a login; those without one are not counted.
        """


class AttemptRepository(StoredAttempts[Attempt], Protocol):
    """Attempts to sign in."""


class RegistrationAttemptRepository(StoredAttempts[RegistrationAttempt], Protocol):
    """Attempts to register."""


class UserAgentRepository(Protocol):
    """The user agents that attempts and access tokens name, if the storage stores each text once."""

    @abstractmethod
    def remove_unused(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` user agents that no attempt since then, and no token that expires since then, names.

        Returns:
            How many were removed; 0 from a storage that stores them with their rows.
        """


class AttemptsUnit(Protocol):
    """The part of a unit that attempts need."""

    @property
    def attempts(self) -> AttemptRepository:
        """The tenant's attempts to sign in as this unit sees them."""

    @property
    def registration_attempts(self) -> RegistrationAttemptRepository:
        """The tenant's attempts to register as this unit sees them."""

    @property
    def user_agents(self) -> UserAgentRepository:
        """The user agents of all tenants as this unit sees them."""
