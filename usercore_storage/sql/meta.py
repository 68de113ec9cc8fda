"""Meta in SQL, beside its users."""

from typing import Final

from usercore.kernel.ids import UserId
from usercore.meta.model import KeyUser, StoredMeta
from usercore.meta.ports import MetaRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.digests import digest_of_texts
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import META

HOLDERS: Final = Table(META.name, KeyUser, key=["user_id"], shard="user_id", tenant=None)
"""The columns of the same table that lists of users show."""


class SqlMeta(SqlRows[StoredMeta], MetaRepository):
    """Stores values in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        super().__init__(run, META)
        self._unit = unit
        page = f"SELECT {META.select} FROM usercore_meta WHERE user_id = ? AND key > ?"
        self._page = f"{page} ORDER BY key LIMIT ?"
        self._public_page = f"{page} AND public = ? ORDER BY key LIMIT ?"
        by_key = f"SELECT {HOLDERS.select} FROM usercore_meta WHERE tenant_id = ? AND key = ?"
        by_value = f"{by_key} AND digest = ? AND value = ?"
        rest = "ORDER BY user_id LIMIT ?"
        self.from_all_shards = {  # users with a key are on every shard
            "key": f"{by_key} AND user_id > ? {rest}",
            "key, public": f"{by_key} AND user_id > ? AND public = ? {rest}",
            "value": f"{by_value} AND user_id > ? {rest}",
            "value, public": f"{by_value} AND user_id > ? AND public = ? {rest}",
        }

    def list_from(self, user_id: UserId, after: str | None, /, *, public_only: bool, limit: int) -> list[StoredMeta]:
        if public_only:
            return self._all(self._public_page, (user_id, after or "", True, limit))
        return self._all(self._page, (user_id, after or "", limit))

    def list_by_key(
        self, key: str, value: str | None, *, public_only: bool, after: UserId | None, limit: int
    ) -> list[KeyUser]:
        statement = ("key" if value is None else "value") + (", public" if public_only else "")
        filters = () if value is None else (digest_of_texts(key, value), value)
        flag = (True,) if public_only else ()
        values = (self._unit.tenant_id, key, *filters, after or 0, *flag, limit)
        return list(map(HOLDERS.read, self._run(self.from_all_shards[statement], values)))
