"""Remembered devices in SQL, beside their users."""

from datetime import datetime
from typing import Final

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
from usercore.tokens.model import RememberedDevice
from usercore.tokens.ports import RememberedDeviceRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import REMEMBERED_DEVICES

REMOVE_ALL: Final = f"DELETE FROM usercore_remembered_devices WHERE user_id = ? RETURNING {REMEMBERED_DEVICES.select}"
REMOVE_EXPIRED: Final = (
    "DELETE FROM usercore_remembered_devices WHERE (user_id, device_digest) IN (SELECT user_id, device_digest"
    " FROM usercore_remembered_devices WHERE remembered_at < ? ORDER BY remembered_at LIMIT ?)"
    " AND remembered_at < ? RETURNING user_id"
)
"""The condition stands twice because a device may be remembered anew while the statement waits for its row."""


class SqlRememberedDevices(SqlRows[RememberedDevice], RememberedDeviceRepository):
    """Stores remembered devices in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, REMEMBERED_DEVICES)
        self.from_all_shards = {  # they are stored beside their users, who may be on any shard
            "users of a device": "SELECT user_id FROM usercore_remembered_devices WHERE device_digest = ?",
        }

    def remove_all(self, user_id: UserId, /) -> list[RememberedDevice]:
        return sorted(self._all(REMOVE_ALL, (user_id,)), key=lambda row: row.device_digest)

    def users_of_device(self, device: Digest, /) -> list[UserId]:
        return sorted(user_id for (user_id,) in self._run(self.from_all_shards["users of a device"], (device,)))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        at = to_micros(before)
        return len(self._run(REMOVE_EXPIRED, (at, limit, at)))
