"""Days in the zone of a tenant, and dates that callers pass."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.helpers import fault_of
from usercore.kernel.days import clean_day, day_in
from usercore.kernel.errors import FieldError
from usercore.kernel.time import FIRST, LAST
from usercore.testing.strategies import instants


@pytest.mark.rule("A9")
@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", 31), ("Pacific/Kiritimati", 1), ("Pacific/Pago_Pago", 31), ("Europe/Bratislava", 1), ("Etc/GMT+12", 31)],
)
def test_a_day_begins_at_midnight_in_its_zone(zone: str, day: int) -> None:
    assert day_in(zone, datetime(2026, 3, 31, 23, 0, tzinfo=UTC)).day == day


@pytest.mark.rule("A9")
@given(instants())
def test_every_instant_has_a_day(at: datetime) -> None:
    assert day_in("UTC", at) == at.date()


class Later(date):
    """A date of the host's own."""


@pytest.mark.rule("A9")
def test_a_subclass_becomes_plain() -> None:
    assert type(clean_day(Later(2026, 1, 1), field="on")) is date


@pytest.mark.rule("A9", "ERR")
@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01", 20260101, None])
def test_an_instant_is_no_date(value: Any) -> None:
    with pytest.raises(TypeError):
        clean_day(value, field="on")


@pytest.mark.rule("A9")
@pytest.mark.parametrize("day", [date(1899, 12, 31), date(2242, 1, 1), date.max, date.min])
def test_a_date_out_of_range_is_refused(day: date) -> None:
    assert fault_of(lambda: clean_day(day, field="on")) == FieldError("on", "out_of_range")
    assert clean_day(date(1900, 1, 1), field="on") == FIRST.date()
    assert clean_day(date(2241, 12, 31), field="on") < LAST.date()
