"""Spans of instants: days and months in a time zone. Pure."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from usercore.kernel.days import start_of_day

ONE_DAY: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)


class Span(NamedTuple):
    """The instants from ``since`` up to, but not including, ``until``."""

    since: datetime
    until: datetime


def day_span(day: date, zone: str, *, field: str = "day") -> Span:
    """Return the instants of a day in a zone; none if the zone left the day out.

    Raises:
        Invalid: the day begins or ends outside 1900 to 2242.
    """
    return Span(start_of_day(day, zone, field=field), start_of_day(day + ONE_DAY, zone, field=field))


def days_between(first: date, last: date) -> Iterator[date]:
    """Iterate over the days from the first to the last, both included."""
    for number in range((last - first).days + 1):
        yield first + number * ONE_DAY


def full_years(since: datetime, now: datetime) -> int:
    """Return the full years of 365 days since an instant; none if it is yet to come."""
    return max(now - since, timedelta(0)) // _YEAR


def last_month_of(day: date) -> date:
    """Return the first day of the month before a day's."""
    return (day.replace(day=1) - ONE_DAY).replace(day=1)


def same_time_last_month(now: datetime, zone: str) -> datetime:
    """Return this time of this day of last month, or the end of last month if it has no such day."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only statistics need it

    local = now.astimezone(ZoneInfo(zone))
    first = last_month_of(local.date())
    if local.day > monthrange(first.year, first.month)[1]:
        return start_of_day(local.date().replace(day=1), zone, field="day")
    return local.replace(year=first.year, month=first.month).astimezone(now.tzinfo)
