"""Spans of instants: days and months in a time zone. Pure."""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from usercore.kernel.days import day_in, start_of_day
from usercore.kernel.time import FIRST
from usercore.kernel.values import frozen
from usercore.statistics.model import DAYS_SHOWN, DayCount, RegistrationFigures

ONE_DAY: Final = timedelta(days=1)
_YEAR: Final = timedelta(days=365)


class Span(NamedTuple):
    """The instants from ``since`` up to, but not including, ``until``."""

    since: datetime
    until: datetime


Counts = Mapping[Span, int]


def day_spans(first: date, last: date, zone: str, *, field: str = "day") -> dict[date, Span]:
    """Return the instants of each day from the first to the last in a zone; none of a day that the zone left out.

    Raises:
        Invalid: a day begins or ends outside 1900 to 2242.
    """
    days = [*days_between(first, last)]
    starts = (start_of_day(day, zone, field=field) for day in (*days, last + ONE_DAY))
    return dict(zip(days, (Span(since, until) for since, until in pairwise(starts)), strict=True))


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


@frozen
class Dashboard:
    """The periods whose registrations a dashboard shows at an instant."""

    today: date
    first_shown: date
    last_day: date
    """The day of last month that has the same date, or the first of this month if there is none."""
    days: Mapping[date, Span]
    """From the first that is shown, or of last month, to today."""
    before: Span
    """From the beginning of time to last month."""
    last_day_to_date: Span
    """The part of ``last_day`` that counts as to date."""

    def figures(self, counts: Counts, inactive: int) -> RegistrationFigures:
        """Return what is shown if the periods have these counts, and so many registered users are not active."""
        by_day = {day: counts[span] for day, span in self.days.items()}
        this_month, last_month = self.today.replace(day=1), last_month_of(self.today)
        this, last = _total(by_day, this_month, self.today), _total(by_day, last_month, this_month - ONE_DAY)
        to_date = _total(by_day, last_month, self.last_day - ONE_DAY) + counts[self.last_day_to_date]
        shown = days_between(self.first_shown, self.today)
        return RegistrationFigures(
            today=by_day[self.today],
            yesterday=by_day[self.today - ONE_DAY],
            this_month=this,
            last_month=last,
            last_month_to_date=to_date,
            by_day=tuple(DayCount(day=day, count=by_day[day]) for day in shown),
            active=counts[self.before] + last + this - inactive,
        )


def dashboard_at(now: datetime, zone: str) -> Dashboard:
    """Return the periods that a dashboard shows at an instant, in a zone."""
    today = day_in(zone, now)
    last_month, first_shown = last_month_of(today), today - (DAYS_SHOWN - 1) * ONE_DAY
    days = day_spans(min(first_shown, last_month), today, zone)
    same_time = same_time_last_month(now, zone)
    last_day = day_in(zone, same_time)
    return Dashboard(
        today=today,
        first_shown=first_shown,
        last_day=last_day,
        days=days,
        before=Span(FIRST, days[last_month].since),
        last_day_to_date=Span(days[last_day].since, same_time),
    )


def _total(by_day: Mapping[date, int], first: date, last: date) -> int:
    return sum(by_day[day] for day in days_between(first, last))
