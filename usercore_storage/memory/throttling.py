"""Counters of failures and rate limits, in memory."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from usercore.kernel.entity import evolve
from usercore.throttling.model import KINDS_OF_USERS, CounterKind, CountingRule, FailureCounter, RateLimitWindow
from usercore.throttling.ports import FailureCounterRepository, RateLimitRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest

C = TypeVar("C", bound=FailureCounter | RateLimitWindow)


class _Counters(Generic[C]):
    """Counters by key."""

    def __init__(self, undo: UndoLog) -> None:
        self._counters = UndoDict[bytes, C](undo)

    def get_many(self, keys: Sequence[bytes]) -> list[C]:
        return [counter for counter in map(self._counters.get, dict.fromkeys(keys)) if counter is not None]

    def remove(self, keys: Sequence[bytes]) -> None:
        for counter in self.get_many(keys):
            self._counters.remove(counter.key)

    def _put(self, counter: C) -> C:
        self._counters.put(counter.key, counter)
        return counter

    def _remove(self, at_of: Callable[[C], datetime | None], *, before: datetime, limit: int) -> int:
        removed = oldest(self._counters.values(), at_of, before=before, limit=limit)
        for counter in removed:
            self._counters.remove(counter.key)
        return len(removed)


class MemoryFailureCounters(_Counters[FailureCounter], FailureCounterRepository):
    """Counts failures."""

    def record_failure(
        self, key: bytes, kind: CounterKind, *, at: datetime, rule: CountingRule, wrong_password: bool = False
    ) -> FailureCounter:
        old = self._counters.get(key)
        if old is None:
            wrong = int(wrong_password)
            return self._put(
                FailureCounter(key=key, kind=kind, tries=1, reset_up_to=0, wrong_passwords=wrong, since=at, last_at=at)
            )
        is_over = old.since <= rule.window_before and old.failures < rule.window_threshold
        is_set_back = old.last_at > rule.set_back_after
        is_new = is_over or is_set_back or old.last_at <= rule.forgotten_before or not old.failures
        return self._put(
            evolve(
                old,
                tries=old.tries + 1,
                reset_up_to=old.tries if is_new else old.reset_up_to,
                wrong_passwords=old.wrong_passwords + int(wrong_password),
                since=at if is_new else old.since,
                last_at=at if is_set_back else max(old.last_at, at),
            )
        )

    def add_wrong_passwords(self, key: bytes, count: int) -> None:
        old = self._counters.get(key)
        if old is not None:
            self._put(evolve(old, wrong_passwords=old.wrong_passwords + count))

    def reset(self, key: bytes, *, up_to: int) -> None:
        old = self._counters.get(key)
        if old is not None and old.reset_up_to <= up_to:
            # A counter that was removed and started anew has not come as far as an older ordinal.
            reset_up_to = max(old.reset_up_to, min(up_to, old.tries))
            self._put(
                evolve(old, reset_up_to=reset_up_to, wrong_passwords=min(old.wrong_passwords, old.tries - reset_up_to))
            )

    def cancel_try(self, key: bytes, *, ordinal: int, last_at: datetime) -> None:
        old = self._counters.get(key)
        if old is not None and old.reset_up_to < ordinal <= old.tries:
            at = last_at if old.tries == ordinal else old.last_at
            self._put(evolve(old, reset_up_to=old.reset_up_to + 1, last_at=at))

    def remove_stale(self, before: datetime, *, after: datetime, limit: int) -> int:
        def at_of(counter: FailureCounter) -> datetime | None:
            if counter.kind in KINDS_OF_USERS and (counter.failures or counter.wrong_passwords):
                return None
            return datetime.min.replace(tzinfo=before.tzinfo) if counter.last_at > after else counter.last_at

        return self._remove(at_of, before=before, limit=limit)


class MemoryRateLimits(_Counters[RateLimitWindow], RateLimitRepository):
    """Counts uses."""

    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        kept = self._counters.get(key)
        if kept is None or kept.started_at + window <= at or kept.started_at - at > window:
            return self._put(RateLimitWindow(key=key, started_at=at, used=1))
        return kept if kept.used > most else self._put(evolve(kept, used=kept.used + 1))

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return self._remove(lambda window: window.started_at, before=before, limit=limit)
