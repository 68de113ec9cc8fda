"""The dispatcher: it calls subscribers with changes, at least once, in order per subject; the mailer is one of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from usercore.delivery.subscriber import Event, Subscriber, event_of, notify
from usercore.history.ports import HistoryUnit
from usercore.kernel.changes import ChangeKind
from usercore.kernel.ids import TenantId
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.outbox.errors import DeliveryNotFound
from usercore.outbox.model import Delivery, DeliveryPolicy, DeliveryState
from usercore.outbox.ports import DeliveryKey, OutboxUnit
from usercore.outbox.rules import after_failure, after_retry, after_success, latest_due


class DispatcherUnit(HistoryUnit, OutboxUnit, Protocol):
    """The parts of a unit that the dispatcher needs."""


@frozen(kw_only=True)
class Outbox:
    """Calls durable subscribers and lists deliveries for operators. Trusted. Safe to share between threads."""

    _service: ServiceContext[DispatcherUnit]
    _service_of: Callable[[TenantId], ServiceContext[DispatcherUnit]]
    _subscribers: Sequence[Subscriber]
    _policy: DeliveryPolicy
    _kinds: Mapping[str, ChangeKind]

    def deliver(self) -> int:
        """Make all deliveries that are due, of all tenants, and return how many were done. Starts no thread.

        An exception of a subscriber is logged, and its delivery is due again later.

        Raises:
            StorageError: the storage failed; what was leased is due again after 30 seconds.
            KeyboardInterrupt: a subscriber was interrupted in the main thread; what was leased is due again then, too.
        """
        self._service.check_alone("outbox.deliver")
        done = 0
        while leased := self._lease():
            done += sum(map(self._deliver, leased))
        return done

    def _lease(self) -> list[Delivery]:
        names = [subscriber.name for subscriber in self._subscribers if subscriber.durable]
        if not names:
            return []

        def lease(unit: DispatcherUnit) -> list[Delivery]:
            now, limit = self._service.clock(), self._policy.batch
            until = now + self._policy.lease
            leased = unit.deliveries.lease(names, now=now, until=until, limit=limit)
            beyond = latest_due(now, self._policy)
            if not leased and unit.deliveries.bring_forward(names, beyond=beyond, to=now, limit=limit):
                return unit.deliveries.lease(names, now=now, until=until, limit=limit)
            return leased

        return self._service.units.write(lease)

    def _deliver(self, delivery: Delivery) -> bool:
        """Call one subscriber with one change, in the service context of its tenant; return whether it succeeded."""
        service = self._service_of(delivery.tenant_id)
        place = (delivery.change_no, delivery.position)
        entry = service.units.read(lambda unit: unit.history.get(delivery.subject, delivery.subject_id, place))
        problem = None if entry is None else self._tell(event_of(entry, self._kinds, delivery))
        self._finish(service, delivery, problem)
        return problem is None

    def _tell(self, event: Event) -> str | None:
        (subscriber,) = (one for one in self._subscribers if event.delivery and one.name == event.delivery.subscriber)
        return notify(subscriber, event)

    def _finish(self, service: ServiceContext[DispatcherUnit], delivery: Delivery, problem: str | None) -> None:
        def finish(unit: DispatcherUnit) -> None:
            present = unit.deliveries.get(key_of(delivery))
            if present is None or present.lease_no != delivery.lease_no:
                return  # the lease expired, and another relay leased the delivery
            now = service.clock()
            if problem is None:
                unit.deliveries.replace(after_success(present, now=now))
            else:
                unit.deliveries.replace(after_failure(present, now=now, problem=problem, policy=self._policy))

        service.units.write(finish)

    def pending(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Delivery]:
        """List the tenant's pending deliveries; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        return self._list(DeliveryState.PENDING, cursor, limit)

    def failed(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Delivery]:
        """List the tenant's deliveries that were set aside after a day of failures; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        return self._list(DeliveryState.FAILED, cursor, limit)

    def _list(self, state: DeliveryState, cursor: str | None, limit: int) -> Page[Delivery]:
        rows = check_limit(limit)
        after: DeliveryKey | None = read_cursor(cursor, int, str, int, int, str)
        tenant_id = self._service.context.tenant_id
        found = self._service.units.read(
            lambda unit: unit.deliveries.list_in(state, tenant_id, after=after, limit=rows + 1)
        )
        return page_of(found, rows, key_of)

    def retry(self, delivery_id: str) -> None:
        """Make a delivery that was set aside pending again, with a new day of tries.

        Raises:
            TypeError: the id is not text.
            DeliveryNotFound: no delivery that was set aside has this id.
        """
        self._move(delivery_id, DeliveryState.PENDING)

    def discard(self, delivery_id: str) -> None:
        """Mark a delivery that was set aside as done, without making it.

        Raises:
            TypeError: the id is not text.
            DeliveryNotFound: no delivery that was set aside has this id.
        """
        self._move(delivery_id, DeliveryState.DONE)

    def _move(self, delivery_id: str, to: DeliveryState) -> None:
        key = _read_id(check_type(delivery_id, str, name="delivery_id"))

        def move(unit: DispatcherUnit) -> None:
            present = unit.deliveries.get(key)
            is_ours = present is not None and present.tenant_id == self._service.context.tenant_id
            if present is None or not is_ours or present.state is not DeliveryState.FAILED:
                raise DeliveryNotFound
            now, retries = self._service.clock(), to is DeliveryState.PENDING
            unit.deliveries.replace(after_retry(present, now=now) if retries else after_success(present, now=now))

        self._service.units.write(move)


def key_of(delivery: Delivery) -> DeliveryKey:
    """Return the key of a delivery."""
    return (
        delivery.subject_id,
        str(delivery.subject),
        delivery.change_no,
        delivery.position,
        delivery.subscriber,
    )


def _read_id(delivery_id: str) -> DeliveryKey:
    """Parse a ``Delivery.id``.

    Raises:
        DeliveryNotFound: it does not have the form of an id.
    """
    try:
        subject, subject_id, change_no, position, subscriber = delivery_id.split("-", 4)
        numbers = int(subject_id), int(change_no), int(position)
    except ValueError:
        raise DeliveryNotFound from None
    if any(number >> 62 for number in numbers) or not delivery_id.isprintable():
        raise DeliveryNotFound
    return numbers[0], subject, numbers[1], numbers[2], subscriber
