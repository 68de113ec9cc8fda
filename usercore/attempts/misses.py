"""Misses: attempts with secrets that do not exist, counted in memory and stored once a minute as one row an address.

Storing each would let anyone who reaches a sign-in page fill the disk, at no cost.
"""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from usercore.attempts.model import Attempt, AttemptStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.context import Context
from usercore.kernel.forks import reset_in_child
from usercore.kernel.ids import IdSource, TenantId
from usercore.kernel.log import log
from usercore.kernel.networks import block_of
from usercore.kernel.units import Units

WRITE_EVERY: Final = timedelta(minutes=1)
"""How often the counts are stored. Source: spec K3."""

MOST_ADDRESSES: Final = 10_000
"""Addresses that are counted apart until the counts are stored; further ones count together. IPv6 addresses of one
network count as one, or a single host could use them all up."""

_Counts: TypeAlias = Counter[tuple[TenantId, str | None]]


class MissTracker:
    """Counts misses by tenant and address. Safe to share between threads."""

    def __init__(self, new_id: IdSource, *, ipv6_prefix: int) -> None:
        """Take the ids of the stored rows from this source, and count IPv6 addresses by prefixes of this length."""
        self._new_id = new_id
        self._ipv6_prefix = ipv6_prefix
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Discard the lock, and the counts, which the parent process stores; see ``forks``."""
        self._lock = threading.Lock()
        self._counts: _Counts = Counter()
        self._next: datetime | None = None

    def record(self, context: Context, at: datetime, units: Units[AttemptsUnit]) -> None:
        """Count a miss, and store the counts if a minute has passed since the first of them. Never raises."""
        block = None if context.ip is None else block_of(context.ip, ipv6_prefix=self._ipv6_prefix)
        with self._lock:
            self._add(context.tenant_id, block, 1)
            if self._next is None or self._next - at > WRITE_EVERY:  # the clock was set back
                self._next = at + WRITE_EVERY
            due = self._take() if at >= self._next else None
        if due:
            self._write(due, at, units)

    def write(self, at: datetime, units: Units[AttemptsUnit]) -> None:
        """Store the counts; those that cannot be stored now stay in memory. Never raises."""
        with self._lock:
            counts = self._take()
        if counts:
            self._write(counts, at, units)

    def _add(self, tenant_id: TenantId, ip: str | None, count: int) -> None:
        is_counted_apart = (tenant_id, ip) in self._counts or len(self._counts) < MOST_ADDRESSES
        self._counts[tenant_id, ip if is_counted_apart else None] += count

    def _take(self) -> _Counts:
        counts, self._counts, self._next = self._counts, Counter(), None
        return counts

    def _write(self, counts: _Counts, at: datetime, units: Units[AttemptsUnit]) -> None:
        try:
            units.write(lambda unit: self._store(unit, counts, at))
        except Exception:  # noqa: BLE001 - a miss is refused as one, whatever the storage does
            log().warning("misses could not be stored now", exc_info=True)
            with self._lock:
                for (tenant_id, ip), count in counts.items():
                    self._add(tenant_id, ip, count)

    def _store(self, unit: AttemptsUnit, counts: _Counts, at: datetime) -> None:
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
