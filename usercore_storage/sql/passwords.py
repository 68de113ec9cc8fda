"""Credentials in SQL, on their users' shards."""

from collections.abc import Sequence
from typing import Final

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import CREDENTIALS

GET_MANY: Final = {
    size: f"SELECT {CREDENTIALS.select} FROM usercore_credentials WHERE user_id IN ({marks(size)})" for size in SIZES
}


class SqlCredentials(SqlRows[Credential], CredentialRepository):
    """Stores one credential a user."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        super().__init__(run, CREDENTIALS)

    def get_many(self, user_ids: Sequence[UserId]) -> list[Credential]:
        return [
            CREDENTIALS.read(row) for some in in_sizes(user_ids) for row in self._run(GET_MANY[len(some)], tuple(some))
        ]

    def add_many(self, credentials: Sequence[Credential]) -> None:
        self._run.many(*CREDENTIALS.insert_many([CREDENTIALS.row(credential) for credential in credentials]))
