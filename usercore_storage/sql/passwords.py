"""Credentials in SQL, beside their users."""

from typing import Final

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import CREDENTIALS

GET: Final = f"SELECT {CREDENTIALS.select} FROM usercore_credentials WHERE user_id = ?"
_SETS: Final = ", ".join(f"{column.name} = excluded.{column.name}" for column in CREDENTIALS.columns[1:])
PUT: Final = f"{CREDENTIALS.insert} ON CONFLICT (user_id) DO UPDATE SET {_SETS}"


class SqlCredentials(CredentialRepository):
    """Keeps credentials in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def get(self, user_id: UserId) -> Credential | None:
        rows = self._run(GET, (user_id,))
        return CREDENTIALS.read(rows[0]) if rows else None

    def put(self, credential: Credential) -> None:
        self._run(PUT, CREDENTIALS.row(credential))
