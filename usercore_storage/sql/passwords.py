"""Credentials in SQL, on their users' shards."""

from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import CREDENTIALS


class SqlCredentials(SqlRows[Credential], CredentialRepository):
    """Stores one credential a user."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        super().__init__(run, CREDENTIALS)
