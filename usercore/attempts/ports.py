"""What attempts ask of a storage. ``usercore.testing.contracts`` proves it, a file for each repository."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.kernel.ids import UserId


class AttemptRepository(Protocol):
    """Keeps tries to sign in. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, attempt: Attempt) -> None:
        """Keep a try.

        Raises:
            RunAgain: this user, or nobody in any tenant, has a try with this id; the next run draws another.
        """

    @abstractmethod
    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[Attempt]:
        """Give at most ``limit`` tries of the user, or those that found nobody, newest first, with ids below."""

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tries of any tenant that are older; say how many."""


class RegistrationAttemptRepository(Protocol):
    """Keeps tries to register. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, attempt: RegistrationAttempt) -> None:
        """Keep a try.

        Raises:
            RunAgain: this user, or nobody in any tenant, has a try with this id; the next run draws another.
        """

    @abstractmethod
    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[RegistrationAttempt]:
        """Give at most ``limit`` tries of the user, or those that made nobody, newest first, with ids below."""

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tries of any tenant that are older; say how many."""


class AttemptsUnit(Protocol):
    """The part of a unit that attempts need."""

    @property
    def attempts(self) -> AttemptRepository:
        """The tenant's tries to sign in as this unit sees them."""

    @property
    def registration_attempts(self) -> RegistrationAttemptRepository:
        """The tenant's tries to register as this unit sees them."""
