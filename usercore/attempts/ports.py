"""What attempts ask of a storage. ``usercore.testing.contracts`` proves it, a file for each repository."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from usercore.attempts.model import Attempt, FailureCounter, RateLimitWindow, RegistrationAttempt
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


class FailureCounterRepository(Protocol):
    """Counts tries by key."""

    @abstractmethod
    def get_many(self, keys: Sequence[bytes]) -> list[FailureCounter]:
        """Give those of these counters that are there, in any order. One or two keys cost one look-up."""

    @abstractmethod
    def record_failure(self, key: bytes, *, at: datetime, stale_before: datetime, kept_from: int) -> FailureCounter:
        """Count a try as failed, in one step that no other unit can come between, and give the counter as it is now.

        If the last try was at or before ``stale_before`` and there are fewer than ``kept_from`` failures in a row,
        those are forgiven first. ``last_at`` moves only forward.
        """

    @abstractmethod
    def forgive(self, key: bytes, *, up_to: int) -> None:
        """Forgive what came up to this ordinal, at most all, and never less than before. No counter: nothing."""

    @abstractmethod
    def remove_before(self, before: datetime, *, kept_from: int, limit: int) -> int:
        """Remove at most ``limit`` counters whose last try is older, unless they have that many failures in a row."""


class RateLimitRepository(Protocol):
    """Counts uses by key, in windows that start with a use."""

    @abstractmethod
    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        """Count a use, in one step that no other unit can come between, and give the counter as it is now.

        The window starts anew if it ended at or before ``at``, or begins more than a whole window after it, which is
        what a clock leaves behind that jumped back. The count stops one above ``most``.
        """

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` counters whose window started earlier; say how many."""


class AttemptsUnit(Protocol):
    """The part of a unit that attempts need."""

    @property
    def attempts(self) -> AttemptRepository:
        """The tenant's tries to sign in as this unit sees them."""

    @property
    def registration_attempts(self) -> RegistrationAttemptRepository:
        """The tenant's tries to register as this unit sees them."""

    @property
    def throttles(self) -> FailureCounterRepository:
        """The counters of tries as this unit sees them."""

    @property
    def allowances(self) -> RateLimitRepository:
        """The counters of uses as this unit sees them."""
