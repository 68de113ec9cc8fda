"""The dashboard: figures, charts, and what a chart draws."""

import re
from datetime import date, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.admin.markup import Page
from tests.admin.world import World
from usercore import DayCount
from usercore.statistics.model import MOST_DAYS
from usercore_web.admin.charts import HEIGHT, Chart, Point
from usercore_web.admin.dashboard import a_year_to, by_month

FIVE: Final = ("Active users", "Registered today", "Registered this month", "Month to date", "Registrations by day")
"""The widgets of the dashboard. Source: the document of REMP CRM's users module, Components."""

CHARTS: Final = st.lists(st.integers(min_value=0, max_value=2**40), min_size=1, max_size=366).map(
    lambda counts: Chart("Counts", tuple(Point(str(number), count) for number, count in enumerate(counts)))
)
DAYS: Final = st.dates(min_value=date(1901, 1, 1), max_value=date(2240, 12, 31))


def test_the_dashboard_has_the_five_widgets() -> None:
    world = World()
    world.clock.advance(timedelta(days=1))
    world.register("zoe@example.com")
    body = world.signed_in().get("/admin").body.decode()
    for title in FIVE:
        assert re.search(rf"<(dt|h2)[^>]*>{title}<", body), title
    assert "<strong>4</strong>" in body
    assert "yesterday 3" in body


def test_a_chart_can_be_read_without_seeing_it() -> None:
    page = Page(World().signed_in().get("/admin/").body)
    for chart in page.all("svg"):
        assert chart["role"] == "img"
        assert "3 in all, at most 3" in chart["aria-label"]
    assert page.tags.count("details") == page.tags.count("table") == 2
    assert page.tags.count("rect") == page.tags.count("title") - 1 == 31 + 12


@given(chart=CHARTS)
def test_all_bars_are_inside_the_chart_and_beside_each_other(chart: Chart) -> None:
    end = 0
    for _, bar in chart.bars:
        assert end < bar.x < bar.x + bar.width < chart.width
        assert 0 <= bar.y <= HEIGHT
        assert abs(bar.y + bar.height - HEIGHT) < 0.01
        end = bar.x + bar.width


@given(chart=CHARTS)
def test_the_greatest_count_has_the_full_height_and_others_in_proportion(chart: Chart) -> None:
    for point, bar in chart.bars:
        assert abs(bar.height - HEIGHT * point.count / (chart.most or 1)) <= 0.005
    assert max(bar.height for _, bar in chart.bars) == (HEIGHT if chart.total else 0)


@given(day=DAYS)
def test_a_year_of_months_begins_on_a_first_and_can_be_counted(day: date) -> None:
    first = a_year_to(day)
    days = [first + timedelta(days=number) for number in range((day - first).days + 1)]
    months = by_month(DayCount(day=one, count=1) for one in days)
    assert first.day == 1
    assert len(days) <= MOST_DAYS
    assert len(months) == 12
    assert (months[0].label, months[-1].label) == (f"{first:%Y-%m}", f"{day:%Y-%m}")
    assert sum(point.count for point in months) == len(days)
