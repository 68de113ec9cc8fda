"""Quick looks wait for each other, and nobody waits long for a slow one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import pytest

from usercore_storage.sqlite.lane import Lane

LONG: Final = 30.0
SHORT: Final = 0.01


class Held:
    """A look that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self._go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self._go.wait(LONG)
        return "held"

    def let_go(self) -> None:
        self._go.set()


def begin(pool: ThreadPoolExecutor, lane: Lane, query: Callable[[], str]) -> "Future[str]":
    return pool.submit(lane.run, query)


def test_a_look_waits_for_the_one_in_the_lane() -> None:
    lane, first, second = Lane(longest_wait=LONG), Held(), Held()
    with ThreadPoolExecutor() as pool:
        before = begin(pool, lane, first)
        assert first.begun.wait(LONG)
        after = begin(pool, lane, second)
        assert not second.begun.wait(SHORT)
        first.let_go()
        assert second.begun.wait(LONG)
        second.let_go()
        assert (before.result(LONG), after.result(LONG)) == ("held", "held")


def test_nobody_waits_long_for_a_slow_look_and_the_next_not_at_all() -> None:
    lane, slow = Lane(longest_wait=SHORT), Held()
    with ThreadPoolExecutor() as pool:
        running = begin(pool, lane, slow)
        assert slow.begun.wait(LONG)
        assert lane.run(lambda: "beside") == "beside"
        lane._longest_wait = LONG
        assert lane.run(lambda: "in another lane") == "in another lane"
        slow.let_go()
        assert running.result(LONG) == "held"
    assert lane.run(lambda: "after all") == "after all"


def test_those_behind_a_slow_look_wait_for_each_other_again() -> None:
    lane, slow, first, second = Lane(longest_wait=SHORT), Held(), Held(), Held()
    with ThreadPoolExecutor() as pool:
        begin(pool, lane, slow)
        assert slow.begun.wait(LONG)
        lane.run(lambda: "opens another lane")
        lane._longest_wait = LONG
        begin(pool, lane, first)
        assert first.begun.wait(LONG)
        begin(pool, lane, second)
        assert not second.begun.wait(SHORT)
        for query in (slow, first, second):
            query.let_go()


def test_a_look_that_fails_leaves_the_lane() -> None:
    lane = Lane(longest_wait=LONG)
    with pytest.raises(ZeroDivisionError):
        lane.run(lambda: 1 // 0)
    assert lane.run(lambda: "next") == "next"


def test_a_lane_that_nobody_gave_free_is_left() -> None:
    lane = Lane(longest_wait=SHORT)
    lane._lock.acquire()  # as after a Ctrl-C between the lock and the name for it
    assert lane.run(lambda: "beside") == "beside"
    lane._longest_wait = LONG
    assert lane.run(lambda: "in another lane") == "in another lane"
