"""Rows of users by their entity, in memory: each repository that has rows of users returns them."""

from typing import TypeVar

from usercore.kernel.ids import UserId
from usercore.storage.personal_rows import PersonalRows
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.rows import OfUsers

T = TypeVar("T")


class MemoryPersonalRows(PersonalRows):
    """Finds the rows in the repositories of the unit."""

    def __init__(self, unit: RecordingUnit) -> None:
        self._unit = unit

    def list_of(self, entity: type[T], user_id: UserId, /) -> list[T]:
        found = (one.rows_of(user_id) for one in vars(self._unit).values() if isinstance(one, OfUsers))
        return [row for rows in found for row in rows if isinstance(row, entity)]
