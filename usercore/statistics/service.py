"""Counting registrations, active users and hashes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Final, Protocol

from usercore.kernel.days import clean_day, day_in, start_of_day
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.time import FIRST
from usercore.kernel.values import frozen
from usercore.passwords.imported_hashes import format_of
from usercore.passwords.ports import PasswordsUnit
from usercore.statistics.model import (
    DAYS_SHOWN,
    MOST_DAYS,
    DayCount,
    HashCount,
    RegistrationFigures,
    StatisticsPolicy,
)
from usercore.statistics.rules import (
    ONE_DAY,
    Span,
    day_span,
    days_between,
    full_years,
    last_month_of,
    same_time_last_month,
)
from usercore.storage.registration_counts import CountedPeriod, RegistrationCountsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import get_tenant

BATCH: Final = 1000
"""Hashes that are read at once."""

Counts = Mapping[Span, int]


class StatisticsUnit(RegistrationCountsUnit, TenantsUnit, PasswordsUnit, Protocol):
    """The parts of a unit that have what is counted."""


@frozen(kw_only=True)
class Statistics:
    """Counts the tenant's users. Trusted: for operators. Safe to share between threads.

    Days and months are those of the tenant's time zone. A user counts once, when they registered, and goes on to count
    after an erasure. Days that are over are counted once and stored; an import removes the counts of the days that it
    changes.
    """

    _service: ServiceContext[StatisticsUnit]
    _policy: StatisticsPolicy

    def widgets(self) -> RegistrationFigures:
        """Return the figures of a dashboard: registrations of days and months, and active users."""
        now, zone = self._service.clock(), self._zone()
        today = day_in(zone, now)
        this_month, last_month = today.replace(day=1), last_month_of(today)
        first_shown = today - (DAYS_SHOWN - 1) * ONE_DAY
        days = {day: day_span(day, zone) for day in days_between(min(first_shown, last_month), today)}
        before = Span(FIRST, start_of_day(last_month, zone, field="day"))
        same_time = same_time_last_month(now, zone)
        last_day = day_in(zone, same_time)  # the first of this month if last month has no such day
        part = Span(start_of_day(last_day, zone, field="day"), same_time)
        counts = self._counts([before, *days.values()], now, uncounted=[part])
        by_day = {day: counts[span] for day, span in days.items()}
        this, last = _total(by_day, this_month, today), _total(by_day, last_month, this_month - ONE_DAY)
        return RegistrationFigures(
            today=by_day[today],
            yesterday=by_day[today - ONE_DAY],
            this_month=this,
            last_month=last,
            last_month_to_date=_total(by_day, last_month, last_day - ONE_DAY) + counts[part],
            by_day=tuple(DayCount(day=day, count=by_day[day]) for day in days_between(first_shown, today)),
            active=counts[before] + last + this - self._service.units.read(_count_inactive),
        )

    def active(self) -> int:
        """Return how many registered users are active."""
        return self.widgets().active

    def registrations(self, first: date, last: date) -> tuple[DayCount, ...]:
        """Return how many users registered on each day from the first to the last, both included, at most 366 days.

        Raises:
            TypeError: a day is not a date, or is an instant.
            Invalid: a day is ``out_of_range``, not in 1900 to 2241; ``last`` is ``too_early``, before ``first``,
                or ``too_late`` for 366 days.
        """
        start, end = clean_day(first, field="first"), clean_day(last, field="last")
        if end < start:
            refuse("last", "too_early")
        if (end - start).days >= MOST_DAYS:
            refuse("last", "too_late")
        zone = self._zone()
        days = {day: day_span(day, zone, field="last") for day in days_between(start, end)}
        counts = self._counts(days.values(), self._service.clock())
        return tuple(DayCount(day=day, count=counts[span]) for day, span in days.items())

    def hashes(self) -> tuple[HashCount, ...]:
        """Return how many passwords of which age are hashed in which format, the most frequent first.

        Reads every credential.
        """
        found, after, now = Counter[tuple[str, str | None, int]](), UserId(0), self._service.clock()
        while batch := self._service.units.read(lambda unit: unit.credentials.list_from(after, limit=BATCH)):  # noqa: B023 - read before the next batch
            found.update(
                (format_of(one.hash), one.pepper_id, full_years(one.set_at, now)) for one in batch if not one.is_void
            )
            after = batch[-1].user_id
        return tuple(
            HashCount(format=name, pepper_id=pepper_id, years=years, count=count)
            for (name, pepper_id, years), count in found.most_common()
        )

    def recount(self) -> int:
        """Remove the stored counts of closed days, so that the next call counts anew; return how many there were."""

        def clear(unit: StatisticsUnit) -> int:
            unit.lock_tenant(self._service.context.tenant_id)
            return unit.registration_counts.clear()

        return self._service.units.write(clear)

    def _zone(self) -> str:
        tenant_id = self._service.context.tenant_id
        return self._service.units.read(lambda unit: get_tenant(unit, tenant_id)).time_zone

    def _counts(self, spans: Iterable[Span], now: datetime, *, uncounted: Iterable[Span] = ()) -> Counts:
        """Return the counts of spans; of those that are closed they are stored, but not of the ``uncounted``."""
        every, until = {*spans, *uncounted}, now - self._policy.closes_after
        closed = {span for span in every if span.until <= until}.difference(uncounted)

        def query(unit: StatisticsUnit) -> dict[Span, int]:
            return _stored(unit, closed) | _counted(unit, every - closed)

        counts = self._service.units.read(query)
        missing = closed - counts.keys()
        return counts | self._service.units.write(lambda unit: self._store(unit, missing)) if missing else counts

    def _store(self, unit: StatisticsUnit, spans: Iterable[Span]) -> dict[Span, int]:
        tenant_id = self._service.context.tenant_id
        unit.lock_tenant(tenant_id)  # an import that changes these days waits, or is seen
        counts = _counted(unit, spans)
        unit.registration_counts.put_many(
            [
                CountedPeriod(tenant_id=tenant_id, starts_at=span.since, ends_at=span.until, count=count)
                for span, count in sorted(counts.items())
            ]
        )
        return counts


def _stored(unit: StatisticsUnit, spans: Collection[Span]) -> dict[Span, int]:
    if not spans:
        return {}
    stored = unit.registration_counts.list_ending(min(span.until for span in spans))
    by_span = {Span(one.starts_at, one.ends_at): one.count for one in stored}
    return {span: by_span[span] for span in spans if span in by_span}


def _counted(unit: StatisticsUnit, spans: Iterable[Span]) -> dict[Span, int]:
    return {span: unit.registration_counts.count(*span) for span in spans}


def _count_inactive(unit: StatisticsUnit) -> int:
    return unit.registration_counts.count_inactive()


def _total(by_day: Mapping[date, int], first: date, last: date) -> int:
    return sum(by_day[day] for day in days_between(first, last))
