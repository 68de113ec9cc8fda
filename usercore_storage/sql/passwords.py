"""Credentials in SQL, on their users' shards."""

from collections.abc import Sequence
from typing import Final

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import CREDENTIALS

GET_MANY: Final = {
    size: f"SELECT {CREDENTIALS.select} FROM usercore_credentials WHERE user_id IN ({marks(size)})" for size in SIZES
}


class SqlCredentials(SqlRows[Credential], CredentialRepository):
    """Stores one credential a user."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work in this transaction, and list the credentials of this unit's tenant."""
        super().__init__(run, CREDENTIALS)
        self._unit = unit
        self.from_all_shards = {  # credentials are stored beside their users
            "list": f"SELECT {CREDENTIALS.select_as('c')} FROM usercore_credentials AS c"
            " JOIN usercore_users AS u ON u.id = c.user_id"
            " WHERE u.tenant_id = ? AND c.user_id > ? ORDER BY c.user_id LIMIT ?"
        }

    def get_many(self, user_ids: Sequence[UserId]) -> list[Credential]:
        return [
            CREDENTIALS.read(row) for some in in_sizes(user_ids) for row in self._run(GET_MANY[len(some)], tuple(some))
        ]

    def list_from(self, after: UserId, *, limit: int) -> list[Credential]:
        return self._all(self.from_all_shards["list"], (self._unit.tenant_id, after, limit))

    def add_many(self, credentials: Sequence[Credential]) -> None:
        self._run.many(*CREDENTIALS.insert_many([CREDENTIALS.row(credential) for credential in credentials]))
