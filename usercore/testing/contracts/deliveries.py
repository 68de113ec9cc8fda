"""What every storage must do for deliveries."""

from datetime import datetime, timedelta

import pytest

from usercore.deliveries.model import Delivery, DeliveryState
from usercore.deliveries.ports import DeliveryKey
from usercore.kernel.changes import Subject
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_for_all, check_kept_whole, fresh, keep
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, DELIVERY, a_delivery
from usercore.testing.strategies import deliveries

UNTIL = NOON + timedelta(seconds=30)
DONE = DeliveryState.DONE
FAILED = DeliveryState.FAILED
PENDING = DeliveryState.PENDING

EDGES = [
    a_delivery(change_no=LIMIT - 1, position=5000, made_at=FIRST, due_at=LAST - TICK, tries=LIMIT - 1),
    a_delivery(subject=Subject.REGISTRATION, subject_id=LIMIT - 1, generation=None, problem=None),
    a_delivery(subscriber="", state=FAILED, ended_at=LAST - TICK, generation=0, problem=""),
]


def key_of(delivery: Delivery) -> DeliveryKey:
    """Give the key of a delivery."""
    return delivery.subject_id, delivery.subject, delivery.change_no, delivery.position, delivery.subscriber


def add(units: Units[Unit], *kept: Delivery) -> None:
    """Keep deliveries."""
    keep(units, lambda unit: unit.deliveries.add, *kept)


def get(units: Units[Unit], delivery: Delivery = DELIVERY) -> Delivery | None:
    """Give a delivery as it is now, or None."""
    return units.read(lambda unit: unit.deliveries.get(key_of(delivery)))


def take(unit: Unit, *subscribers: str, now: datetime = NOON, limit: int = 100) -> list[Delivery]:
    """Lease what is due; the mailer's unless others are named."""
    taken = unit.deliveries.lease(subscribers or ("mailer",), now=now, until=UNTIL, limit=limit)
    return sorted(taken, key=key_of)


def lease(units: Units[Unit], *subscribers: str, now: datetime = NOON, limit: int = 100) -> list[Delivery]:
    """Lease in a unit of its own."""
    return units.write(lambda unit: take(unit, *subscribers, now=now, limit=limit))


def leased(delivery: Delivery) -> Delivery:
    """Give a delivery as it is after it was leased."""
    return evolve(delivery, due_at=UNTIL, lease_no=delivery.lease_no + 1)


def replace(units: Units[Unit], delivery: Delivery) -> bool:
    """Keep another state in a unit of its own."""
    return units.write(lambda unit: unit.deliveries.replace(delivery))


class LeaseContract(Contract):
    """One case a promise of ``DeliveryRepository.lease``."""

    @pytest.mark.rule("X3")
    def test_a_due_delivery_is_taken_and_given_as_it_is_now(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        (taken,) = lease(people)
        assert_same(taken, leased(DELIVERY))
        assert get(people) == taken

    @pytest.mark.rule("X3")
    def test_what_was_taken_is_due_again_at_the_end_of_the_lease(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        assert len(lease(people)) == 1
        assert lease(people, now=UNTIL - TICK) == []
        (again,) = lease(people, now=UNTIL)
        assert again.lease_no == DELIVERY.lease_no + 2

    @pytest.mark.parametrize(
        "absent",
        [
            a_delivery(due_at=NOON + TICK),
            a_delivery(state=DONE, ended_at=NOON),
            a_delivery(state=FAILED, ended_at=NOON),
            a_delivery(subscriber="crm"),
        ],
        ids=["not due", "done", "failed", "another's"],
    )
    @pytest.mark.rule("X3")
    def test_what_is_not_due_not_pending_or_anothers_is_not_taken(self, people: Units[Unit], absent: Delivery) -> None:
        add(people, absent)
        assert lease(people) == []
        assert get(people, absent) == absent

    @pytest.mark.rule("X3")
    def test_without_subscribers_nothing_is_taken(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        assert people.write(lambda unit: unit.deliveries.lease([], now=NOON, until=UNTIL, limit=9)) == []

    @pytest.mark.rule("X3")
    def test_only_the_earliest_of_a_subject_is_taken(self, people: Units[Unit]) -> None:
        in_order = [
            a_delivery(change_no=change_no, position=position) for change_no, position in ((2, 9), (2, 10), (10, 0))
        ]
        add(people, *reversed(in_order))
        for delivery in in_order:
            (taken,) = lease(people)
            assert key_of(taken) == key_of(delivery)
            assert lease(people) == []
            assert replace(people, evolve(taken, state=DONE, ended_at=NOON))
        assert lease(people) == []

    @pytest.mark.rule("X3")
    def test_one_that_is_not_due_holds_back_those_behind_it(self, people: Units[Unit]) -> None:
        add(people, a_delivery(due_at=NOON + TICK), a_delivery(change_no=3))
        assert lease(people) == []
        assert [delivery.change_no for delivery in lease(people, now=NOON + TICK)] == [2]

    @pytest.mark.rule("X3")
    def test_one_that_was_set_aside_lets_the_next_go_on(self, people: Units[Unit]) -> None:
        add(people, a_delivery(state=FAILED, ended_at=NOON), a_delivery(change_no=3))
        assert [delivery.change_no for delivery in lease(people)] == [3]

    @pytest.mark.rule("X3")
    def test_each_subject_and_subscriber_has_an_order_of_its_own(self, people: Units[Unit]) -> None:
        several = [
            a_delivery(due_at=NOON + TICK),
            a_delivery(change_no=3, subscriber="crm"),
            a_delivery(change_no=3, subject=Subject.TENANT),
            a_delivery(change_no=3, subject_id=BOB),
        ]
        add(people, *several)
        taken = lease(people, "mailer", "crm")
        assert taken == sorted(map(leased, several[1:]), key=key_of)

    @pytest.mark.rule("X3")
    def test_any_unit_takes_those_of_all_tenants(self, people: Units[Unit], acme: Units[Unit]) -> None:
        theirs = a_delivery(tenant_id=ACME, subject_id=11)
        add(people, DELIVERY)
        add(acme, theirs)
        assert lease(acme) == sorted(map(leased, (DELIVERY, theirs)), key=key_of)

    @pytest.mark.rule("X3")
    def test_no_more_are_taken_than_asked(self, people: Units[Unit]) -> None:
        add(people, *(a_delivery(subject_id=number) for number in range(1, 6)))
        rounds = [lease(people, limit=2) for _ in range(4)]
        assert [len(taken) for taken in rounds] == [2, 2, 1, 0]
        assert len({key_of(delivery) for taken in rounds for delivery in taken}) == 5

    @pytest.mark.rule("X3")
    def test_a_unit_that_fails_takes_nothing(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        with pytest.raises(ZeroDivisionError):
            people.write(lambda unit: [take(unit), 1 // 0])
        assert get(people) == DELIVERY

    @pytest.mark.rule("X3")
    def test_of_eight_threads_no_two_take_the_same(self, people: Units[Unit]) -> None:
        def look_then_take(_: int, meet: Meet) -> list[DeliveryKey]:
            assert get(people, several[0]) == several[0]
            meet()
            return [key_of(delivery) for _ in range(4) for delivery in lease(people, limit=3)]

        several = [a_delivery(subject_id=number) for number in range(1, 61)]
        add(people, *several)
        taken = [key for keys in race(look_then_take) for key in keys]
        assert sorted(taken) == [key_of(delivery) for delivery in several]
        assert len(several) <= 4 * 3 * THREADS

    @pytest.mark.rule("X3")
    def test_of_two_open_units_no_two_take_the_same(self, people: Units[Unit]) -> None:
        def look_then_take(unit: Unit, _: int, meet: Meet) -> list[DeliveryKey]:
            assert unit.deliveries.get(key_of(DELIVERY))
            meet()
            return [key_of(delivery) for delivery in take(unit)]

        add(people, DELIVERY)
        assert sorted(overlap(people, look_then_take)) == [[], [key_of(DELIVERY)]]


class DeliveryRepositoryContract(Contract):
    """One case a promise of the rest of ``DeliveryRepository``."""

    @pytest.mark.rule("X3")
    def test_deliveries_are_kept_whole(self, people: Units[Unit]) -> None:
        check_kept_whole(
            people,
            fresh(deliveries(), "change_no"),
            add=lambda unit, delivery: unit.deliveries.add(delivery),
            get=lambda unit, delivery: unit.deliveries.get(key_of(delivery)),
        )

    @pytest.mark.parametrize("delivery", EDGES, ids=["numbers", "bare", "empty"])
    @pytest.mark.rule("X3")
    def test_deliveries_with_values_at_the_edge_are_kept(self, people: Units[Unit], delivery: Delivery) -> None:
        add(people, delivery)
        assert_same(get(people, delivery), delivery)

    def test_a_delivery_that_is_not_there_is_none(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        for fields in ({"subject_id": BOB}, {"subject": Subject.TENANT}, {"position": 1}, {"subscriber": "crm"}):
            absent = a_delivery(**fields)
            assert get(people, absent) is None
            assert not replace(people, absent)
            assert get(people, absent) is None

    @pytest.mark.rule("X3")
    def test_another_state_of_a_delivery_is_kept_whole(self, people: Units[Unit]) -> None:
        def check(drawn: Delivery) -> None:
            delivery = evolve(drawn, **{name: getattr(DELIVERY, name) for name in FIXED})
            assert replace(people, delivery) is True
            assert_same(get(people), delivery)

        add(people, DELIVERY)
        check_for_all(deliveries(), check)

    @pytest.mark.rule("X3")
    def test_who_leased_before_another_keeps_nothing(self, people: Units[Unit]) -> None:
        add(people, DELIVERY)
        (first,) = lease(people)
        (second,) = lease(people, now=UNTIL)
        assert replace(people, evolve(first, state=DONE, ended_at=UNTIL)) is False
        assert get(people) == second
        assert replace(people, evolve(second, state=DONE, ended_at=UNTIL)) is True

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
        gone = a_delivery(state=DONE, ended_at=NOON - TICK)
        stay = [
            a_delivery(position=1, state=DONE, ended_at=NOON),
            a_delivery(position=2, state=FAILED, ended_at=FIRST),
            a_delivery(position=3, due_at=FIRST),
        ]
        add(people, gone, *stay)
        assert people.write(lambda unit: unit.deliveries.remove_done(NOON, limit=9)) == 1
        assert [get(people, delivery) for delivery in (gone, *stay)] == [None, *stay]

    @pytest.mark.rule("K8")
    def test_no_more_deliveries_are_removed_than_asked(self, people: Units[Unit]) -> None:
        add(people, *(a_delivery(position=number, state=DONE, ended_at=FIRST) for number in range(5)))
        removed = [people.write(lambda unit: unit.deliveries.remove_done(NOON, limit=2)) for _ in range(4)]
        assert removed == [2, 2, 1, 0]
        assert listed(people, DONE, limit=9) == []


FIXED = ("subject_id", "subject", "change_no", "position", "subscriber", "tenant_id", "kind", "lease_no")
"""What stays of a delivery for as long as it is kept, or until it is leased."""


def listed(units: Units[Unit], state: DeliveryState = PENDING, *, limit: int) -> list[Delivery]:
    """Give the main tenant's deliveries in a state, page after page."""
    found: list[Delivery] = []
    after = None
    while page := units.read(lambda unit: unit.deliveries.list_in(state, MAIN, after=after, limit=limit)):  # noqa: B023
        assert len(page) <= limit
        found += page
        after = key_of(page[-1])
    return found
