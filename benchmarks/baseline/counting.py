"""W12 by hand: the figures of a dashboard, each span of instants counted by the index of registrations."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from benchmarks.baseline.store import TENANT, ByHand, micros_of
from usercore.statistics.model import DAYS_SHOWN, DayCount, RegistrationFigures

_DAY: Final = timedelta(days=1)

_ZONE: Final = f"SELECT time_zone FROM usercore_tenants WHERE id = {TENANT}"
_COUNT: Final = (
    f"SELECT COUNT(*) FROM usercore_users WHERE tenant_id = {TENANT} AND registered_at >= ? AND registered_at < ?"
)
_BEFORE: Final = f"SELECT COUNT(*) FROM usercore_users WHERE tenant_id = {TENANT} AND registered_at < ?"
_INACTIVE: Final = (
    f"SELECT COUNT(*) FROM usercore_users WHERE tenant_id = {TENANT} AND state <> 'active'"
    " AND registered_at IS NOT NULL"
)


class Counting(ByHand):
    """Counts the registrations of days and months, and the active users."""

    def widgets(self) -> RegistrationFigures:
        """Return the figures, of which nothing is stored."""
        now = self.clock()
        ((name,),) = self.execute(_ZONE).fetchall()
        zone = ZoneInfo(name)
        local = now.astimezone(zone)
        today = local.date()
        this_month = today.replace(day=1)
        last_month = (this_month - _DAY).replace(day=1)
        first_shown = today - (DAYS_SHOWN - 1) * _DAY

        def start(day: date) -> datetime:
            return datetime.combine(day, time(), zone)

        first = min(first_shown, last_month)
        days = [first + n * _DAY for n in range((today - first).days + 1)]
        by_day = {day: self._one(_COUNT, micros_of(start(day)), micros_of(start(day + _DAY))) for day in days}
        same_day = last_month.replace(day=local.day)
        part = self._one(_COUNT, micros_of(start(same_day)), micros_of(local.replace(month=last_month.month)))
        this = sum(by_day[day] for day in days if day >= this_month)
        last = sum(by_day[day] for day in days if last_month <= day < this_month)
        before = self._one(_BEFORE, micros_of(start(last_month)))
        return RegistrationFigures(
            today=by_day[today],
            yesterday=by_day[today - _DAY],
            this_month=this,
            last_month=last,
            last_month_to_date=sum(by_day[day] for day in days if last_month <= day < same_day) + part,
            by_day=tuple(DayCount(day=day, count=by_day[day]) for day in days if day >= first_shown),
            active=before + last + this - self._one(_INACTIVE),
        )

    def _one(self, statement: str, *values: int) -> int:
        ((count,),) = self.execute(statement, values).fetchall()
        return int(count)
