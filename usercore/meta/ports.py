"""What meta asks of a storage. ``usercore.testing.contracts.meta`` proves it."""

from abc import abstractmethod
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.meta.model import KeyUser, StoredMeta


class MetaRepository(Protocol):
    """Stores values by user and key. Callers learn whose tenant a user belongs to by locking or reading the user."""

    @abstractmethod
    def add(self, row: StoredMeta, /) -> None:
        """Store a new value.

        Raises:
            RunAgain: the user has a value under this key.
        """

    @abstractmethod
    def get(self, user_id: UserId, key: str, /) -> StoredMeta | None:
        """Return the user's value under this key, compared exactly, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[StoredMeta]:
        """Return the user's values in the order of their keys' code points."""

    @abstractmethod
    def list_from(self, user_id: UserId, after: str | None, /, *, public_only: bool, limit: int) -> list[StoredMeta]:
        """Return at most ``limit`` of the user's values, or of the public ones, in that order, from behind a key."""

    @abstractmethod
    def put(self, row: StoredMeta, /) -> None:
        """Store a value of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, key: str, /) -> bool:
        """Remove a value; return whether there was one."""

    @abstractmethod
    def list_by_key(
        self, key: str, value: str | None, *, public_only: bool, after: UserId | None, limit: int
    ) -> list[KeyUser]:
        """Return at most ``limit`` users of the unit's tenant who have this key, by id, from behind ``after``.

        With ``value`` only those who have this value. An index finds them: the cost does not depend on the position.
        """


class MetaUnit(ChangingUnit, Protocol):
    """The part of a unit that meta needs."""

    @property
    def meta(self) -> MetaRepository:
        """The values as this unit sees them."""
