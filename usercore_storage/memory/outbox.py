"""Deliveries in memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import nsmallest

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.outbox.model import Delivery, DeliveryState
from usercore.outbox.ports import DeliveryKey, DeliveryRepository
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList, itself


class MemoryOutbox(DeliveryRepository):
    """Stores deliveries by key, and in order those of each subject and subscriber that are pending."""

    def __init__(self, undo: UndoLog) -> None:
        self._deliveries = UndoDict[DeliveryKey, Delivery](undo)
        self._pending = UndoList[tuple[int, str, str, int], DeliveryKey, DeliveryKey](undo, itself)

    def add(self, delivery: Delivery) -> None:
        self._deliveries.add(_key_of(delivery), delivery)
        self._note_pending(delivery)

    def get(self, key: DeliveryKey) -> Delivery | None:
        return self._deliveries.get(key)

    def lease(self, subscribers: Sequence[str], *, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        heads = map(self._deliveries.get, self._pending.firsts())
        due = (
            (head.due_at, _key_of(head), head)
            for head in heads
            if head is not None and head.subscriber in subscribers and head.due_at <= now
        )
        return [self._lease(head, until) for _, _, head in nsmallest(limit, due)]

    def bring_forward(self, subscribers: Sequence[str], *, beyond: datetime, to: datetime, limit: int) -> int:
        rank = {subscriber: place for place, subscriber in enumerate(subscribers)}
        pending = (self._deliveries.get(key) for _, key in self._pending.everything())
        far = (
            (rank[one.subscriber], one.due_at, _key_of(one), one)
            for one in pending
            if one is not None and one.subscriber in rank and one.due_at > beyond
        )
        brought = nsmallest(limit, far)
        for _, _, key, delivery in brought:
            self._deliveries.put(key, evolve(delivery, due_at=to))
        return len(brought)

    def replace(self, delivery: Delivery) -> bool:
        kept = self._deliveries.get(_key_of(delivery))
        if kept is None or kept.lease_no != delivery.lease_no:
            return False
        self._forget_pending(kept)
        self._deliveries.put(_key_of(delivery), delivery)
        self._note_pending(delivery)
        return True

    def list_in(
        self, state: DeliveryState, tenant_id: TenantId, *, after: DeliveryKey | None, limit: int
    ) -> list[Delivery]:
        keys = (
            key
            for key, delivery in self._deliveries.items()
            if delivery.state is state and delivery.tenant_id == tenant_id and (after is None or key > after)
        )
        found = map(self._deliveries.get, nsmallest(limit, keys))
        return [delivery for delivery in found if delivery is not None]

    def completions(self) -> Iterator[datetime]:
        """Iterate over when deliveries were completed, of any tenant."""
        return (at for at in map(_done_at, self._deliveries.values()) if at is not None)

    def remove_done(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._deliveries.values(), _done_at, before=before, limit=limit)
        for delivery in removed:
            self._deliveries.remove(_key_of(delivery))
        return len(removed)

    def remove_of(self, subject: Subject, subject_ids: Sequence[int]) -> None:
        removed = {(subject_id, subject) for subject_id in subject_ids}
        for delivery in [one for one in self._deliveries.values() if (one.subject_id, one.subject) in removed]:
            self._forget_pending(delivery)
            self._deliveries.remove(_key_of(delivery))

    def rows_of(self, user_id: UserId) -> list[Delivery]:
        """Return the deliveries about the user."""
        subject = user_id, Subject.USER
        about = (one for one in self._deliveries.values() if (one.subject_id, one.subject) == subject)
        return sorted(about, key=_key_of)

    def remove_user(self, user: User) -> None:
        """Remove the deliveries about the user."""
        self.remove_of(Subject.USER, [user.id])

    def _lease(self, delivery: Delivery, until: datetime) -> Delivery:
        leased = evolve(delivery, due_at=until, lease_no=delivery.lease_no + 1)
        self._deliveries.put(_key_of(delivery), leased)
        return leased

    def _note_pending(self, delivery: Delivery) -> None:
        if delivery.state is DeliveryState.PENDING:
            self._pending.add(_line_of(delivery), _key_of(delivery))

    def _forget_pending(self, delivery: Delivery) -> None:
        if delivery.state is DeliveryState.PENDING:
            self._pending.remove(_line_of(delivery), _key_of(delivery))


def _key_of(delivery: Delivery) -> DeliveryKey:
    return delivery.subject_id, delivery.subject, delivery.change_no, delivery.position, delivery.subscriber


def _line_of(delivery: Delivery) -> tuple[int, str, str, int]:
    return delivery.subject_id, delivery.subject, delivery.subscriber, delivery.ordering_key


def _done_at(delivery: Delivery) -> datetime | None:
    return delivery.finished_at if delivery.state is DeliveryState.DONE else None
