"""What every storage must do to count tries."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import strategies as st

from usercore.attempts.model import FailureCounter
from usercore.kernel.secret import digest_of
from usercore.kernel.time import FIRST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_for_all
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK

KEY: Final = bytes(digest_of("key"))
OTHER: Final = bytes(digest_of("other key"))
WINDOW: Final = timedelta(hours=1)
NEVER_STALE: Final = FIRST
KEPT: Final = 100


def record_failure(
    units: Units[Unit],
    key: bytes = KEY,
    *,
    at: datetime = NOON,
    stale_before: datetime = NEVER_STALE,
    kept_from: int = KEPT,
) -> FailureCounter:
    """Count a try in a unit of its own."""
    return units.write(
        lambda unit: unit.throttles.record_failure(key, at=at, stale_before=stale_before, kept_from=kept_from)
    )


def forgive(units: Units[Unit], up_to: int, key: bytes = KEY) -> None:
    """Forgive in a unit of its own."""
    units.write(lambda unit: unit.throttles.forgive(key, up_to=up_to))


def throttle(units: Units[Unit], key: bytes = KEY) -> FailureCounter | None:
    """Give the counter of a key, or None."""
    found = units.read(lambda unit: unit.throttles.get_many([key]))
    return found[0] if found else None


def next_counted(
    old: FailureCounter | None, key: bytes, *, at: datetime, stale_before: datetime, kept_from: int
) -> FailureCounter:
    """Give the counter after a try, as the port describes it."""
    if old is None:
        return FailureCounter(key=key, tried=1, forgiven=0, last_at=at)
    is_stale = old.last_at <= stale_before and old.failures < kept_from
    forgiven = old.tried if is_stale else old.forgiven
    return FailureCounter(key=key, tried=old.tried + 1, forgiven=forgiven, last_at=max(old.last_at, at))


def next_forgiven(old: FailureCounter, up_to: int) -> FailureCounter:
    """Give the counter after forgiving, as the port describes it."""
    return FailureCounter(
        key=old.key, tried=old.tried, forgiven=max(old.forgiven, min(up_to, old.tried)), last_at=old.last_at
    )


class FailureCounterRepositoryContract(Contract):
    """One case a promise of ``FailureCounterRepository``."""

    @pytest.mark.rule("S7")
    def test_a_try_is_counted_as_failed(self, main: Units[Unit]) -> None:
        first = record_failure(main, at=NOON)
        assert_same(first, FailureCounter(key=KEY, tried=1, forgiven=0, last_at=NOON))
        assert record_failure(main, at=NOON + TICK) == FailureCounter(key=KEY, tried=2, forgiven=0, last_at=NOON + TICK)
        assert_same(throttle(main), FailureCounter(key=KEY, tried=2, forgiven=0, last_at=NOON + TICK))
        assert throttle(main, OTHER) is None

    @pytest.mark.rule("S7")
    def test_several_counters_are_given_in_one_look_up(self, main: Units[Unit]) -> None:
        keys = [bytes(digest_of(str(number))) for number in range(10)]
        counters = {key: record_failure(main, key) for key in keys}
        for asked in ([], keys[:1], keys[3:5], keys, [OTHER, keys[7]], [OTHER]):
            found = main.read(lambda unit: unit.throttles.get_many(asked))  # noqa: B023 - used at once
            assert sorted(each.key for each in found) == sorted(key for key in asked if key in counters)
            assert all(each == counters[each.key] for each in found)

    @pytest.mark.rule("S7")
    def test_what_came_up_to_an_ordinal_is_forgiven(self, main: Units[Unit]) -> None:
        for _ in range(5):
            record_failure(main)
        forgive(main, 3)
        assert_same(throttle(main), FailureCounter(key=KEY, tried=5, forgiven=3, last_at=NOON))
        forgive(main, 2)
        assert throttle(main) == FailureCounter(key=KEY, tried=5, forgiven=3, last_at=NOON)
        assert record_failure(main).failures == 3

    @pytest.mark.rule("S7")
    def test_no_more_is_forgiven_than_was_tried(self, main: Units[Unit]) -> None:
        record_failure(main)
        forgive(main, 5)  # the ordinal of a counter that was removed since
        assert throttle(main) == FailureCounter(key=KEY, tried=1, forgiven=1, last_at=NOON)
        assert record_failure(main).failures == 1

    @pytest.mark.rule("S7")
    def test_without_a_counter_nothing_is_forgiven(self, main: Units[Unit]) -> None:
        record_failure(main, OTHER)
        forgive(main, 1)
        assert throttle(main) is None
        assert throttle(main, OTHER) == FailureCounter(key=OTHER, tried=1, forgiven=0, last_at=NOON)

    @pytest.mark.parametrize(("since", "failures"), [(-TICK, 4), (timedelta(0), 1), (TICK, 1)])
    @pytest.mark.rule("S7")
    def test_failures_before_the_stale_instant_are_forgiven(
        self, main: Units[Unit], since: timedelta, failures: int
    ) -> None:
        for _ in range(3):
            record_failure(main, at=NOON)
        counted = record_failure(main, at=NOON + WINDOW, stale_before=NOON + since)
        assert counted == FailureCounter(key=KEY, tried=4, forgiven=4 - failures, last_at=NOON + WINDOW)
        assert throttle(main) == counted

    @pytest.mark.parametrize(("kept_from", "failures"), [(2, 4), (3, 4), (4, 1)])
    @pytest.mark.rule("S7")
    def test_so_many_failures_in_a_row_are_never_stale(self, main: Units[Unit], kept_from: int, failures: int) -> None:
        for _ in range(3):
            record_failure(main)
        assert record_failure(main, stale_before=NOON, kept_from=kept_from).failures == failures

    @pytest.mark.rule("S7")
    def test_the_last_try_moves_only_forward(self, main: Units[Unit]) -> None:
        record_failure(main, at=NOON)
        assert record_failure(main, at=NOON - WINDOW) == FailureCounter(key=KEY, tried=2, forgiven=0, last_at=NOON)

    @pytest.mark.rule("S7")
    def test_any_tries_and_forgivings_agree_with_a_model(self, main: Units[Unit]) -> None:
        step = st.tuples(st.integers(-2, 6), st.integers(-2, 6), st.integers(1, 4))
        numbers = iter(range(1_000_000))

        def check(steps: list[tuple[int, int, int] | int]) -> None:
            key = bytes(digest_of(f"model {next(numbers)}"))
            expected = None
            for step in steps:
                if isinstance(step, int):
                    forgive(main, step, key)
                    expected = expected and next_forgiven(expected, step)
                else:
                    at, stale = NOON + step[0] * TICK, NOON + step[1] * TICK
                    expected = next_counted(expected, key, at=at, stale_before=stale, kept_from=step[2])
                    assert record_failure(main, key, at=at, stale_before=stale, kept_from=step[2]) == expected
            assert throttle(main, key) == expected

        check_for_all(st.lists(st.one_of(step, st.integers(0, 5)), max_size=12), check)

    @pytest.mark.rule("K8")
    def test_older_counters_are_removed_unless_they_have_many_failures(self, main: Units[Unit]) -> None:
        few, edge, many, forgiven = (bytes(digest_of(str(number))) for number in range(4))
        for key, at, tries in ((few, -TICK, 2), (edge, 0 * TICK, 2), (many, -TICK, 3), (forgiven, -TICK, 3)):
            for _ in range(tries):
                record_failure(main, key, at=NOON + at)
        forgive(main, 1, forgiven)
        assert main.write(lambda unit: unit.throttles.remove_before(NOON, kept_from=3, limit=9)) == 2
        assert [throttle(main, key) is None for key in (few, edge, many, forgiven)] == [True, False, False, True]

    @pytest.mark.rule("K8")
    def test_no_more_counters_are_removed_than_asked(self, main: Units[Unit]) -> None:
        for number in range(5):
            record_failure(main, bytes(digest_of(str(number))))
        late = NOON + WINDOW
        removed = [main.write(lambda unit: unit.throttles.remove_before(late, kept_from=9, limit=2)) for _ in range(4)]
        assert removed == [2, 2, 1, 0]

    @pytest.mark.rule("S7")
    def test_of_eight_threads_each_gets_an_ordinal(self, main: Units[Unit]) -> None:
        def look_then_count(_: int, meet: Meet) -> int:
            assert throttle(main) is None
            meet()
            return record_failure(main).tried

        assert sorted(race(look_then_count)) == [*range(1, THREADS + 1)]

    @pytest.mark.rule("S7")
    def test_of_two_open_units_each_gets_an_ordinal(self, main: Units[Unit]) -> None:
        def look_then_count(unit: Unit, _: int, meet: Meet) -> int:
            unit.throttles.get_many([KEY])
            meet()
            return unit.throttles.record_failure(KEY, at=NOON, stale_before=NEVER_STALE, kept_from=KEPT).tried

        assert sorted(overlap(main, look_then_count)) == [1, 2]
