"""Which version holds on a day, and how changes replace versions: a dict by days tells what any sequence leads to."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.addresses.model import AddressValues, AddressVersion
from usercore.addresses.versions import first_day, replaced, version_on
from usercore.kernel.entity import evolve
from usercore.testing import NOON
from usercore.testing.contracts.addresses import DAY, a_version

DAYS = st.integers(0, 40).map(lambda number: DAY + timedelta(number))
STEPS = st.lists(st.tuples(DAYS, st.sampled_from("abc")), max_size=8)


def change(versions: dict[int, AddressVersion], day: date, street: str) -> None:
    """Replace what holds on a day."""
    held = version_on(versions.values(), day)
    assert held is not None
    values = AddressValues(street=street)
    closed, new = replaced(held, values, day=day, version_id=len(versions) + 1, at=NOON, by="host")
    versions |= {closed.id: closed, new.id: new}


@pytest.mark.rule("A9")
@given(STEPS)
def test_from_the_day_of_a_change_on_its_values_hold_until_the_next_version(steps: list[tuple[date, str]]) -> None:
    versions = {1: evolve(a_version(1), street="first")}
    expected = {DAY: "first"}
    for day, street in steps:
        change(versions, day, street)
        expected[day] = street
    for number in range(60):
        day = DAY + timedelta(number)
        held = version_on(versions.values(), day)
        assert held is not None
        assert held.street == expected[max(first for first in expected if first <= day)]
    assert version_on(versions.values(), DAY - timedelta(1)) is None
    assert [one.id for one in versions.values() if one.valid_until is None] == [
        max(versions, key=lambda n: (versions[n].valid_until is None, n))
    ]


@pytest.mark.rule("A9")
@given(STEPS, DAYS)
def test_of_all_versions_at_most_one_holds_on_a_day_and_none_is_ever_lost(
    steps: list[tuple[date, str]], day: date
) -> None:
    versions = {1: a_version(1)}
    for start, street in steps:
        change(versions, start, street)
    assert len(versions) == len(steps) + 1
    holding = [one for one in versions.values() if version_on([one], day) is not None]
    assert holding == [version_on(versions.values(), day)]


@pytest.mark.rule("A9")
def test_a_version_holds_on_its_first_day_and_not_on_its_last() -> None:
    version = a_version(until=DAY + timedelta(2))
    days = [DAY + timedelta(number) for number in range(-1, 4)]
    assert [version_on([version], day) is not None for day in days] == [False, True, True, False, False]
    assert version_on([a_version(until=DAY)], DAY) is None


@pytest.mark.rule("A9")
def test_a_change_closes_the_version_that_held_before_and_takes_the_rest_of_its_time() -> None:
    held = a_version(1, until=DAY + timedelta(10))
    closed, new = replaced(
        held, AddressValues(street="High"), day=DAY + timedelta(3), version_id=2, at=NOON, by="user:7"
    )
    assert closed == evolve(held, valid_until=DAY + timedelta(3))
    assert (new.valid_from, new.valid_until, new.id) == (DAY + timedelta(3), DAY + timedelta(10), 2)
    assert (new.address_id, new.type, new.street, new.city) == (held.address_id, held.type, "High", None)
    assert (new.created_at, new.created_by) == (NOON, "user:7")


@pytest.mark.rule("A9")
@pytest.mark.parametrize(
    ("today", "wanted", "first"),
    [(5, None, 5), (5, 9, 9), (5, 3, 5), (-2, None, 0), (-2, -1, 0), (-2, 4, 4)],
)
def test_a_change_holds_from_the_wanted_day_but_neither_before_today_nor_before_the_address(
    today: int, wanted: int | None, first: int
) -> None:
    day = first_day(
        [a_version(1, until=DAY + timedelta(7))],
        today=DAY + timedelta(today),
        wanted=None if wanted is None else DAY + timedelta(wanted),
    )
    assert day == DAY + timedelta(first)
