"""The contract of deliveries."""

from datetime import datetime

import pytest

from usercore.kernel.changes import Subject
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.outbox.model import Delivery, DeliveryState
from usercore.outbox.ports import DeliveryKey
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_stored_completely,
    store,
    with_unique,
)
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, DELIVERY, a_delivery
from usercore.testing.strategies import deliveries

DONE = DeliveryState.DONE
FAILED = DeliveryState.FAILED
PENDING = DeliveryState.PENDING

EDGES = [
    a_delivery(change_no=LIMIT - 1, position=5000, made_at=FIRST, due_at=LAST - TICK, tries=LIMIT - 1),
    a_delivery(subject=Subject.REGISTRATION, subject_id=LIMIT - 1, generation=None, problem=None),
    a_delivery(subscriber="", state=FAILED, finished_at=LAST - TICK, generation=0, problem=""),
]


FIXED = ("subject_id", "subject", "change_no", "position", "subscriber", "tenant_id", "kind", "lease_no")
"""Fields of a delivery that never change, or only when it is leased."""


def key_of(delivery: Delivery) -> DeliveryKey:
    """Return the key of a delivery."""
    return delivery.subject_id, delivery.subject, delivery.change_no, delivery.position, delivery.subscriber


def add(units: Units[Unit], *stored: Delivery) -> None:
    """Store deliveries."""
    store(units, lambda unit: unit.deliveries.add, *stored)


def get(units: Units[Unit], delivery: Delivery = DELIVERY) -> Delivery | None:
    """Return a delivery as it is now, or None."""
    return units.read(lambda unit: unit.deliveries.get(key_of(delivery)))


def replace(units: Units[Unit], delivery: Delivery) -> bool:
    """Store another state in a unit of its own."""
    return units.write(lambda unit: unit.deliveries.replace(delivery))


def lease_one(units: Units[Unit], *, at: datetime) -> Delivery:
    """Lease the mailer's one delivery for zero seconds."""
    (taken,) = units.write(lambda unit: unit.deliveries.lease(["mailer"], now=at, until=at, limit=9))
    return taken


def listed(units: Units[Unit], state: DeliveryState = PENDING, *, limit: int) -> list[Delivery]:
    """Return the main tenant's deliveries in a state, page after page."""
    found: list[Delivery] = []
    after = None
    while page := units.read(lambda unit: unit.deliveries.list_in(state, MAIN, after=after, limit=limit)):  # noqa: B023
        assert len(page) <= limit
        assert len(found) < 1000, "the pages never end"
        found += page
        after = key_of(page[-1])
    return found


class DeliveryRepositoryContract(Contract):
    """One case for each promise of ``DeliveryRepository`` except leases."""

    @pytest.mark.rule("X3")
    def test_deliveries_are_stored_completely(self, people: Units[Unit]) -> None:
        check_stored_completely(
            people,
            with_unique(deliveries(), "change_no"),
            add=lambda unit, delivery: unit.deliveries.add(delivery),
            get=lambda unit, delivery: unit.deliveries.get(key_of(delivery)),
        )

    @pytest.mark.parametrize("delivery", EDGES, ids=["numbers", "bare", "empty"])
    @pytest.mark.rule("X3")
    def test_deliveries_with_boundary_values_are_stored(self, people: Units[Unit], delivery: Delivery) -> None:
        add(people, delivery)
        assert_same(get(people, delivery), delivery)

    def test_a_missing_delivery_is_none(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        for fields in ({"subject_id": BOB}, {"subject": Subject.TENANT}, {"position": 1}, {"subscriber": "crm"}):
            absent = a_delivery(**fields)
            assert get(people, absent) is None
            assert not replace(people, absent)
            assert get(people, absent) is None

    @pytest.mark.rule("X3")
    def test_a_delivery_is_replaced_completely(self, people: Units[Unit]) -> None:
        def check(generated: Delivery) -> None:
            delivery = evolve(generated, **{name: getattr(DELIVERY, name) for name in FIXED})
            assert replace(people, delivery) is True
            assert_same(get(people), delivery)

        add(people, DELIVERY)
        check_for_all(deliveries(), check)

    @pytest.mark.rule("X3")
    def test_a_result_after_another_lease_is_not_stored(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        first, second = (lease_one(people, at=NOON + number * TICK) for number in range(2))
        assert replace(people, evolve(first, state=DONE, finished_at=NOON)) is False
        assert get(people) == second
        assert replace(people, evolve(second, state=DONE, finished_at=NOON)) is True

    @pytest.mark.rule("X3")
    def test_a_tenants_deliveries_are_listed_by_key_page_by_page(self, people: Units[Unit]) -> None:
        by_key = sorted(
            (
                a_delivery(subject_id=subject_id, subject=subject, change_no=change_no, subscriber=subscriber)
                for subject_id in (ANN, BOB)
                for subject in Subject
                for change_no in (2, 10)
                for subscriber in ("Mailer", "crm", "mailer")
            ),
            key=key_of,
        )
        add(
            people,
            *by_key[::2],
            *by_key[1::2],
            a_delivery(state=DONE, position=1),
            a_delivery(tenant_id=ACME, position=2),
        )
        assert listed(people, limit=100) == by_key
        assert listed(people, limit=7) == by_key

    @pytest.mark.parametrize("state", list(DeliveryState))
    @pytest.mark.rule("X3")
    def test_deliveries_are_listed_by_state(self, people: Units[Unit], state: DeliveryState) -> None:
        several = {state: a_delivery(position=number, state=state) for number, state in enumerate(DeliveryState)}
        add(people, *several.values())
        assert listed(people, state, limit=9) == [several[state]]

    @pytest.mark.rule("K8")
    def test_deliveries_done_before_are_removed(self, people: Units[Unit]) -> None:
        gone = a_delivery(state=DONE, finished_at=NOON - TICK)
        stay = [
            a_delivery(position=1, state=DONE, finished_at=NOON),
            a_delivery(position=2, state=FAILED, finished_at=FIRST),
            a_delivery(position=3, due_at=FIRST),
        ]
        add(people, gone, *stay)
        assert people.write(lambda unit: unit.deliveries.remove_done(NOON, limit=9)) == 1
        assert [get(people, delivery) for delivery in (gone, *stay)] == [None, *stay]

    @pytest.mark.rule("K8")
    def test_all_deliveries_about_a_subject_are_removed(self, people: Units[Unit]) -> None:
        gone = [a_delivery(position=number, state=state) for number, state in enumerate(DeliveryState)]
        stay = [a_delivery(subject=Subject.TENANT), a_delivery(subject_id=BOB)]
        add(people, *gone, *stay)
        people.write(lambda unit: unit.deliveries.remove_of(Subject.USER, [gone[0].subject_id, 17]))
        assert [get(people, delivery) for delivery in (*gone, *stay)] == [None, None, None, *stay]
        assert listed(people, PENDING, limit=9) == stay

    @pytest.mark.rule("K8")
    def test_at_most_limit_deliveries_are_removed(self, people: Units[Unit]) -> None:
        add(people, *(a_delivery(position=number, state=DONE, finished_at=FIRST) for number in range(5)))
        removed = [people.write(lambda unit: unit.deliveries.remove_done(NOON, limit=2)) for _ in range(4)]
        assert removed == [2, 2, 1, 0]
        assert listed(people, DONE, limit=9) == []
