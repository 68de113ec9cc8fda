"""Meta in memory."""

from bisect import bisect_right
from itertools import islice

from usercore.kernel.ids import TenantId, UserId
from usercore.meta.model import KeyUser, StoredMeta
from usercore.meta.ports import MetaRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.undo_list import UndoList, itself

Group = tuple[TenantId, str, str | None]
"""Tenant and key, with or without a value: what users are looked up by."""


class MemoryMeta(MemoryRows[StoredMeta], MetaRepository):
    """Stores values by user and key, and which users have a key or a value."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        super().__init__(undo, "key")
        self._holders = UndoList[Group, UserId, UserId](undo, itself)
        self._unit = unit

    def add(self, row: StoredMeta) -> None:
        super().add(row)
        for group in _groups_of(row):
            self._holders.add(group, row.user_id)

    def remove(self, user_id: UserId, key: str, /) -> bool:
        row = self.get(user_id, key)
        for group in () if row is None else _groups_of(row):
            self._holders.remove(group, user_id)
        return super().remove(user_id, key)

    def list_from(self, user_id: UserId, after: str | None, /, *, public_only: bool, limit: int) -> list[StoredMeta]:
        behind = (row for row in self.list_of(user_id) if after is None or row.key > after)
        return list(islice((row for row in behind if row.public or not public_only), limit))

    def list_by_key(
        self, key: str, value: str | None, *, public_only: bool, after: UserId | None, limit: int
    ) -> list[KeyUser]:
        holders = self._holders.of((self._unit.tenant_id, key, value))
        start = 0 if after is None else bisect_right(holders, after)
        found: list[KeyUser] = []
        for place in range(start, len(holders)):
            row = self.get(holders[place], key)
            if row is not None and (row.public or not public_only):
                found.append(KeyUser(user_id=row.user_id, value=row.value, public=row.public))
            if len(found) == limit:
                break
        return found


def _groups_of(row: StoredMeta) -> tuple[Group, Group]:
    return (row.tenant_id, row.key, None), (row.tenant_id, row.key, row.value)
