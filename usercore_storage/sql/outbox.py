"""Deliveries in SQL. Leasing and clean-up look at all shards; the rest stays on the subject's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.ids import TenantId
from usercore.kernel.time import to_micros
from usercore.outbox.model import Delivery, DeliveryState
from usercore.outbox.ports import DeliveryKey, DeliveryRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row
from usercore_storage.sql.tables import DELIVERIES

_KEY: Final = ", ".join(DELIVERIES.key)
_BY_KEY: Final = " AND ".join(f"{column} = ?" for column in DELIVERIES.key)

GET: Final = f"SELECT {DELIVERIES.select} FROM usercore_deliveries WHERE {_BY_KEY}"
DUE: Final = (
    f"SELECT {', '.join('d.' + column for column in DELIVERIES.key)} FROM usercore_deliveries AS d"
    " WHERE d.state = 'pending' AND d.due_at <= ? AND d.subscriber = ? AND NOT EXISTS ("
    "SELECT 1 FROM usercore_deliveries AS e WHERE e.subject_id = d.subject_id AND e.subject = d.subject"
    " AND e.subscriber = d.subscriber AND e.ordering_key = d.ordering_key AND e.state = 'pending'"
    " AND (e.change_no, e.position) < (d.change_no, d.position)) ORDER BY d.due_at LIMIT ?"
)
LEASE: Final = (
    f"UPDATE usercore_deliveries SET due_at = ?, lease_no = lease_no + 1 WHERE {_BY_KEY}"
    f" AND state = 'pending' AND due_at <= ? RETURNING {DELIVERIES.select}"
)
FAR: Final = (
    f"SELECT {_KEY} FROM usercore_deliveries WHERE state = 'pending' AND subscriber = ? AND due_at > ?"
    " ORDER BY due_at LIMIT ?"
)
BRING_FORWARD: Final = (
    f"UPDATE usercore_deliveries SET due_at = ? WHERE {_BY_KEY} AND state = 'pending' AND due_at > ?"
    " RETURNING subject_id"
)
_REPLACE, _replaced = DELIVERIES.updater("lease_no")
REPLACE: Final = f"{_REPLACE} AND lease_no = ? RETURNING lease_no"
LIST: Final = (
    f"SELECT {DELIVERIES.select} FROM usercore_deliveries WHERE state = ? AND tenant_id = ?"
    f" AND ({_KEY}) > (?, ?, ?, ?, ?) ORDER BY {_KEY} LIMIT ?"
)
REMOVE: Final = (
    f"DELETE FROM usercore_deliveries WHERE ({_KEY}) IN (SELECT {_KEY} FROM usercore_deliveries"
    " WHERE state = 'done' AND finished_at < ? ORDER BY finished_at LIMIT ?) RETURNING subject_id"
)
REMOVE_OF: Final = "DELETE FROM usercore_deliveries WHERE subject_id = ? AND subject = ?"

_FIRST: Final = (0, "", 0, 0, "")


class SqlOutbox(DeliveryRepository):
    """Stores deliveries in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def add(self, delivery: Delivery) -> None:
        self._run(DELIVERIES.insert, DELIVERIES.row(delivery))

    def get(self, key: DeliveryKey) -> Delivery | None:
        rows = self._run(GET, key)
        return DELIVERIES.read(rows[0]) if rows else None

    def lease(self, subscribers: Sequence[str], *, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        at = to_micros(now)
        rows: list[Row] = []
        for subscriber in subscribers:
            for key in self._run(DUE, (at, subscriber, limit - len(rows))):
                rows += self._run(LEASE, (to_micros(until), *key, at))
        return list(map(DELIVERIES.read, rows))

    def bring_forward(self, subscribers: Sequence[str], *, beyond: datetime, to: datetime, limit: int) -> int:
        far, at, count = to_micros(beyond), to_micros(to), 0
        for subscriber in subscribers:
            keys = self._run(
                FAR, (subscriber, far, limit - count)
            )  # first, so that a unit that finds none writes nothing
            count += sum(len(self._run(BRING_FORWARD, (at, *key, far))) for key in keys)
        return count

    def replace(self, delivery: Delivery) -> bool:
        return bool(self._run(REPLACE, (*_replaced(delivery), delivery.lease_no)))

    def list_in(
        self, state: DeliveryState, tenant_id: TenantId, *, after: DeliveryKey | None, limit: int
    ) -> list[Delivery]:
        rows = self._run(LIST, (state._value_, tenant_id, *(after or _FIRST), limit))
        return list(map(DELIVERIES.read, rows))

    def remove_done(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE, (to_micros(before), limit)))

    def remove_of(self, subject: Subject, subject_ids: Sequence[int]) -> None:
        self._run.many(REMOVE_OF, [(subject_id, subject._value_) for subject_id in subject_ids])
