"""Counting registrations, active users and hashes."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from usercore.kernel.days import clean_day
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.passwords.imported_hashes import format_of
from usercore.passwords.ports import PasswordsUnit
from usercore.statistics.model import (
    MOST_DAYS,
    DayCount,
    HashCount,
    RegistrationFigures,
    StatisticsPolicy,
)
from usercore.statistics.rules import Counts, Dashboard, Span, dashboard_at, day_spans, full_years
from usercore.storage.registration_counts import CountedPeriod, RegistrationCountsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import get_tenant

BATCH: Final = 1000
"""Hashes that are read at once."""


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
        now = self._service.clock()

        def query(unit: StatisticsUnit) -> tuple[Dashboard, _Found, int]:
            shown = dashboard_at(now, self._zone_in(unit))
            found = self._find(unit, [shown.before, *shown.days.values()], now, uncounted=[shown.last_day_to_date])
            return shown, found, unit.registration_counts.count_inactive()

        shown, found, inactive = self._service.units.read(query)
        return shown.figures(self._complete(found), inactive)

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
        now = self._service.clock()

        def query(unit: StatisticsUnit) -> tuple[Mapping[date, Span], _Found]:
            days = day_spans(start, end, self._zone_in(unit), field="last")
            return days, self._find(unit, days.values(), now)

        days, found = self._service.units.read(query)
        counts = self._complete(found)
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

    def _zone_in(self, unit: StatisticsUnit) -> str:
        return get_tenant(unit, self._service.context.tenant_id).time_zone

    def _find(
        self, unit: StatisticsUnit, spans: Iterable[Span], now: datetime, *, uncounted: Iterable[Span] = ()
    ) -> "_Found":
        """Return the counts of spans that are stored or open; those of closed ones are stored, but ``uncounted``."""
        every, until = {*spans, *uncounted}, now - self._policy.closes_after
        closed = {span for span in every if span.until <= until}.difference(uncounted)
        counts = _stored(unit, closed) | _counted(unit, every - closed)
        return _Found(counts, closed - counts.keys())

    def _complete(self, found: "_Found") -> Counts:
        """Count the spans that are missing, and store their counts."""
        if not found.missing:
            return found.counts
        return found.counts | self._service.units.write(lambda unit: self._store(unit, found.missing))

    def _store(self, unit: StatisticsUnit, spans: Collection[Span]) -> dict[Span, int]:
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


class _Found(NamedTuple):
    """Counts, and the closed spans that are not counted yet."""

    counts: dict[Span, int]
    missing: set[Span]


def _stored(unit: StatisticsUnit, spans: Collection[Span]) -> dict[Span, int]:
    if not spans:
        return {}
    stored = unit.registration_counts.list_ending(min(span.until for span in spans))
    by_span = {Span(one.starts_at, one.ends_at): one.count for one in stored}
    return {span: by_span[span] for span in spans if span in by_span}


def _counted(unit: StatisticsUnit, spans: Iterable[Span]) -> dict[Span, int]:
    ordered = sorted(spans)
    return dict(zip(ordered, unit.registration_counts.count_many(ordered), strict=True))
