"""The contract of rate limits."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import strategies as st

from usercore.kernel.secret import digest_of
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_for_all
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.throttling.model import RateLimitWindow

KEY: Final = bytes(digest_of("key"))
OTHER: Final = bytes(digest_of("other key"))
WINDOW: Final = timedelta(hours=1)


def use(units: Units[Unit], key: bytes = KEY, *, at: datetime = NOON, most: int = 3) -> RateLimitWindow:
    """Count a use in a unit of its own."""
    return units.write(lambda unit: unit.rate_limits.use(key, at=at, window=WINDOW, most=most))


def next_used(old: RateLimitWindow | None, key: bytes, *, at: datetime, most: int) -> RateLimitWindow:
    """Return the counter after a use, as the port describes it."""
    if old is None or old.started_at + WINDOW <= at or old.started_at - at > WINDOW:
        return RateLimitWindow(key=key, started_at=at, used=1)
    return RateLimitWindow(key=key, started_at=old.started_at, used=max(old.used, min(old.used + 1, most + 1)))


class RateLimitRepositoryContract(Contract):
    """One case for each promise of ``RateLimitRepository``."""

    @pytest.mark.rule("R1")
    def test_uses_are_counted_from_the_first(self, main: Units[Unit]) -> None:
        assert_same(use(main), RateLimitWindow(key=KEY, started_at=NOON, used=1))
        assert_same(use(main, at=NOON + TICK), RateLimitWindow(key=KEY, started_at=NOON, used=2))
        assert use(main, OTHER, at=NOON + TICK) == RateLimitWindow(key=OTHER, started_at=NOON + TICK, used=1)

    @pytest.mark.rule("R1")
    def test_the_count_stops_one_above_the_most(self, main: Units[Unit]) -> None:
        assert [use(main, most=2).used for _ in range(5)] == [1, 2, 3, 3, 3]

    @pytest.mark.rule("R1")
    def test_a_window_that_ended_starts_again(self, main: Units[Unit]) -> None:
        use(main)
        assert use(main, at=NOON + WINDOW - TICK) == RateLimitWindow(key=KEY, started_at=NOON, used=2)
        assert use(main, at=NOON + WINDOW) == RateLimitWindow(key=KEY, started_at=NOON + WINDOW, used=1)

    @pytest.mark.rule("R1")
    def test_a_window_that_begins_more_than_a_window_from_now_starts_again(self, main: Units[Unit]) -> None:
        use(main)
        assert use(main, at=NOON - WINDOW) == RateLimitWindow(key=KEY, started_at=NOON, used=2)
        before = NOON - WINDOW - TICK
        assert use(main, at=before) == RateLimitWindow(key=KEY, started_at=before, used=1)

    @pytest.mark.rule("R1")
    def test_any_uses_agree_with_a_model(self, main: Units[Unit]) -> None:
        numbers = iter(range(1_000_000))

        def check(steps: list[tuple[int, int]]) -> None:
            key, expected = bytes(digest_of(f"model {next(numbers)}")), None
            for quarters, most in steps:
                at = NOON + quarters * WINDOW / 4
                expected = next_used(expected, key, at=at, most=most)
                assert use(main, key, at=at, most=most) == expected

        check_for_all(st.lists(st.tuples(st.integers(-3, 12), st.integers(0, 3)), max_size=12), check)

    @pytest.mark.rule("K8")
    def test_counters_whose_window_started_earlier_are_removed(self, main: Units[Unit]) -> None:
        for number in range(5):
            use(main, bytes(digest_of(str(number))), at=NOON - TICK)
        use(main)
        removed = [main.write(lambda unit: unit.rate_limits.remove_before(NOON, limit=2)) for _ in range(4)]
        assert removed == [2, 2, 1, 0]
        assert use(main).used == 2

    @pytest.mark.rule("R1")
    def test_of_eight_threads_no_more_than_allowed_are_let_through(self, main: Units[Unit]) -> None:
        def meet_then_use(_: int, meet: Meet) -> int:
            meet()
            return use(main, most=3).used

        assert sorted(race(meet_then_use)) == [1, 2, 3] + [4] * (THREADS - 3)

    @pytest.mark.rule("R1")
    def test_of_two_open_units_each_is_counted(self, main: Units[Unit]) -> None:
        def meet_then_use(unit: Unit, _: int, meet: Meet) -> int:
            unit.rate_limits.get_many([KEY])
            meet()
            return unit.rate_limits.use(KEY, at=NOON, window=WINDOW, most=3).used

        assert sorted(overlap(main, meet_then_use)) == [1, 2]
