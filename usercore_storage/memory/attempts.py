"""Attempts, failures in a row and allowances, in memory."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from usercore.attempts.model import Attempt, FailureCounter, RateLimitWindow, RegistrationAttempt
from usercore.attempts.ports import (
    AttemptRepository,
    FailureCounterRepository,
    RateLimitRepository,
    RegistrationAttemptRepository,
)
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList

T = TypeVar("T", bound=Attempt | RegistrationAttempt)
C = TypeVar("C", bound=FailureCounter | RateLimitWindow)


class _Attempts(Generic[T]):
    """Tries by tenant and user, each list by id; nobody is a user, too."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._attempts = UndoList[tuple[TenantId, UserId | None], int, T](undo, lambda attempt: attempt.id)
        self._nobodys = UndoDict[int, TenantId](undo)  # nobody is one and the same in all tenants
        self._unit = unit

    def add(self, attempt: T) -> None:
        if attempt.user_id is None:
            self._nobodys.add(attempt.id, attempt.tenant_id)
        self._attempts.add((attempt.tenant_id, attempt.user_id), attempt)

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[T]:
        return self._attempts.newest((self._unit.tenant_id, user_id), before=before, limit=limit)

    def remove_before(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._attempts.everything(), lambda pair: pair[1].at, before=before, limit=limit)
        for group, attempt in removed:
            self._attempts.remove(group, attempt)
            if attempt.user_id is None:
                self._nobodys.remove(attempt.id)
        return len(removed)


class MemoryAttempts(_Attempts[Attempt], AttemptRepository):
    """Keeps tries to sign in."""


class MemoryRegistrationAttempts(_Attempts[RegistrationAttempt], RegistrationAttemptRepository):
    """Keeps tries to register."""


class _Counters(Generic[C]):
    """Counters by key."""

    def __init__(self, undo: UndoLog) -> None:
        self._counters = UndoDict[bytes, C](undo)

    def _put(self, counter: C) -> C:
        self._counters.put(counter.key, counter)
        return counter

    def _remove(self, at_of: Callable[[C], datetime | None], *, before: datetime, limit: int) -> int:
        removed = oldest(self._counters.values(), at_of, before=before, limit=limit)
        for counter in removed:
            self._counters.remove(counter.key)
        return len(removed)


class MemoryFailureCounters(_Counters[FailureCounter], FailureCounterRepository):
    """Counts tries."""

    def get_many(self, keys: Sequence[bytes]) -> list[FailureCounter]:
        return [throttle for throttle in map(self._counters.get, dict.fromkeys(keys)) if throttle is not None]

    def record_failure(self, key: bytes, *, at: datetime, stale_before: datetime, kept_from: int) -> FailureCounter:
        kept = self._counters.get(key)
        if kept is None:
            return self._put(FailureCounter(key=key, tried=1, forgiven=0, last_at=at))
        is_stale = kept.last_at <= stale_before and kept.failures < kept_from
        forgiven = kept.tried if is_stale else kept.forgiven
        return self._put(
            FailureCounter(key=key, tried=kept.tried + 1, forgiven=forgiven, last_at=max(kept.last_at, at))
        )

    def forgive(self, key: bytes, *, up_to: int) -> None:
        kept = self._counters.get(key)
        if kept is not None and kept.forgiven < up_to:
            # A counter that was removed and started anew has not come as far as an older ordinal.
            self._put(evolve(kept, forgiven=max(kept.forgiven, min(up_to, kept.tried))))

    def remove_before(self, before: datetime, *, kept_from: int, limit: int) -> int:
        return self._remove(
            lambda throttle: throttle.last_at if throttle.failures < kept_from else None, before=before, limit=limit
        )


class MemoryRateLimits(_Counters[RateLimitWindow], RateLimitRepository):
    """Counts uses."""

    def use(self, key: bytes, *, at: datetime, window: timedelta, most: int) -> RateLimitWindow:
        kept = self._counters.get(key)
        if kept is None or kept.started_at + window <= at or kept.started_at - at > window:
            return self._put(RateLimitWindow(key=key, started_at=at, used=1))
        return kept if kept.used > most else self._put(evolve(kept, used=kept.used + 1))

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return self._remove(lambda allowance: allowance.started_at, before=before, limit=limit)
