"""Attempts, throttles and allowances in SQL. A counter is moved by one statement that answers with the row as it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from usercore.attempts.model import Attempt, FailureCounter, RateLimitWindow, RegistrationAttempt
from usercore.attempts.ports import (
    AttemptRepository,
    FailureCounterRepository,
    RateLimitRepository,
    RegistrationAttemptRepository,
)
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import MICROSECOND, to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALLOWANCES, ATTEMPTS, REGISTRATION_ATTEMPTS, THROTTLES

A = TypeVar("A", bound=Attempt | RegistrationAttempt)

GET_THROTTLES: Final = {
    size: f"SELECT {THROTTLES.select} FROM usercore_throttles WHERE key IN ({marks(size)})" for size in SIZES
}
_FORGOTTEN: Final = (
    "CASE WHEN usercore_throttles.last_at <= ? AND usercore_throttles.tried - usercore_throttles.forgiven < ?"
    " THEN usercore_throttles.tried ELSE usercore_throttles.forgiven END"
)
COUNT_TRY: Final = (
    f"INSERT INTO usercore_throttles ({THROTTLES.select}) VALUES (?, 1, 0, ?) ON CONFLICT (key) DO UPDATE SET"
    f" forgiven = {_FORGOTTEN}, tried = usercore_throttles.tried + 1,"
    " last_at = CASE WHEN excluded.last_at > usercore_throttles.last_at"
    " THEN excluded.last_at ELSE usercore_throttles.last_at END"
    f" RETURNING {THROTTLES.select}"
)
FORGIVE: Final = (
    "UPDATE usercore_throttles SET forgiven = CASE WHEN tried < ? THEN tried ELSE ? END WHERE key = ? AND forgiven < ?"
)
REMOVE_THROTTLES: Final = (
    "DELETE FROM usercore_throttles WHERE key IN (SELECT key FROM usercore_throttles"
    " WHERE last_at < ? AND tried - forgiven < ? LIMIT ?) RETURNING key"
)

USE: Final = (
    f"INSERT INTO usercore_allowances ({ALLOWANCES.select}) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET"
    " used = CASE WHEN usercore_allowances.started_at <= ? OR usercore_allowances.started_at > ? THEN 1"
    " WHEN usercore_allowances.used > ? THEN usercore_allowances.used ELSE usercore_allowances.used + 1 END,"
    " started_at = CASE WHEN usercore_allowances.started_at <= ? OR usercore_allowances.started_at > ?"
    " THEN excluded.started_at"
    " ELSE usercore_allowances.started_at END"
    f" RETURNING {ALLOWANCES.select}"
)
REMOVE_ALLOWANCES: Final = (
    "DELETE FROM usercore_allowances WHERE key IN (SELECT key FROM usercore_allowances WHERE started_at < ? LIMIT ?)"
    " RETURNING key"
)


class _SqlAttempts(Generic[A]):
    """What both kinds of attempts have in common: they are added, listed by user, and forgotten."""

    def __init__(self, table: Table[A], run: Executor, unit: RecordingUnit) -> None:
        self._table = table
        self._run = run
        self._unit = unit
        self._list = (
            f"SELECT {table.select} FROM {table.name} WHERE user_id = ? AND id < ? AND tenant_id = ?"
            " ORDER BY id DESC LIMIT ?"
        )
        self._remove = (
            f"DELETE FROM {table.name} WHERE (user_id, id) IN"
            f" (SELECT user_id, id FROM {table.name} WHERE at < ? ORDER BY at LIMIT ?) RETURNING id"
        )

    def add(self, attempt: A) -> None:
        self._run(self._table.insert, self._table.row(attempt))

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[A]:
        values = (user_id or 0, LIMIT if before is None else before, self._unit.tenant_id, limit)
        return list(map(self._table.read, self._run(self._list, values)))

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(self._remove, (to_micros(before), limit)))


class SqlAttempts(_SqlAttempts[Attempt], AttemptRepository):
    """Keeps tries to sign in in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        super().__init__(ATTEMPTS, run, unit)


class SqlRegistrationAttempts(_SqlAttempts[RegistrationAttempt], RegistrationAttemptRepository):
    """Keeps tries to register in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        super().__init__(REGISTRATION_ATTEMPTS, run, unit)


class SqlFailureCounters(FailureCounterRepository):
    """Counts tries in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def get_many(self, keys: Sequence[bytes]) -> list[FailureCounter]:
        return [THROTTLES.read(row) for some in in_sizes(keys) for row in self._run(GET_THROTTLES[len(some)], some)]

    def record_failure(self, key: bytes, *, at: datetime, stale_before: datetime, kept_from: int) -> FailureCounter:
        rows = self._run(COUNT_TRY, (key, to_micros(at), to_micros(stale_before), kept_from))
        return THROTTLES.read(rows[0])

    def forgive(self, key: bytes, *, up_to: int) -> None:
        self._run(FORGIVE, (up_to, up_to, key, up_to))

    def remove_before(self, before: datetime, *, kept_from: int, limit: int) -> int:
        return len(self._run(REMOVE_THROTTLES, (to_micros(before), kept_from, limit)))


class SqlRateLimits(RateLimitRepository):
    """Counts uses in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        now, length = to_micros(at), window // MICROSECOND
        over, beyond = now - length, now + length
        return ALLOWANCES.read(self._run(USE, (key, now, over, beyond, most, over, beyond))[0])

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_ALLOWANCES, (to_micros(before), limit)))
