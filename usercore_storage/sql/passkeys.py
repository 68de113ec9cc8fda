"""Passkeys in SQL, by credential id: signing in looks them up before the user is known."""

from datetime import datetime
from typing import Final

from usercore.kernel.ids import UserId
from usercore.kernel.time import to_micros
from usercore.passkeys.model import Passkey
from usercore.passkeys.ports import PasskeyRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import PASSKEYS

_BY_KEY: Final = "tenant_id = ? AND credential_id = ?"
GET: Final = f"SELECT {PASSKEYS.select} FROM usercore_passkeys WHERE {_BY_KEY}"
USE: Final = (
    f"UPDATE usercore_passkeys SET sign_count = ?, backed_up = ?, last_used_at = ? WHERE {_BY_KEY} AND id = ?"
    " AND (sign_count < ? OR (sign_count = 0 AND ? = 0)) RETURNING id"
)
REMOVE: Final = f"DELETE FROM usercore_passkeys WHERE {_BY_KEY} RETURNING id"


class SqlPasskeys(PasskeyRepository):
    """Stores passkeys in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # a user's passkeys are where their credential ids are
            "list": f"SELECT {PASSKEYS.select} FROM usercore_passkeys WHERE user_id = ? AND tenant_id = ? ORDER BY id"
        }

    def add(self, passkey: Passkey, /) -> None:
        self._run(PASSKEYS.insert, PASSKEYS.row(passkey))

    def get(self, credential_id: bytes, /) -> Passkey | None:
        rows = self._run(GET, (self._unit.tenant_id, credential_id))
        return PASSKEYS.read(rows[0]) if rows else None

    def list_of(self, user_id: UserId, /) -> list[Passkey]:
        rows = self._run(self.from_all_shards["list"], (user_id, self._unit.tenant_id))
        return list(map(PASSKEYS.read, rows))

    def use(self, credential_id: bytes, number: int, /, *, sign_count: int, backed_up: bool, at: datetime) -> bool:
        key = (self._unit.tenant_id, credential_id, number)
        values = (sign_count, backed_up, to_micros(at), *key, sign_count, sign_count)
        return bool(self._run(USE, values))

    def remove(self, credential_id: bytes, /) -> bool:
        return bool(self._run(REMOVE, (self._unit.tenant_id, credential_id)))
