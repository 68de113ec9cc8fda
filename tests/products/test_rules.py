"""Bounds of grants: dates in a zone, half-open windows, and which grant covers another one."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import Invalid
from usercore.kernel.time import MICROSECOND
from usercore.products.rules import (
    check_window,
    clean_bound,
    clean_product_ids,
    covers,
    instant_of,
    is_valid,
)
from usercore.testing import NOON
from usercore.testing.contracts.products import grant
from usercore.testing.fakes import TICK
from usercore.testing.strategies import instants

ZONES = st.sampled_from(
    (
        "UTC",
        "Europe/Bratislava",
        "America/Havana",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
        "Africa/Monrovia",
        "Australia/Lord_Howe",
    )
)
DAYS = st.dates(date(1900, 1, 2), date(2241, 12, 31))


@pytest.mark.rule("X1")
@given(DAYS, ZONES)
def test_a_date_is_the_first_instant_of_that_day_in_the_zone(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    start = instant_of(day, time_zone=name, field="from_")
    assert start.tzinfo is UTC
    assert start.astimezone(zone).date() >= day, "later only where the zone left the day out"
    assert (start - MICROSECOND).astimezone(zone).date() < day


@pytest.mark.rule("X1")
@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Bratislava", date(2026, 3, 29), "2026-03-28T23:00:00+00:00"),
        ("Europe/Bratislava", date(2026, 3, 30), "2026-03-29T22:00:00+00:00"),
        ("Europe/Bratislava", date(2026, 10, 26), "2026-10-25T23:00:00+00:00"),
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00:00+00:00"),  # there is no midnight
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00+00:00"),  # the first of two midnights
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00+00:00"),  # there is no such day
    ],
)
def test_the_start_of_a_day_across_changes_of_the_offset(zone: str, day: date, start: str) -> None:
    assert instant_of(day, time_zone=zone, field="from_").isoformat() == start


@pytest.mark.rule("X1")
@given(instants(), ZONES)
def test_an_instant_stays_in_every_zone(at: datetime, zone: str) -> None:
    assert instant_of(at, time_zone=zone, field="from_") == at


@pytest.mark.rule("X1")
def test_a_day_that_begins_before_1900_is_refused() -> None:
    first = clean_bound(date(1900, 1, 1), field="until")
    assert first is not None
    assert instant_of(first, time_zone="UTC", field="until") == datetime(1900, 1, 1, tzinfo=UTC)
    with pytest.raises(Invalid):
        instant_of(first, time_zone="Europe/Bratislava", field="until")


@pytest.mark.rule("X1")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (datetime(2026, 3, 1), "no_zone"),  # noqa: DTZ001 - what is refused
        (datetime(1899, 12, 31, tzinfo=UTC), "out_of_range"),
        (date(1899, 12, 31), "out_of_range"),
        (date(2242, 1, 1), "out_of_range"),
        (date.min, "out_of_range"),
        (date.max, "out_of_range"),
    ],
)
def test_a_bound_without_a_zone_or_out_of_range_is_refused(value: date, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_bound(value, field="from_")
    assert [(one.field, one.reason) for one in refused.value.errors] == [("from_", reason)]


@pytest.mark.rule("X1")
@pytest.mark.parametrize("value", ["2026-03-01", 0, 1.5, True, timedelta(1), NOON.time(), (2026, 3, 1)])
def test_a_bound_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="until must be date"):
        clean_bound(value, field="until")


@pytest.mark.rule("X1")
def test_a_bound_is_stored_in_utc_and_subclasses_become_plain() -> None:
    class Day(date):
        """A date of a library's."""

    eastern = NOON.astimezone(timezone(timedelta(hours=5)))
    bound = clean_bound(eastern, field="from_")
    assert (bound, getattr(bound, "tzinfo", None)) == (NOON, UTC)
    assert type(clean_bound(Day(2026, 3, 1), field="from_")) is date
    assert clean_bound(None, field="from_") is None


@pytest.mark.rule("X1")
@given(st.lists(st.text("abč\u0301 ", min_size=1, max_size=4), max_size=6))
def test_product_ids_are_stored_exactly_and_once(given_ids: list[str]) -> None:
    blank = [one for one in given_ids if one != one.strip() or not one.strip()]
    if blank or not given_ids:
        with pytest.raises(Invalid):
            clean_product_ids(given_ids)
    else:
        cleaned = clean_product_ids(given_ids)
        assert len(set(cleaned)) == len(cleaned) <= len(given_ids)
        assert clean_product_ids(cleaned) == cleaned


@pytest.mark.rule("X1")
def test_product_ids_are_a_collection_of_texts() -> None:
    wrong: list[Any] = ["weekly", b"weekly", {"weekly": 1}, None, 7, [7], [None], iter(["weekly"])]
    for value in wrong:
        with pytest.raises(TypeError):
            clean_product_ids(value)


@pytest.mark.rule("X1")
@pytest.mark.parametrize("value", [[], [""], [" a"], ["x" * 256], ["a\nb"], ["\u0378"], [str(n) for n in range(1001)]])
def test_product_ids_that_cannot_exist_are_refused(value: list[str]) -> None:
    with pytest.raises(Invalid):
        clean_product_ids(value)
    assert len(clean_product_ids([str(number) for number in range(1000)])) == 1000


@pytest.mark.rule("X1")
def test_a_grant_is_valid_from_its_start_until_before_its_end() -> None:
    one = grant(ticks=2)
    assert [is_valid(one, NOON + ticks * TICK) for ticks in (-1, 0, 1, 2, 3)] == [False, True, True, False, False]


@pytest.mark.rule("X1")
@given(st.lists(st.integers(0, 5) | st.none(), min_size=3, max_size=3), st.integers(0, 5))
def test_a_grant_covers_another_one_exactly_if_it_is_valid_whenever_that_is(ends: list[int | None], start: int) -> None:
    first, second, _ = (None if end is None else NOON + end * TICK for end in ends)
    wide = grant().__class__(
        user_id=grant().user_id,
        id=1,
        tenant_id=grant().tenant_id,
        product_id="weekly",
        valid_from=NOON + (ends[2] or 0) * TICK,
        valid_until=first,
        granted_at=NOON,
        granted_by="host",
    )
    since = NOON + start * TICK
    if second is not None and second <= since:
        with pytest.raises(Invalid):
            check_window(since, second)
        return
    check_window(since, second)
    last = NOON + 9 * TICK if second is None else second
    moments = [NOON + half * TICK / 2 for half in range(20)]
    whenever = all(is_valid(wide, at) for at in moments if since <= at < last)
    assert covers(wide, since, second) == (whenever and (second is not None or first is None))
