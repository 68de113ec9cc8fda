"""Ids increase, whatever clocks and threads do, and derived UUIDs can be converted back to them."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.ids import EPOCH_MS, FIRST_DRAWN, LIMIT, TENANT_KIND, USER_KIND, IdMaker, drawn_at, id_of, uuid_of
from usercore.testing import NOON, FakeClock, FakeRandomness
from usercore.testing.strategies import ids

MILLI = timedelta(milliseconds=1)
START = datetime(2025, 1, 1, tzinfo=UTC)
LAST_MILLI = START + MILLI * ((LIMIT >> 12) - 1)

KINDS = st.sampled_from((USER_KIND, TENANT_KIND))


def maker(clock: Callable[[], datetime], *, drawn: int | None = None) -> IdMaker:
    """Return a maker of ids whose twelve random bits are ``drawn``, or else repeatable."""
    if drawn is None:
        return IdMaker(clock, FakeRandomness())
    return IdMaker(clock, lambda count: (drawn << 4).to_bytes(count, "big"))


@pytest.mark.rule("I1")
def test_an_id_contains_its_millisecond_and_twelve_random_bits() -> None:
    number = maker(FakeClock(START + 77 * 10**9 * MILLI), drawn=0xABC)()
    assert (number >> 12, number & 0xFFF) == (77 * 10**9, 0xABC)


@pytest.mark.rule("I1")
@given(st.lists(st.timedeltas(timedelta(days=-400), timedelta(days=20_000)), max_size=50))
def test_ids_increase_however_the_clock_moves(moves: list[timedelta]) -> None:
    clock = FakeClock()
    make = maker(clock)
    made = [make()]
    for move in moves:
        clock.now = NOON + move
        made.append(make())
    assert all(earlier < later for earlier, later in pairwise(made))


@pytest.mark.rule("I1")
def test_ten_thousand_ids_of_one_millisecond_are_consecutive_and_leave_the_next_free() -> None:
    clock = FakeClock()
    make = maker(clock)
    made = [make() for _ in range(10_000)]
    assert made == list(range(made[0], made[0] + 10_000))
    clock.advance(MILLI)
    assert make() > made[-1]
    clock.advance(10 * MILLI)
    assert make() >> 12 == (clock.now - START) // MILLI


@pytest.mark.rule("I1")
def test_random_bits_are_generated_once_in_each_new_millisecond() -> None:
    clock, asked = FakeClock(), list[int]()

    def randomness(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    make = IdMaker(clock, randomness)
    for _ in range(3):
        make()
        make()
        clock.advance(MILLI)
    clock.advance(-timedelta(days=1))
    make()
    assert asked == [2, 2, 2]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Make threads switch as often as possible, so that a missing lock is detected."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.rule("I1")
@pytest.mark.usefixtures("hasty_threads")
def test_eight_threads_never_get_one_id_twice() -> None:
    make, start, made = maker(FakeClock()), threading.Barrier(8), list[int]()

    def run() -> None:
        start.wait()
        made.extend([make() if turn % 3 else make.take(2)[1] for turn in range(4000)])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8 * 4000


@pytest.mark.rule("I1")
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=10))
def test_a_block_has_no_gap_and_the_next_one_comes_after_it(counts: list[int]) -> None:
    make = maker(FakeClock())
    blocks = [make.take(count) for count in counts]
    assert [len(block) for block in blocks] == counts
    assert all(later.start == earlier.stop for earlier, later in pairwise(blocks))


@pytest.mark.rule("I1")
def test_small_ids_are_never_generated() -> None:
    assert IdMaker(FakeClock(START), bytes)() == FIRST_DRAWN == 2**40


@pytest.mark.rule("I1")
@given(
    st.lists(st.timedeltas(timedelta(days=-40_000), timedelta(days=25_000)).map(START.__add__), min_size=1, max_size=20)
)
def test_an_id_is_the_last_plus_one_or_the_millisecond_with_random_bits(
    instants: list[datetime],
) -> None:
    clock = FakeClock()
    make = maker(clock, drawn=0xABC)
    last, seen = make(), {(clock.now - START) // MILLI}
    for instant in instants:
        clock.now = instant
        milli = (clock.now - START) // MILLI
        drawn = milli << 12 | 0xABC if milli > max(seen) else 0
        made = make()
        assert made == max(last + 1, drawn)
        last = made
        seen.add(milli)


@pytest.mark.rule("I1")
@given(st.timedeltas(timedelta(days=-40_000), timedelta(0)).map(START.__add__), st.integers(1, 1 << 32))
def test_with_a_clock_before_2025_ids_follow_the_first_generated_one(instant: datetime, seed: int) -> None:
    make = IdMaker(FakeClock(instant), lambda count: (seed * 251 % (1 << 8 * count)).to_bytes(count, "big"))
    first = make()
    assert FIRST_DRAWN <= first < 2 * FIRST_DRAWN
    assert first - FIRST_DRAWN == seed * 251 % (1 << 40)
    assert make.take(2) == range(first + 1, first + 3)


@pytest.mark.rule("I1")
def test_a_clock_after_2094_is_refused_and_does_not_affect_later_ids() -> None:
    clock = FakeClock()
    make = maker(clock)
    first = make()
    clock.now = LAST_MILLI + MILLI
    with pytest.raises(OverflowError, match="2094"):
        make()
    clock.now = NOON
    assert make() == first + 1
    clock.advance(MILLI)
    assert make() >> 12 == (clock.now - START) // MILLI


@pytest.mark.rule("I1")
def test_the_last_id_is_generated_and_no_block_exceeds_it() -> None:
    make = maker(FakeClock(LAST_MILLI), drawn=0xFFE)
    with pytest.raises(OverflowError):
        make.take(3)
    assert list(make.take(2))[-1] == LIMIT - 1 == 2**53 - 1
    with pytest.raises(OverflowError):
        make()


FORKING = """
import os
from usercore.kernel.ids import IdMaker
from usercore.testing import FakeClock

draws = iter([b"aa", b"bb"])
make = IdMaker(FakeClock(), lambda count: next(draws))
print(make(), flush=True)
with make._lock:  # as if another thread made an id just now
    child = os.fork()
    if not child:
        print(make(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(make())
"""


@pytest.mark.rule("I1")
def test_a_forked_child_generates_new_random_bits_and_does_not_wait_for_a_lock() -> None:
    run = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)
    first, of_child, of_parent = map(int, run.stdout.split())
    assert of_parent == first + 1
    assert (first & 0xFFF, of_child & 0xFFF) == (0x616, 0x626)


@pytest.mark.rule("I2")
@given(ids(), KINDS)
def test_a_uuid_is_converted_back_to_its_id_for_its_own_kind_only(number: int, kind: int) -> None:
    uuid = uuid_of(number, kind)
    assert (uuid.version, uuid.variant) == (8, RFC_4122)
    assert id_of(uuid, kind) == number
    assert id_of(uuid, kind + 1) is None


@pytest.mark.rule("I2")
@given(ids(), ids(), KINDS)
def test_uuids_have_the_order_of_their_ids(one: int, other: int, kind: int) -> None:
    assert (uuid_of(one, kind) < uuid_of(other, kind)) == (one < other)


@pytest.mark.rule("I2")
@pytest.mark.parametrize("number", [1, 2, 4095, 4096, FIRST_DRAWN, LIMIT - 1])
def test_the_first_and_last_ids_have_uuids(number: int) -> None:
    assert id_of(uuid_of(number, USER_KIND), USER_KIND) == number


@pytest.mark.rule("I2")
@given(ids(), st.integers(0, 127))
def test_a_uuid_with_a_flipped_bit_belongs_to_another_user_or_to_none(number: int, bit: int) -> None:
    changed = UUID(int=uuid_of(number, USER_KIND).int ^ 1 << bit)
    found = id_of(changed, USER_KIND)
    assert found != number
    assert found is None or uuid_of(found, USER_KIND) == changed
    is_made_of_the_id = bit >= 80 or 64 <= bit < 76
    assert found is None or is_made_of_the_id


@pytest.mark.rule("I2")
@given(st.uuids(), KINDS)
def test_a_uuid_that_is_not_derived_from_an_id_has_none(uuid: UUID, kind: int) -> None:
    assert id_of(uuid, kind) is None


@pytest.mark.rule("I2")
@pytest.mark.parametrize("number", [0, -1, LIMIT, -(EPOCH_MS << 12)])
def test_a_uuid_of_a_number_out_of_range_has_no_id(number: int) -> None:
    assert id_of(uuid_of(number, USER_KIND), USER_KIND) is None


@given(st.datetimes(datetime(2025, 2, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - strategies take naive bounds
def test_an_id_has_the_time_at_which_it_was_drawn(at: datetime) -> None:
    number = IdMaker(lambda: at, FakeRandomness())()
    found = drawn_at(number)
    assert found is not None
    assert timedelta(0) <= at - found < timedelta(milliseconds=1)


def test_an_imported_id_has_no_time() -> None:
    assert drawn_at(FIRST_DRAWN - 1) is None
