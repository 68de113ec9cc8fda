"""Counts of registrations in SQL. Users are spread over the shards, and each shard counts its own."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore.storage.registration_counts import CountedPeriod, RegistrationCounts
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import REGISTRATION_COUNTS

SPANS: Final = 8
"""Spans that one statement counts. Source: usercore: a dashboard, which shows two months, then takes at most nine."""

LIST: Final = (
    f"SELECT {REGISTRATION_COUNTS.select} FROM usercore_registration_counts WHERE tenant_id = ? AND ends_at >= ?"
    " ORDER BY ends_at, starts_at"
)
PUT: Final = (
    f"{REGISTRATION_COUNTS.insert} ON CONFLICT (tenant_id, ends_at, starts_at) DO UPDATE SET count = excluded.count"
)
DROP: Final = "DELETE FROM usercore_registration_counts WHERE tenant_id = ? AND ends_at > ? AND starts_at <= ?"
CLEAR: Final = "DELETE FROM usercore_registration_counts WHERE tenant_id = ? RETURNING ends_at"


class SqlRegistrationCounts(RegistrationCounts):
    """Counts in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction and count the users of this unit's tenant."""
        self._run = run
        self._unit = unit
        count = "SELECT COUNT(*) FROM usercore_users WHERE tenant_id = ?"
        self.from_all_shards = {  # users are on the shards of their ids
            "spans": f"SELECT {', '.join([f'({count} AND registered_at >= ? AND registered_at < ?)'] * SPANS)}",
            "inactive": f"{count} AND state <> 'active' AND registered_at IS NOT NULL",
        }

    def count_many(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        values = [(self._unit.tenant_id, to_micros(since), to_micros(until)) for since, until in spans]
        values += [(self._unit.tenant_id, 0, 0)] * (-len(values) % SPANS)  # spans without an instant
        counts: list[int] = []
        for start in range(0, len(values), SPANS):
            counts += self._run(
                self.from_all_shards["spans"], list(chain.from_iterable(values[start : start + SPANS]))
            )[0]
        return counts[: len(spans)]

    def count_inactive(self) -> int:
        ((count,),) = self._run(self.from_all_shards["inactive"], (self._unit.tenant_id,))
        return int(count)

    def list_ending(self, since: datetime) -> list[CountedPeriod]:
        return list(map(REGISTRATION_COUNTS.read, self._run(LIST, (self._unit.tenant_id, to_micros(since)))))

    def put_many(self, periods: Sequence[CountedPeriod]) -> None:
        self._run.many(PUT, list(map(REGISTRATION_COUNTS.row, periods)))

    def drop(self, first: datetime, last: datetime) -> None:
        self._run(DROP, (self._unit.tenant_id, to_micros(first), to_micros(last)))

    def clear(self) -> int:
        return len(self._run(CLEAR, (self._unit.tenant_id,)))
