"""Attempts to sign in and to register, in SQL."""

from datetime import datetime
from typing import Final, Generic, TypeVar

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.attempts.ports import (
    AttemptRepository,
    RegistrationAttemptRepository,
)
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.digests import digest_of_login
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ATTEMPTS, REGISTRATION_ATTEMPTS
from usercore_storage.sql.user_agents import SqlUserAgents

A = TypeVar("A", bound=Attempt | RegistrationAttempt)

_NO_LOGIN: Final = digest_of_login(None)
_NO_USER: Final = 0
"""An id that no row has: those of users are positive, and rows without a user have the negative of their own id."""


class _SqlAttempts(Generic[A]):
    """What both kinds of attempts have in common: they are added, listed by user, blanked and removed."""

    def __init__(self, table: Table[A], run: Executor, unit: RecordingUnit, user_agents: SqlUserAgents) -> None:
        self._table = table
        self._run = run
        self._unit = unit
        self._user_agents = user_agents
        page = "AND id < ? AND tenant_id = ? ORDER BY id DESC LIMIT ?"
        self._list = f"SELECT {table.select} FROM {table.name} WHERE user_id = ? {page}"
        self._first = f"SELECT id FROM {table.name} WHERE user_id = ? ORDER BY id LIMIT ?"
        self._remove_first = f"DELETE FROM {table.name} WHERE user_id = ? AND id <= ? RETURNING user_agent"
        self._remove_one = f"DELETE FROM {table.name} WHERE user_id = ? AND id = ?"
        self._blank_one = f"UPDATE {table.name} SET login = NULL, login_digest = ? WHERE user_id = ? AND id = ?"
        self.from_all_shards = {
            # Attempts without a user are on all shards: one shard could be kept busy from outside.
            "no_user": f"SELECT {table.select} FROM {table.name} WHERE user_id < 0 {page}",
            # Any user may have been looked for by this login.
            "login": f"SELECT user_id, id, user_agent FROM {table.name} WHERE tenant_id = ? AND login_digest = ?"
            " AND login IS NOT NULL AND user_id <> ? LIMIT ?",
        }
        self._remove = (
            f"DELETE FROM {table.name} WHERE (user_id, id) IN"
            f" (SELECT user_id, id FROM {table.name} WHERE at < ? ORDER BY at LIMIT ?) RETURNING id"
        )
        self._blank = (
            f"UPDATE {table.name} SET login = NULL, login_digest = ? WHERE (user_id, id) IN"
            f" (SELECT user_id, id FROM {table.name} WHERE user_id < 0 AND login IS NOT NULL AND at < ?"
            " ORDER BY at LIMIT ?) RETURNING id"
        )

    def add(self, attempt: A) -> None:
        self._user_agents.store(attempt.user_agent, until=attempt.at)
        self._run(self._table.insert, self._table.row(attempt))

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[A]:
        values = (LIMIT if before is None else before, self._unit.tenant_id, limit)
        if user_id is None:
            rows = self._run(self.from_all_shards["no_user"], values)
        else:
            rows = self._run(self._list, (user_id, *values))
        return list(map(self._table.read, rows))

    def remove_of(self, user_id: UserId, *, limit: int) -> int:
        ids = self._run(self._first, (user_id, limit))
        if ids:
            named = self._run(self._remove_first, (user_id, *ids[-1]))
            self._user_agents.remove_unused_of(digest for (digest,) in named)
        return len(ids)

    def erase_login(self, login: str, *, keep: UserId | None, limit: int) -> int:
        values = self._unit.tenant_id, digest_of_login(login), _NO_USER if keep is None else keep, limit
        found = self._run(self.from_all_shards["login"], values)
        self._run.many(self._remove_one, [(user_id, number) for user_id, number, _ in found if user_id < 0])
        blanked = [(_NO_LOGIN, user_id, number) for user_id, number, _ in found if user_id > 0]
        self._run.many(self._blank_one, blanked)
        self._user_agents.remove_unused_of(digest for user_id, _, digest in found if user_id < 0)
        return len(found)

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(self._remove, (to_micros(before), limit)))

    def blank_logins(self, before: datetime, *, limit: int) -> int:
        return len(self._run(self._blank, (_NO_LOGIN, to_micros(before), limit)))


class SqlAttempts(_SqlAttempts[Attempt], AttemptRepository):
    """Attempts to sign in, in the transaction of the executor."""

    def __init__(self, run: Executor, unit: RecordingUnit, user_agents: SqlUserAgents) -> None:
        """Work for this unit."""
        super().__init__(ATTEMPTS, run, unit, user_agents)


class SqlRegistrationAttempts(_SqlAttempts[RegistrationAttempt], RegistrationAttemptRepository):
    """Attempts to register, in the transaction of the executor."""

    def __init__(self, run: Executor, unit: RecordingUnit, user_agents: SqlUserAgents) -> None:
        """Work for this unit."""
        super().__init__(REGISTRATION_ATTEMPTS, run, unit, user_agents)
