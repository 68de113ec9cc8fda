"""What history asks of a storage. ``usercore.testing.contracts.history`` proves it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from usercore.history.model import Entry
from usercore.kernel.changes import Subject
from usercore.kernel.units import ResolvingUnit

Place = tuple[int, int]
"""Change number and position: where an entry stands in its subject's history."""


class HistoryRepository(Protocol):
    """Keeps entries, only ever adding. A unit sees those of its own tenant only."""

    @abstractmethod
    def add_many(self, entries: Sequence[Entry]) -> None:
        """Keep the entries of a unit, or none.

        Raises:
            RunAgain: one of the places is in use; the next run counts on from there.
        """

    @abstractmethod
    def get(self, subject: Subject, subject_id: int, place: Place) -> Entry | None:
        """Give the entry at this place, or None."""

    @abstractmethod
    def list_of(self, subject: Subject, subject_id: int, *, before: Place | None, limit: int) -> list[Entry]:
        """Give at most ``limit`` entries of the subject, newest first, from before the place."""


class HistoryUnit(ResolvingUnit, Protocol):
    """The part of a unit that history needs."""

    @property
    def history(self) -> HistoryRepository:
        """The tenant's history as this unit sees it."""
