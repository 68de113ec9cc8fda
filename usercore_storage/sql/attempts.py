"""Attempts to sign in and to register, in SQL."""

from datetime import datetime
from typing import Generic, TypeVar

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.attempts.ports import (
    AttemptRepository,
    RegistrationAttemptRepository,
)
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ATTEMPTS, REGISTRATION_ATTEMPTS
from usercore_storage.sql.user_agents import SqlUserAgents

A = TypeVar("A", bound=Attempt | RegistrationAttempt)


class _SqlAttempts(Generic[A]):
    """What both kinds of attempts have in common: they are added, listed by user, blanked and removed."""

    def __init__(self, table: Table[A], run: Executor, unit: RecordingUnit, user_agents: SqlUserAgents) -> None:
        self._table = table
        self._run = run
        self._unit = unit
        self._user_agents = user_agents
        self._list = (
            f"SELECT {table.select} FROM {table.name} WHERE user_id = ? AND id < ? AND tenant_id = ?"
            " ORDER BY id DESC LIMIT ?"
        )
        self._remove = (
            f"DELETE FROM {table.name} WHERE (user_id, id) IN"
            f" (SELECT user_id, id FROM {table.name} WHERE at < ? ORDER BY at LIMIT ?) RETURNING id"
        )
        self._blank = (
            f"UPDATE {table.name} SET login = NULL WHERE (user_id, id) IN (SELECT user_id, id FROM {table.name}"
            " WHERE user_id = 0 AND login IS NOT NULL AND at < ? ORDER BY at LIMIT ?) RETURNING id"
        )

    def add(self, attempt: A) -> None:
        self._user_agents.store(attempt.user_agent, until=attempt.at)
        self._run(self._table.insert, self._table.row(attempt))

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[A]:
        values = (user_id or 0, LIMIT if before is None else before, self._unit.tenant_id, limit)
        return list(map(self._table.read, self._run(self._list, values)))

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(self._remove, (to_micros(before), limit)))

    def blank_logins(self, before: datetime, *, limit: int) -> int:
        return len(self._run(self._blank, (to_micros(before), limit)))


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
