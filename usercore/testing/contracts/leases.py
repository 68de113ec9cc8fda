"""The contract of leasing deliveries."""

from datetime import datetime, timedelta

import pytest

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.units import Units
from usercore.outbox.model import Delivery
from usercore.outbox.ports import DeliveryKey
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    write_and_fail,
)
from usercore.testing.contracts.deliveries import DONE, FAILED, add, get, key_of, replace
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, BOB, DELIVERY, a_delivery

UNTIL = NOON + timedelta(seconds=30)


def take(unit: Unit, *subscribers: str, now: datetime = NOON, limit: int = 100) -> list[Delivery]:
    """Lease due deliveries, the mailer's unless other subscribers are named."""
    leased = unit.deliveries.lease(subscribers or ("mailer",), now=now, until=UNTIL, limit=limit)
    return sorted(leased, key=key_of)


def lease(units: Units[Unit], *subscribers: str, now: datetime = NOON, limit: int = 100) -> list[Delivery]:
    """Lease in a unit of its own."""
    return units.write(lambda unit: take(unit, *subscribers, now=now, limit=limit))


def leased(delivery: Delivery) -> Delivery:
    """Return a delivery as it is after leasing."""
    return evolve(delivery, due_at=UNTIL, lease_no=delivery.lease_no + 1)


class LeaseContract(Contract):
    """One case for each promise of ``DeliveryRepository.lease``."""

    @pytest.mark.rule("X3")
    def test_a_due_delivery_is_leased_and_returned_as_stored(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        (due,) = lease(people)
        assert_same(due, leased(DELIVERY))
        assert get(people) == due

    @pytest.mark.rule("X3")
    def test_a_leased_delivery_is_due_again_when_its_lease_ends(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        assert len(lease(people)) == 1
        assert lease(people, now=UNTIL - TICK) == []
        (again,) = lease(people, now=UNTIL)
        assert again.lease_no == DELIVERY.lease_no + 2

    @pytest.mark.parametrize(
        "absent",
        [
            a_delivery(due_at=NOON + TICK),
            a_delivery(state=DONE, finished_at=NOON),
            a_delivery(state=FAILED, finished_at=NOON),
            a_delivery(subscriber="crm"),
        ],
        ids=["not due", "done", "failed", "another's"],
    )
    @pytest.mark.rule("X3")
    def test_deliveries_not_due_not_pending_or_of_other_subscribers_are_not_leased(
        self, people: Units[Unit], absent: Delivery
    ) -> None:
        add(people, absent)
        assert lease(people) == []
        assert get(people, absent) == absent

    @pytest.mark.rule("X3")
    def test_without_subscribers_no_delivery_is_leased(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        assert people.write(lambda unit: unit.deliveries.lease([], now=NOON, until=UNTIL, limit=9)) == []

    @pytest.mark.rule("X3")
    def test_only_the_earliest_delivery_of_a_subject_is_leased(self, people: Units[Unit]) -> None:
        in_order = [
            a_delivery(change_no=change_no, position=position) for change_no, position in ((2, 9), (2, 10), (10, 0))
        ]
        add(people, *reversed(in_order))
        for delivery in in_order:
            (leased,) = lease(people)
            assert key_of(leased) == key_of(delivery)
            assert lease(people) == []
            assert replace(people, evolve(leased, state=DONE, finished_at=NOON))
        assert lease(people) == []

    @pytest.mark.rule("X3")
    def test_a_delivery_that_is_not_due_blocks_later_ones_of_its_subject(self, people: Units[Unit]) -> None:
        add(people, a_delivery(due_at=NOON + TICK), a_delivery(change_no=3))
        assert lease(people) == []
        assert [delivery.change_no for delivery in lease(people, now=NOON + TICK)] == [2]

    @pytest.mark.rule("X3")
    def test_deliveries_wait_only_for_those_with_their_ordering_key(self, people: Units[Unit]) -> None:
        late = a_delivery(due_at=NOON + TICK)
        add(people, late, a_delivery(change_no=3, ordering_key=7), a_delivery(change_no=4, ordering_key=7))
        add(people, a_delivery(change_no=5))
        assert [delivery.change_no for delivery in lease(people)] == [3]
        assert lease(people) == []

    @pytest.mark.rule("X3")
    def test_a_failed_delivery_does_not_block_later_ones(self, people: Units[Unit]) -> None:
        add(people, a_delivery(state=FAILED, finished_at=NOON), a_delivery(change_no=3))
        assert [delivery.change_no for delivery in lease(people)] == [3]

    @pytest.mark.rule("X3")
    def test_each_subject_and_subscriber_has_an_order_of_its_own(self, people: Units[Unit]) -> None:
        several = [
            a_delivery(subject=Subject.REGISTRATION, due_at=NOON + TICK),
            a_delivery(change_no=3),
            a_delivery(change_no=4, subscriber="crm"),
            a_delivery(change_no=3, subject=Subject.TENANT),
            a_delivery(change_no=3, subject_id=BOB),
        ]
        add(people, *several)
        result = lease(people, "mailer", "crm")
        assert result == sorted(map(leased, several[1:]), key=key_of)

    @pytest.mark.rule("X3")
    def test_a_unit_of_any_tenant_leases_deliveries_of_all_tenants(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        theirs = a_delivery(tenant_id=ACME, subject_id=11)
        add(people, DELIVERY)
        add(acme, theirs)
        assert lease(acme) == sorted(map(leased, (DELIVERY, theirs)), key=key_of)

    @pytest.mark.rule("X3")
    def test_pending_deliveries_that_are_due_too_late_are_brought_forward(self, people: Units[Unit]) -> None:
        late, later, latest = (a_delivery(change_no=3 + count, due_at=UNTIL + count * TICK) for count in range(3))
        done = a_delivery(change_no=9, state=DONE, due_at=UNTIL + TICK, finished_at=NOON)
        add(people, latest, done, later, late)

        others = a_delivery(change_no=3, subscriber="crm", due_at=UNTIL + TICK)
        last = a_delivery(change_no=3, subscriber="audit", due_at=UNTIL + TICK)
        add(people, others, last)

        def bring_forward(limit: int, *subscribers: str) -> int:
            names = subscribers or ("mailer",)
            return people.write(lambda unit: unit.deliveries.bring_forward(names, beyond=UNTIL, to=NOON, limit=limit))

        assert bring_forward(1) == 1
        assert [get(people, one) for one in (later, latest)] == [evolve(later, due_at=NOON), latest]
        assert (bring_forward(9), bring_forward(9)) == (1, 0)
        stored = [get(people, one) for one in (late, later, latest, done, others)]
        assert stored == [late, evolve(later, due_at=NOON), evolve(latest, due_at=NOON), done, others]
        assert bring_forward(1, "mailer", "crm", "audit") == 1
        assert [get(people, one) for one in (others, last)] == [evolve(others, due_at=NOON), last]

    @pytest.mark.rule("X3")
    def test_at_most_limit_deliveries_are_leased(self, people: Units[Unit]) -> None:
        subscribers = ("mailer", "crm", "mailer", "crm", "mailer")
        add(
            people,
            *(a_delivery(subject_id=number, subscriber=name) for number, name in enumerate(subscribers, start=1)),
        )
        rounds = [lease(people, "crm", "mailer", limit=2) for _ in range(4)]
        assert [len(leased) for leased in rounds] == [2, 2, 1, 0]
        assert len({key_of(delivery) for leased in rounds for delivery in leased}) == 5

    @pytest.mark.rule("X3")
    def test_a_failing_unit_leases_nothing(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        write_and_fail(people, take)
        assert get(people) == DELIVERY

    @pytest.mark.rule("X3")
    def test_no_two_of_eight_threads_lease_the_same_delivery(self, people: Units[Unit]) -> None:
        def read_then_lease(_: int, meet: Meet) -> list[DeliveryKey]:
            assert get(people, several[0]) == several[0]
            meet()
            return [key_of(delivery) for _ in range(THREADS) for delivery in lease(people, limit=2)]

        several = [a_delivery(subject_id=number) for number in range(1, 2 * THREADS + 1)]
        add(people, *several)
        leased = [key for keys in race(read_then_lease) for key in keys]
        assert sorted(leased) == [key_of(delivery) for delivery in several]

    @pytest.mark.rule("X3")
    def test_two_open_units_do_not_lease_the_same_delivery(self, people: Units[Unit]) -> None:
        def read_then_lease(unit: Unit, _: int, meet: Meet) -> list[DeliveryKey]:
            assert unit.deliveries.get(key_of(DELIVERY))
            meet()
            return [key_of(delivery) for delivery in take(unit)]

        add(people, DELIVERY)
        assert sorted(overlap(people, read_then_lease)) == [[], [key_of(DELIVERY)]]
