"""Counters of failures and rate limits in SQL. A counter is moved by one statement that returns the row with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.time import MICROSECOND, to_micros
from usercore.throttling.model import CounterKind, CountingRule, FailureCounter, RateLimitWindow
from usercore.throttling.ports import FailureCounterRepository, RateLimitRepository
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.tables import FAILURE_COUNTERS, RATE_LIMITS, REMOVABLE_COUNTER

GET_COUNTERS: Final = {
    size: f"SELECT {FAILURE_COUNTERS.select} FROM usercore_failure_counters WHERE key IN ({marks(size)})"
    for size in SIZES
}
_FAILURES: Final = "usercore_failure_counters.tries - usercore_failure_counters.reset_up_to"
_STARTS_ANEW: Final = (
    f"CASE WHEN {_FAILURES} = 0 OR usercore_failure_counters.last_at <= ? OR usercore_failure_counters.last_at > ?"
    f" OR (usercore_failure_counters.since <= ? AND {_FAILURES} < ?) THEN"
)
RECORD_FAILURE: Final = (
    f"INSERT INTO usercore_failure_counters ({FAILURE_COUNTERS.select}) VALUES (?, ?, 1, 0, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET tries = usercore_failure_counters.tries + 1,"
    f" reset_up_to = {_STARTS_ANEW} usercore_failure_counters.tries ELSE usercore_failure_counters.reset_up_to END,"
    " wrong_passwords = usercore_failure_counters.wrong_passwords + excluded.wrong_passwords,"
    f" since = {_STARTS_ANEW} excluded.since ELSE usercore_failure_counters.since END,"
    " last_at = CASE WHEN usercore_failure_counters.last_at > ? OR excluded.last_at > usercore_failure_counters.last_at"
    " THEN excluded.last_at ELSE usercore_failure_counters.last_at END"
    f" RETURNING {FAILURE_COUNTERS.select}"
)
ADD_WRONG: Final = "UPDATE usercore_failure_counters SET wrong_passwords = wrong_passwords + ? WHERE key = ?"
_RESET_UP_TO: Final = "CASE WHEN tries < ? THEN tries ELSE ? END"
RESET: Final = (
    f"UPDATE usercore_failure_counters SET reset_up_to = {_RESET_UP_TO},"
    f" wrong_passwords = CASE WHEN wrong_passwords < tries - {_RESET_UP_TO} THEN wrong_passwords"
    f" ELSE tries - {_RESET_UP_TO} END WHERE key = ? AND reset_up_to <= ?"
)
TAKE_BACK: Final = (
    "UPDATE usercore_failure_counters SET reset_up_to = reset_up_to + 1,"
    " last_at = CASE WHEN tries = ? THEN ? ELSE last_at END WHERE key = ? AND reset_up_to < ? AND ? <= tries"
)
_REMOVABLE: Final = f"SELECT key FROM usercore_failure_counters WHERE {REMOVABLE_COUNTER} AND last_at"
REMOVE_OLD_COUNTERS: Final = (
    f"DELETE FROM usercore_failure_counters WHERE key IN ({_REMOVABLE} < ? ORDER BY last_at LIMIT ?) RETURNING key"
)
REMOVE_FUTURE_COUNTERS: Final = (
    f"DELETE FROM usercore_failure_counters WHERE key IN ({_REMOVABLE} > ? ORDER BY last_at LIMIT ?) RETURNING key"
)

GET_LIMITS: Final = {
    size: f"SELECT {RATE_LIMITS.select} FROM usercore_rate_limits WHERE key IN ({marks(size)})" for size in SIZES
}
USE: Final = (
    f"INSERT INTO usercore_rate_limits ({RATE_LIMITS.select}) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET"
    " used = CASE WHEN usercore_rate_limits.started_at <= ? OR usercore_rate_limits.started_at > ? THEN 1"
    " WHEN usercore_rate_limits.used > ? THEN usercore_rate_limits.used ELSE usercore_rate_limits.used + 1 END,"
    " started_at = CASE WHEN usercore_rate_limits.started_at <= ? OR usercore_rate_limits.started_at > ?"
    " THEN excluded.started_at"
    " ELSE usercore_rate_limits.started_at END"
    f" RETURNING {RATE_LIMITS.select}"
)
REMOVE_COUNTER: Final = "DELETE FROM usercore_failure_counters WHERE key = ?"
REMOVE_LIMIT: Final = "DELETE FROM usercore_rate_limits WHERE key = ?"
REMOVE_LIMITS: Final = (
    "DELETE FROM usercore_rate_limits WHERE key IN (SELECT key FROM usercore_rate_limits WHERE started_at < ?"
    " ORDER BY started_at LIMIT ?) RETURNING key"
)


class SqlFailureCounters(FailureCounterRepository):
    """Counts failures in the transaction of the executor."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def get_many(self, keys: Sequence[bytes]) -> list[FailureCounter]:
        read = FAILURE_COUNTERS.read
        return [read(row) for some in in_sizes(keys) for row in self._run(GET_COUNTERS[len(some)], some)]

    def record_failure(
        self, key: bytes, kind: CounterKind, *, at: datetime, rule: CountingRule, wrong_password: bool = False
    ) -> FailureCounter:
        now = to_micros(at)
        ahead = to_micros(rule.set_back_after)
        anew = to_micros(rule.forgotten_before), ahead, to_micros(rule.window_before), rule.window_threshold
        new = key, kind._value_, int(wrong_password), now, now
        rows = self._run(RECORD_FAILURE, (*new, *anew, *anew, ahead))
        return FAILURE_COUNTERS.read(rows[0])

    def add_wrong_passwords(self, key: bytes, count: int) -> None:
        self._run(ADD_WRONG, (count, key))

    def reset(self, key: bytes, *, up_to: int) -> None:
        self._run(RESET, (up_to, up_to, up_to, up_to, up_to, up_to, key, up_to))

    def cancel_try(self, key: bytes, *, ordinal: int, last_at: datetime) -> None:
        self._run(TAKE_BACK, (ordinal, to_micros(last_at), key, ordinal, ordinal))

    def remove(self, keys: Sequence[bytes]) -> None:
        self._run.many(REMOVE_COUNTER, [(key,) for key in keys])

    def remove_stale(self, before: datetime, *, after: datetime, limit: int) -> int:
        old = len(self._run(REMOVE_OLD_COUNTERS, (to_micros(before), limit)))
        if old == limit:
            return old
        return old + len(self._run(REMOVE_FUTURE_COUNTERS, (to_micros(after), limit - old)))


class SqlRateLimits(RateLimitRepository):
    """Counts uses in the transaction of the executor."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def get_many(self, keys: Sequence[bytes]) -> list[RateLimitWindow]:
        return [RATE_LIMITS.read(row) for some in in_sizes(keys) for row in self._run(GET_LIMITS[len(some)], some)]

    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        now, length = to_micros(at), window // MICROSECOND
        over, beyond = now - length, now + length
        return RATE_LIMITS.read(self._run(USE, (key, now, over, beyond, most, over, beyond))[0])

    def remove(self, keys: Sequence[bytes]) -> None:
        self._run.many(REMOVE_LIMIT, [(key,) for key in keys])

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_LIMITS, (to_micros(before), limit)))
