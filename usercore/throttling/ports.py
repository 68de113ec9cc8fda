"""What throttling asks of a storage. ``usercore.testing.contracts`` proves it, a file for each repository."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from usercore.throttling.model import CounterKind, CountingRule, FailureCounter, RateLimitWindow


class FailureCounterRepository(Protocol):
    """Stores counters of failures by key."""

    @abstractmethod
    def get_many(self, keys: Sequence[bytes]) -> list[FailureCounter]:
        """Return the counters that exist under these keys, in any order. One or two keys cost one look-up."""

    @abstractmethod
    def record_failure(
        self, key: bytes, kind: CounterKind, *, at: datetime, rule: CountingRule, wrong_password: bool = False
    ) -> FailureCounter:
        """Count a failure atomically, as ``rule`` says, and return the counter with it.

        ``tries`` rises by one. A row of failures that starts anew sets ``reset_up_to`` to the former ``tries``, and
        ``since`` to ``at``. ``wrong_passwords`` rises by one if asked, and only ``reset`` lowers it. ``last_at`` never
        falls, unless the clock was set back.
        """

    @abstractmethod
    def add_wrong_passwords(self, key: bytes, count: int) -> None:
        """Count wrong passwords, 0 or more, for failures that were recorded before. Needs a counter to do anything."""

    @abstractmethod
    def reset(self, key: bytes, *, up_to: int) -> None:
        """Reset the failures up to this ordinal: never more than were made, never fewer than before.

        At most as many wrong passwords stay as failures do. Without a counter nothing happens.
        """

    @abstractmethod
    def cancel_try(self, key: bytes, *, ordinal: int, last_at: datetime) -> None:
        """Cancel the failure with this ordinal: ``reset_up_to`` rises by one, and wrong passwords stay as they are.

        ``last_at`` is set to the given instant unless a later failure was counted. A counter without failures, or
        without one of this ordinal, stays as it is.
        """

    @abstractmethod
    def remove(self, keys: Sequence[bytes]) -> None:
        """Remove the counters under these keys, whatever they have counted."""

    @abstractmethod
    def remove_stale(self, before: datetime, *, after: datetime, limit: int) -> int:
        """Remove at most ``limit`` counters whose last failure is earlier than ``before`` or later than ``after``.

        The counter of a user stays while it has failures or wrong passwords. Returns how many were removed.
        """


class RateLimitRepository(Protocol):
    """Counts uses by key, in windows that start with a use."""

    @abstractmethod
    def get_many(self, keys: Sequence[bytes]) -> list[RateLimitWindow]:
        """Return the windows that exist under these keys, in any order."""

    @abstractmethod
    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        """Count a use atomically and return the window with it.

        A new window starts if the present one ended at or before ``at``, or begins more than a whole window after it,
        as it does when the clock was set back. The count stops one above ``most``.
        """

    @abstractmethod
    def remove(self, keys: Sequence[bytes]) -> None:
        """Remove the windows under these keys."""

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` windows that started earlier; return how many were removed."""


class ThrottlingUnit(Protocol):
    """The part of a unit that throttling needs."""

    @property
    def failure_counters(self) -> FailureCounterRepository:
        """The counters of failures as this unit sees them."""

    @property
    def rate_limits(self) -> RateLimitRepository:
        """The rate limits as this unit sees them."""
