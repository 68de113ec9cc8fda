"""Misses: attempts with secrets that do not exist, counted in memory and stored now and then as one row an address.

Storing each would let anybody who can reach a sign-in page fill the disk, at no cost of their own.
"""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from usercore.attempts.model import Attempt, AttemptStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.context import Context
from usercore.kernel.errors import UsercoreError
from usercore.kernel.forks import reset_in_child
from usercore.kernel.ids import IdSource, TenantId
from usercore.kernel.log import log
from usercore.kernel.units import Units

WRITE_EVERY: Final = timedelta(minutes=1)
"""How often the counts are stored. Source: spec K3."""

MOST_ADDRESSES: Final = 10_000
"""Addresses that are counted apart until the counts are stored; further ones count together."""


class MissTracker:
    """Counts misses by tenant and address. Safe to share between threads."""

    def __init__(self, new_id: IdSource) -> None:
        """Give the stored rows ids from this source."""
        self._new_id = new_id
        self._counts: Counter[tuple[TenantId, str | None]] = Counter()
        self._next: datetime | None = None
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Discard the lock; see ``forks``."""
        self._lock = threading.Lock()

    def record(self, context: Context, at: datetime, units: Units[AttemptsUnit]) -> None:
        """Count a miss, and store the counts if a minute has passed since they were stored."""
        with self._lock:
            is_known = (context.tenant_id, context.ip) in self._counts or len(self._counts) < MOST_ADDRESSES
            self._counts[context.tenant_id, context.ip if is_known else None] += 1
            self._next = self._next or at + WRITE_EVERY
            is_due = at >= self._next
        if is_due:
            self.write(at, units)

    def write(self, at: datetime, units: Units[AttemptsUnit]) -> None:
        """Store the counts; those that cannot be stored now stay in memory. Never raises."""
        with self._lock:
            counts, self._counts, self._next = self._counts, Counter(), None
        if not counts:
            return
        try:
            units.write(lambda unit: self._store(unit, counts, at))
        except (UsercoreError, RuntimeError):
            log().warning("misses could not be stored now", exc_info=True)
            with self._lock:
                self._counts += counts

    def _store(self, unit: AttemptsUnit, counts: Counter[tuple[TenantId, str | None]], at: datetime) -> None:
        for (tenant_id, ip), count in counts.items():
            unit.attempts.add(
                Attempt(
                    user_id=None,
                    id=self._new_id(),
                    tenant_id=tenant_id,
                    login=None,
                    status=AttemptStatus.GARBAGE,
                    authenticator=None,
                    source=None,
                    ip=ip,
                    user_agent=None,
                    at=at,
                    count=count,
                )
            )
