"""Remembered devices, in memory."""

from datetime import datetime

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.tokens.model import RememberedDevice
from usercore.tokens.ports import RememberedDeviceRepository
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList, itself


class MemoryRememberedDevices(MemoryRows[RememberedDevice], RememberedDeviceRepository):
    """Stores remembered devices by user and digest; their users can be found by the device."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "device_digest")
        self._users = UndoList[Digest, UserId, UserId](undo, itself)

    def add(self, row: RememberedDevice) -> None:
        super().add(row)
        self._users.add(row.device_digest, row.user_id)

    def remove(self, user_id: UserId, device: Digest, /) -> bool:
        self._users.remove(device, user_id)
        return super().remove(user_id, device)

    def remove_all(self, user_id: UserId, /) -> list[RememberedDevice]:
        return self._removed(self.list_of(user_id))

    def users_of_device(self, device: Digest, /) -> list[UserId]:
        return [*self._users.of(device)]

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        rows = (row for _, row in self._rows.everything())
        return len(self._removed(oldest(rows, lambda row: row.remembered_at, before=before, limit=limit)))

    def _removed(self, rows: list[RememberedDevice]) -> list[RememberedDevice]:
        for row in rows:
            self.remove(row.user_id, row.device_digest)
        return rows
