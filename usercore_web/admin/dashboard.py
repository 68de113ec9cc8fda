"""The first page: how many users there are, and how many registered."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Final

from usercore import DayCount
from usercore_web.admin.charts import Chart, Point
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.responses import Response


def show(call: OperatorCall) -> Response:
    """Return the figures of today and of the month, and charts of days and months."""
    statistics = call.core.statistics
    figures = statistics.widgets()
    today = figures.by_day[-1].day
    year = statistics.registrations(a_year_to(today), today)
    days = Chart("Registrations by day", tuple(Point(str(one.day), one.count) for one in figures.by_day))
    return call.page("dashboard.html", figures=figures, charts=(days, Chart("Registrations by month", by_month(year))))


def a_year_to(day: date) -> date:
    """Return the first day of the twelve months that end with the month of a day."""
    year, month = divmod(day.year * 12 + day.month - 12, 12)
    return date(year, month + 1, 1)


def by_month(days: Iterable[DayCount]) -> tuple[Point, ...]:
    """Return the counts of months, which have the form 2026-03."""
    counts = Counter[str]()
    for one in days:
        counts[f"{one.day:%Y-%m}"] += one.count
    return tuple(Point(month, count) for month, count in counts.items())


PAGES: Final = (AdminRoute("GET", "/", "statistics.widgets", show),)
