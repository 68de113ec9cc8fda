"""Days and months in time zones: spans of instants without gaps, and the same time of last month."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.days import day_in
from usercore.statistics.rules import (
    ONE_DAY,
    Span,
    day_spans,
    days_between,
    last_month_of,
    same_time_last_month,
)

pytestmark = pytest.mark.rule("X7")

ZONES = ("UTC", "Europe/Bratislava", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Asia/Kathmandu")
"""With changes of summer time at midnight, and a day that was skipped: Apia, 2011-12-30."""

zones = st.sampled_from(ZONES)
days = st.dates(date(1990, 1, 2), date(2040, 1, 1))
instants = st.datetimes(datetime(1990, 2, 2), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day_span(day: date, zone: str) -> Span:
    return day_spans(day, day, zone)[day]


@given(zones, instants)
def test_every_instant_is_in_the_span_of_its_day_only(zone: str, instant: datetime) -> None:
    day = day_in(zone, instant)
    inside = [one for one in (day - ONE_DAY, day, day + ONE_DAY) if _contains(one, zone, instant)]
    assert inside == [day]


def _contains(day: date, zone: str, instant: datetime) -> bool:
    since, until = day_span(day, zone)
    return since <= instant < until


@given(zones, days)
def test_a_day_ends_where_the_next_one_starts(zone: str, day: date) -> None:
    since, until = day_span(day, zone)
    assert until == day_span(day + ONE_DAY, zone).since
    assert timedelta(0) <= until - since <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Bratislava", 23),
        (date(2026, 10, 25), "Europe/Bratislava", 25),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),  # began at 01:00
        (date(2018, 2, 17), "America/Sao_Paulo", 25),  # its last hour came twice
        (date(2011, 12, 30), "Pacific/Apia", 0),  # never came
    ],
)
def test_a_day_has_the_hours_that_its_clocks_show(day: date, zone: str, hours: int) -> None:
    since, until = day_span(day, zone)
    assert until - since == timedelta(hours=hours)


@given(zones, days, st.integers(0, 40))
def test_the_spans_of_several_days_are_those_of_each(zone: str, first: date, number: int) -> None:
    last = first + number * ONE_DAY
    assert day_spans(first, last, zone) == {day: day_span(day, zone) for day in days_between(first, last)}


@given(days, st.integers(0, 400))
def test_days_are_iterated_with_both_ends(first: date, number: int) -> None:
    found = list(days_between(first, first + timedelta(days=number)))
    assert (found[0], found[-1], len(found)) == (first, first + timedelta(days=number), number + 1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-28T15:30", "2026-10-28T15:30"),
        ("2026-03-28T00:00", "2026-02-28T00:00"),
        ("2026-03-29T12:00", "2026-03-01T00:00"),
        ("2026-03-31T23:59", "2026-03-01T00:00"),
        ("2028-03-29T12:00", "2028-02-29T12:00"),
        ("2028-03-30T12:00", "2028-03-01T00:00"),
        ("2026-01-31T12:00", "2025-12-31T12:00"),
        ("2026-11-01T00:00", "2026-10-01T00:00"),
        ("2026-04-29T02:30", "2026-03-29T03:30"),  # 02:30 did not come on that day
    ],
)
def test_the_same_time_of_last_month_is_at_most_its_end(now: str, expected: str) -> None:
    zone = "Europe/Bratislava"
    assert same_time_last_month(at(now, zone), zone) == at(expected, zone)


@given(zones, instants)
def test_the_same_time_of_last_month_is_in_that_month_or_its_end(zone: str, now: datetime) -> None:
    today = day_in(zone, now)
    first = last_month_of(today)
    assert (first + timedelta(days=31)).replace(day=1) == today.replace(day=1)
    assert day_span(first, zone).since <= same_time_last_month(now, zone) <= day_span(today.replace(day=1), zone).since
