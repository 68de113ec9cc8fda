"""Days and months in a time zone, as half-open spans of instants. Pure."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

ONE_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """The instants from ``since`` up to, but not including, ``until``."""

    since: datetime
    until: datetime


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a day in a zone.

    Where clocks are put forward at midnight the day starts at the change, and where they are put back to midnight it
    starts at the first of the two: both follow from the fold 0. Source: PEP 495.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> Span:
    """Return the instants of a day in a zone; none if the zone skipped the day."""
    return Span(start_of(day, zone), start_of(day + ONE_DAY, zone))


def days_between(first: date, last: date) -> Iterator[date]:
    """Iterate over the days from the first to the last, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def last_month_of(day: date) -> date:
    """Return the first day of the month before a day's."""
    return (day.replace(day=1) - ONE_DAY).replace(day=1)


def same_time_last_month(now: datetime, zone: ZoneInfo) -> datetime:
    """Return this time of this day of last month, or the end of last month if it has no such day."""
    local = now.astimezone(zone)
    first = last_month_of(local.date())
    if local.day > monthrange(first.year, first.month)[1]:
        return start_of(local.date().replace(day=1), zone)
    return datetime.combine(first.replace(day=local.day), local.timetz()).astimezone(UTC)
