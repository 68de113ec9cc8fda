"""A failed delivery is retried after longer and longer pauses, set aside after a day, and retried on request."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.entity import evolve
from usercore.outbox.model import Delivery, DeliveryPolicy, DeliveryState
from usercore.outbox.rules import after_failure, after_retry, after_success, pause_after
from usercore.testing import NOON, TICK
from usercore.testing.samples import a_delivery
from usercore.testing.strategies import deliveries, instants

POLICY = DeliveryPolicy()
DAY = timedelta(hours=24)

PAUSES = {1: 1, 2: 2, 3: 4, 4: 8, 11: 1024, 12: 2048, 13: 3600, 14: 3600, 100: 3600, 10**9: 3600}


def fail(delivery: Delivery, now: datetime) -> Delivery:
    """Return the delivery after another failure."""
    return after_failure(delivery, now=now, problem="OSError", policy=POLICY)


@pytest.mark.rule("X3")
@pytest.mark.parametrize(("tries", "seconds"), PAUSES.items(), ids=map(str, PAUSES))
def test_the_pause_doubles_from_a_second_to_an_hour(tries: int, seconds: int) -> None:
    assert pause_after(tries, POLICY) == timedelta(seconds=seconds)


@pytest.mark.rule("X3")
@given(st.integers(1, 100))
def test_the_pause_never_gets_shorter_and_at_most_doubles(tries: int) -> None:
    pause, longer = pause_after(tries, POLICY), pause_after(tries + 1, POLICY)
    assert pause <= longer <= 2 * pause


@pytest.mark.rule("X3")
@given(deliveries(tries=st.integers(0, 50), failing_since=instants()), st.timedeltas(timedelta(0), 2 * DAY))
def test_a_failure_makes_a_delivery_due_again_or_sets_it_aside(delivery: Delivery, failing: timedelta) -> None:
    assert delivery.failing_since is not None
    now, tries = delivery.failing_since + failing, delivery.tries + 1
    failed = evolve(delivery, tries=tries, problem="OSError")
    if failing < DAY:
        assert fail(delivery, now) == evolve(failed, due_at=now + pause_after(tries, POLICY))
    else:
        assert fail(delivery, now) == evolve(failed, state=DeliveryState.FAILED, finished_at=now)


@pytest.mark.rule("X3")
def test_a_delivery_is_set_aside_after_failing_for_24_hours_to_the_microsecond() -> None:
    delivery = a_delivery(failing_since=NOON)
    assert fail(delivery, NOON + DAY - TICK).state is DeliveryState.PENDING
    assert fail(delivery, NOON + DAY).state is DeliveryState.FAILED


@pytest.mark.rule("X3")
def test_time_before_the_first_failure_does_not_count() -> None:
    failed = fail(a_delivery(made_at=NOON - 10 * DAY, failing_since=None), NOON)
    assert (failed.state, failed.failing_since) == (DeliveryState.PENDING, NOON)


@pytest.mark.rule("X3")
def test_a_first_failure_from_before_the_clock_was_set_back_counts_as_now() -> None:
    failed = fail(a_delivery(failing_since=NOON + 365 * DAY), NOON)
    assert (failed.state, failed.failing_since) == (DeliveryState.PENDING, NOON)


@pytest.mark.rule("X3")
def test_a_delivery_that_always_fails_is_tried_for_one_day() -> None:
    delivery = a_delivery(made_at=NOON, due_at=NOON, tries=0, failing_since=None)
    while delivery.state is DeliveryState.PENDING:
        delivery = fail(delivery, delivery.due_at)
    assert delivery.finished_at is not None
    assert DAY <= delivery.finished_at - NOON < DAY + POLICY.max_pause
    assert delivery.tries == 36


@pytest.mark.rule("X3")
@given(deliveries(), instants())
def test_a_delivery_that_succeeded_is_done(delivery: Delivery, now: datetime) -> None:
    assert after_success(delivery, now=now) == evolve(delivery, state=DeliveryState.DONE, finished_at=now, problem=None)


@pytest.mark.rule("X3")
@given(deliveries(tries=st.integers(0, 50)), instants().filter(lambda at: at.year < 2200))
def test_a_retried_delivery_is_tried_for_another_whole_day(delivery: Delivery, now: datetime) -> None:
    aside = evolve(delivery, state=DeliveryState.FAILED, finished_at=now)
    again = after_retry(aside, now=now)
    assert (again.state, again.due_at, again.tries, again.problem, again.finished_at) == ("pending", now, 0, None, None)
    assert (again.id, again.lease_no, again.generation) == (delivery.id, delivery.lease_no, delivery.generation)
    failed = fail(again, now + TICK)
    assert (failed.state, failed.failing_since) == (DeliveryState.PENDING, now + TICK)
    assert failed.due_at == now + TICK + timedelta(seconds=1)


@pytest.mark.rule("X3")
def test_the_id_of_a_delivery_is_unique() -> None:
    changes: list[dict[str, object]] = [
        {},
        {"subject_id": 1},
        {"change_no": 9},
        {"position": 9},
        {"subscriber": "host"},
        {"subject": "tenant"},
    ]
    assert len({a_delivery(**change).id for change in changes}) == len(changes)
