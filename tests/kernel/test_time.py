"""Instants can be stored and read without a difference."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.time import EPOCH, FIRST, LAST, check_instant, from_micros, system_clock, to_micros
from usercore.testing import TICK
from usercore.testing.strategies import instants

FAR_EAST = timezone(timedelta(hours=14))


@pytest.mark.rule("X2")
@given(instants())
def test_an_instant_can_be_converted_to_microseconds_and_back(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


@pytest.mark.rule("X2")
@given(st.integers(to_micros(FIRST), to_micros(LAST) - 1))
def test_microseconds_can_be_converted_to_an_instant_and_back(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


@pytest.mark.parametrize("at", [FIRST, FIRST + TICK, EPOCH - TICK, EPOCH, EPOCH + TICK, LAST - TICK])
def test_the_first_and_last_instants_can_be_converted_and_back(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at
    assert from_micros(to_micros(at)).tzinfo is UTC


@given(instants(), instants())
def test_microseconds_have_the_order_of_instants(one: datetime, other: datetime) -> None:
    assert (to_micros(one) < to_micros(other)) == (one < other)


@given(instants().filter(lambda at: at > FIRST + timedelta(days=1)))
def test_an_instant_of_another_zone_is_returned_in_utc(at: datetime) -> None:
    checked = check_instant(at.astimezone(FAR_EAST), name="at")
    assert (checked, checked.tzinfo) == (at, UTC)


@pytest.mark.parametrize("at", [FIRST - TICK, LAST, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_an_instant_that_cannot_be_stored_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="at must lie between 1900 and 2242"):
        check_instant(at, name="at")


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="at must be aware"):
        check_instant(datetime(2026, 1, 1), name="at")  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize("value", [None, "2026-01-01T00:00:00Z", 0, 1.5, datetime(2026, 1, 1, tzinfo=UTC).date(), True])
def test_a_value_that_is_not_an_instant_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="at must be a datetime"):
        check_instant(value, name="at")


def test_the_clock_returns_utc() -> None:
    assert system_clock().tzinfo is UTC
