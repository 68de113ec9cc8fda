"""What history asks of a storage. ``usercore.testing.contracts.history`` tests it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from usercore.history.model import Action, ActionCount, Entry
from usercore.kernel.changes import Subject
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.units import ResolvingUnit

Place = tuple[int, int]
"""Change number and position of an entry in its subject's history."""

ActionPlace = tuple[int, int]
"""The id of an action and of its user, which is 0 if it has none: the place in the log."""

PersonalFields = Mapping[str, frozenset[str]]
"""The personal fields of each kind of change, by its name."""


class HistoryRepository(Protocol):
    """The entries of history. A unit reads those of its own tenant only."""

    @abstractmethod
    def add_many(self, entries: Sequence[Entry]) -> None:
        """Store the entries of a unit, which may be none.

        Raises:
            RunAgain: one of the places is in use; the next run counts on from there.
        """

    @abstractmethod
    def get(self, subject: Subject, subject_id: int, place: Place) -> Entry | None:
        """Return the entry at this place, or None."""

    @abstractmethod
    def list_of(
        self, subject: Subject, subject_id: int, *, before: Place | None, limit: int, kind: str | None = None
    ) -> list[Entry]:
        """Return at most ``limit`` entries of the subject that are older than the place, newest first.

        With a kind, only those of this kind of change.
        """

    @abstractmethod
    def earliest_from(self, subject: Subject, subject_id: int, place: Place) -> datetime | None:
        """Return the earliest instant of the subject's entries at this place and later ones, or None if there are none.

        Later entries may have earlier instants: clocks are set back, and those of processes differ.
        """

    @abstractmethod
    def blank(self, subject: Subject, subject_id: int, personal: PersonalFields, *, tenant_id: TenantId) -> None:
        """Blank the addresses (``ip``) of the subject's entries in this tenant, and these fields of old and new values.

        The entries stay.
        """

    @abstractmethod
    def blank_actor(self, actor: str, *, limit: int) -> int:
        """Blank the address (``ip``) of at most ``limit`` entries of any tenant that have one and are of this actor.

        The actor is in the form of ``str(Actor)``, and not the host. An index finds the entries.

        Returns:
            How many were blanked.
        """

    @abstractmethod
    def remove_unknown_logins(self, before: datetime, *, limit: int) -> list[int]:
        """Remove at most ``limit`` entries of any tenant about logins that no user had, if they were made before.

        Returns:
            The ids of their subjects.
        """


class ActionRepository(Protocol):
    """The action log. A unit reads the actions of its own tenant only."""

    @abstractmethod
    def add(self, action: Action) -> None:
        """Store an action of no user, or of a locked one.

        Raises:
            RunAgain: this user, or no user in any tenant, has an action with this id; the next run draws another.
        """

    @abstractmethod
    def list_before(
        self, before: ActionPlace | None, *, user_id: UserId | None, action: str | None, limit: int
    ) -> list[Action]:
        """Return at most ``limit`` actions that stand before the place, those with the highest ids first.

        They are those of one user, or all of the tenant, and of this name only if it is passed. Of equal ids the one of
        the user with the higher id is first. An index finds them: the cost does not depend on the position.
        """

    @abstractmethod
    def counts(self, user_id: UserId | None) -> list[ActionCount]:
        """Return how often each action was logged, of one user or in the tenant, in any order.

        Reads each of these actions, from an index.
        """

    @abstractmethod
    def blank_actor(self, actor: str, *, limit: int) -> int:
        """Blank the address (``ip``) of at most ``limit`` actions of any tenant that have one and are of this actor.

        See ``HistoryRepository.blank_actor``.

        Returns:
            How many were blanked.
        """

    @abstractmethod
    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` actions of any tenant that are older; return how many."""

    @abstractmethod
    def remove_all(self, *, limit: int) -> int:
        """Remove at most ``limit`` actions of the unit's tenant, which is deleted; return how many."""


class HistoryUnit(ResolvingUnit, Protocol):
    """The part of a unit that history needs."""

    @property
    def history(self) -> HistoryRepository:
        """The tenant's history as this unit sees it."""

    @property
    def actions(self) -> ActionRepository:
        """The tenant's action log as this unit sees it."""
