"""The contract of failure counters."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import strategies as st

from usercore.kernel.entity import evolve
from usercore.kernel.secret import digest_of
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_for_all
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.throttling.model import CounterKind, CountingRule, FailureCounter

KEY: Final = bytes(digest_of("key"))
OTHER: Final = bytes(digest_of("other key"))
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def a_rule(ticks: int = 0, *, forgotten: int = -1000, window: int = -1000, threshold: int = 0) -> CountingRule:
    """Return a rule for a failure at so many ticks after noon; nothing is forgotten by default."""
    at = NOON + ticks * TICK
    return CountingRule(
        forgotten_before=at + forgotten * TICK,
        set_back_after=at + DAY,
        window_before=at + window * TICK,
        window_threshold=threshold,
    )


def record(
    units: Units[Unit],
    key: bytes = KEY,
    *,
    ticks: int = 0,
    rule: CountingRule | None = None,
    kind: CounterKind = CounterKind.ACCOUNT,
    wrong_password: bool = False,
) -> FailureCounter:
    """Record a failure in a unit of its own."""
    at, by = NOON + ticks * TICK, rule or a_rule(ticks)
    return units.write(
        lambda unit: unit.failure_counters.record_failure(key, kind, at=at, rule=by, wrong_password=wrong_password)
    )


def reset(units: Units[Unit], up_to: int, key: bytes = KEY) -> None:
    """Reset in a unit of its own."""
    units.write(lambda unit: unit.failure_counters.reset(key, up_to=up_to))


def cancel_try(units: Units[Unit], ordinal: int, *, last_at: datetime, key: bytes = KEY) -> None:
    """Take a failure back in a unit of its own."""
    units.write(lambda unit: unit.failure_counters.cancel_try(key, ordinal=ordinal, last_at=last_at))


def counter(units: Units[Unit], key: bytes = KEY) -> FailureCounter | None:
    """Return the counter of a key, or None."""
    found = units.read(lambda unit: unit.failure_counters.get_many([key]))
    return found[0] if found else None


def a_counter(key: bytes = KEY, **fields: object) -> FailureCounter:
    """Return the counter after one failure at noon, with these fields replaced."""
    one = FailureCounter(key=key, kind=CounterKind.ACCOUNT, tries=1, since=NOON, last_at=NOON)
    return evolve(one, **fields)


def next_counter(old: FailureCounter | None, key: bytes, ticks: int, rule: CountingRule, wrong: int) -> FailureCounter:
    """Return the counter after a failure, as the port describes it."""
    at = NOON + ticks * TICK
    if old is None:
        return a_counter(key, wrong_passwords=wrong, since=at, last_at=at)
    ended = old.since <= rule.window_before and old.failures < rule.window_threshold
    set_back = old.last_at > rule.set_back_after
    anew = ended or set_back or old.last_at <= rule.forgotten_before or old.failures == 0
    return evolve(
        old,
        tries=old.tries + 1,
        reset_up_to=old.tries if anew else old.reset_up_to,
        wrong_passwords=old.wrong_passwords + wrong,
        since=at if anew else old.since,
        last_at=at if set_back else max(old.last_at, at),
    )


def next_reset(old: FailureCounter, up_to: int) -> FailureCounter:
    """Return the counter after a reset, as the port describes it."""
    if up_to < old.reset_up_to:
        return old
    reset_up_to = min(up_to, old.tries)
    return evolve(old, reset_up_to=reset_up_to, wrong_passwords=min(old.wrong_passwords, old.tries - reset_up_to))


class FailureCounterRepositoryContract(Contract):
    """One case for each promise of ``FailureCounterRepository``."""

    @pytest.mark.rule("S7")
    def test_a_failure_is_counted(self, main: Units[Unit]) -> None:
        assert_same(record(main), a_counter())
        assert record(main, ticks=1) == a_counter(tries=2, last_at=NOON + TICK)
        assert_same(counter(main), a_counter(tries=2, last_at=NOON + TICK))
        assert counter(main, OTHER) is None

    @pytest.mark.parametrize("kind", list(CounterKind))
    @pytest.mark.rule("S7")
    def test_the_kind_is_stored(self, main: Units[Unit], kind: CounterKind) -> None:
        record(main, kind=kind)
        assert_same(counter(main), a_counter(kind=kind))

    @pytest.mark.rule("S7")
    def test_several_counters_are_returned_by_one_lookup(self, main: Units[Unit]) -> None:
        keys = [bytes(digest_of(str(number))) for number in range(10)]
        counters = {key: record(main, key) for key in keys}
        for requested in ([], keys[:1], keys[3:5], keys, [OTHER, keys[7]], [OTHER]):
            found = main.read(lambda unit: unit.failure_counters.get_many(requested))  # noqa: B023 - used at once
            assert sorted(each.key for each in found) == sorted(key for key in requested if key in counters)
            assert all(each == counters[each.key] for each in found)

    @pytest.mark.rule("S7")
    def test_a_reset_forgets_the_failures_up_to_an_ordinal(self, main: Units[Unit]) -> None:
        for _ in range(5):
            record(main, wrong_password=True)
        reset(main, 3)
        assert_same(counter(main), a_counter(tries=5, reset_up_to=3, wrong_passwords=2))
        reset(main, 2)
        assert counter(main) == a_counter(tries=5, reset_up_to=3, wrong_passwords=2)
        assert record(main).failures == 3

    @pytest.mark.rule("S7")
    def test_a_reset_forgets_no_more_than_was_tried(self, main: Units[Unit]) -> None:
        record(main)
        reset(main, 5)  # the ordinal of a counter that has been removed since
        assert counter(main) == a_counter(reset_up_to=1)
        assert record(main).failures == 1

    @pytest.mark.parametrize(("ordinal", "last_at"), [(5, NOON + 3 * TICK), (4, NOON + 9 * TICK)])
    @pytest.mark.rule("S7")
    def test_a_failure_is_taken_back_with_its_instant_unless_a_later_one_was_counted(
        self, main: Units[Unit], ordinal: int, last_at: datetime
    ) -> None:
        for _ in range(4):
            record(main, wrong_password=True)
        record(main, ticks=9)
        cancel_try(main, ordinal, last_at=NOON + 3 * TICK)
        expected = a_counter(tries=5, reset_up_to=1, wrong_passwords=4, last_at=last_at)
        assert_same(counter(main), expected)

    @pytest.mark.parametrize("ordinal", [0, 1, 2, 4])
    @pytest.mark.rule("S7")
    def test_a_failure_that_is_forgotten_or_was_never_counted_is_not_taken_back(
        self, main: Units[Unit], ordinal: int
    ) -> None:
        for _ in range(3):
            record(main)
        reset(main, 2)
        before = counter(main)
        cancel_try(main, ordinal, last_at=NOON - TICK)
        cancel_try(main, ordinal, last_at=NOON - TICK, key=OTHER)
        assert counter(main) == before
        assert counter(main, OTHER) is None

    @pytest.mark.rule("S7")
    def test_without_a_counter_nothing_is_reset_or_counted_as_wrong(self, main: Units[Unit]) -> None:
        record(main, OTHER)
        reset(main, 1)
        main.write(lambda unit: unit.failure_counters.add_wrong_passwords(KEY, 1))
        assert counter(main) is None
        assert counter(main, OTHER) == a_counter(OTHER)

    @pytest.mark.rule("S7")
    def test_wrong_passwords_are_counted_with_a_failure_or_after_it(self, main: Units[Unit]) -> None:
        record(main, wrong_password=True)
        record(main)
        assert counter(main) == a_counter(tries=2, wrong_passwords=1)
        main.write(lambda unit: unit.failure_counters.add_wrong_passwords(KEY, 1))
        assert_same(counter(main), a_counter(tries=2, wrong_passwords=2))
        main.write(lambda unit: unit.failure_counters.add_wrong_passwords(KEY, 0))
        assert counter(main) == a_counter(tries=2, wrong_passwords=2)

    @pytest.mark.parametrize(("since", "failures"), [(-1, 4), (0, 1), (1, 1)])
    @pytest.mark.rule("S7")
    def test_old_failures_are_forgotten_and_wrong_passwords_are_not(
        self, main: Units[Unit], since: int, failures: int
    ) -> None:
        for _ in range(3):
            record(main, wrong_password=True)
        counted = record(main, ticks=9, rule=a_rule(9, forgotten=since - 9))
        assert counted.failures == failures
        assert counted.wrong_passwords == 3
        assert counter(main) == counted

    @pytest.mark.parametrize(("threshold", "failures"), [(3, 4), (4, 1)])
    @pytest.mark.rule("S7")
    def test_a_window_that_ended_below_its_threshold_starts_again(
        self, main: Units[Unit], threshold: int, failures: int
    ) -> None:
        for ticks in range(3):
            record(main, ticks=ticks)
        counted = record(main, ticks=9, rule=a_rule(9, window=-9, threshold=threshold))
        assert counted.failures == failures
        assert counted.since == (NOON if failures > 1 else NOON + 9 * TICK)

    @pytest.mark.rule("S7")
    def test_the_last_failure_moves_only_forward_unless_the_clock_was_set_back(self, main: Units[Unit]) -> None:
        record(main)
        assert record(main, ticks=-5).last_at == NOON
        early = NOON - DAY - TICK
        rule = CountingRule(forgotten_before=early - DAY, set_back_after=early + DAY, window_before=early - DAY)
        moved = main.write(
            lambda unit: unit.failure_counters.record_failure(KEY, CounterKind.ACCOUNT, at=early, rule=rule)
        )
        assert (moved.last_at, moved.since, moved.failures) == (early, early, 1)

    @pytest.mark.rule("S7")
    def test_any_failures_and_resets_agree_with_a_model(self, main: Units[Unit]) -> None:
        small = st.integers(-3, 6)
        step = st.tuples(small, small, small, st.integers(0, 4), st.integers(0, 1))
        numbers = iter(range(1_000_000))

        def check(steps: list[tuple[int, int, int, int, int] | int]) -> None:
            key = bytes(digest_of(f"model {next(numbers)}"))
            expected = None
            for step in steps:
                if isinstance(step, int):
                    reset(main, step, key)
                    expected = expected and next_reset(expected, step)
                else:
                    ticks, forgotten, window, threshold, wrong = step
                    rule = CountingRule(
                        forgotten_before=NOON + forgotten * TICK,
                        set_back_after=NOON + (ticks + 2) * TICK,
                        window_before=NOON + window * TICK,
                        window_threshold=threshold,
                    )
                    expected = next_counter(expected, key, ticks, rule, wrong)
                    assert record(main, key, ticks=ticks, rule=rule, wrong_password=bool(wrong)) == expected
            assert counter(main, key) == expected

        check_for_all(st.lists(st.one_of(step, st.integers(0, 5)), max_size=12), check)

    @pytest.mark.rule("K8")
    def test_stale_counters_are_removed_but_a_users_with_failures_are_not(self, main: Units[Unit]) -> None:
        keys = {
            name: bytes(digest_of(name))
            for name in ("login", "address", "late", "ahead", "account", "codes", "settled")
        }
        record(main, keys["login"], ticks=-1, kind=CounterKind.LOGIN)
        record(main, keys["address"], ticks=-1, kind=CounterKind.ADDRESS)
        record(main, keys["late"], ticks=0, kind=CounterKind.LOGIN)
        record(main, keys["ahead"], ticks=99, kind=CounterKind.LOGIN)
        record(main, keys["account"], ticks=-1)
        record(main, keys["codes"], ticks=-1, kind=CounterKind.SECOND_FACTOR)
        record(main, keys["settled"], ticks=-1)
        reset(main, 1, keys["settled"])
        late = NOON + 9 * TICK
        removed = main.write(lambda unit: unit.failure_counters.remove_stale(NOON, after=late, limit=9))
        assert {name for name, key in keys.items() if counter(main, key) is not None} == {"late", "account", "codes"}
        assert removed == 4

    @pytest.mark.rule("K8")
    def test_at_most_limit_counters_are_removed(self, main: Units[Unit]) -> None:
        for number in range(5):
            record(main, bytes(digest_of(str(number))), kind=CounterKind.LOGIN)
        late = NOON + HOUR
        removed = [
            main.write(lambda unit: unit.failure_counters.remove_stale(late, after=late, limit=2)) for _ in range(4)
        ]
        assert removed == [2, 2, 1, 0]

    @pytest.mark.rule("S7")
    def test_of_eight_threads_each_gets_an_ordinal(self, main: Units[Unit]) -> None:
        def read_then_count(_: int, meet: Meet) -> int:
            assert counter(main) is None
            meet()
            return record(main).tries

        assert sorted(race(read_then_count)) == [*range(1, THREADS + 1)]

    @pytest.mark.rule("S7")
    def test_of_two_open_units_each_gets_an_ordinal(self, main: Units[Unit]) -> None:
        def read_then_count(unit: Unit, _: int, meet: Meet) -> int:
            unit.failure_counters.get_many([KEY])
            meet()
            return unit.failure_counters.record_failure(KEY, CounterKind.ACCOUNT, at=NOON, rule=a_rule()).tries

        assert sorted(overlap(main, read_then_count)) == [1, 2]
