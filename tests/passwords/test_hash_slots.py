"""The number of hash slots is bounded, and each is released."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from queue import SimpleQueue

import pytest

from usercore.kernel.errors import Overloaded
from usercore.passwords.hasher import HashSlots
from usercore.passwords.model import PasswordPolicy

HOUR = timedelta(hours=1)


class AnnouncedQueue(SimpleQueue[None]):
    """Sets an event when a thread begins to wait for a slot."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.put(None)

    def get(self, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - as inherited
        if self.empty():
            self.waiting.set()
        super().get(block, timeout)


def slots(*, at_once: int = 2, waiting: int = 0, max_wait: timedelta = HOUR) -> HashSlots:
    """Return slots with these bounds."""
    return HashSlots(PasswordPolicy(hashes_at_once=at_once, max_waiting=waiting, max_wait=max_wait))


@contextmanager
def all_held(of: HashSlots, count: int) -> Iterator[None]:
    """Hold this many slots."""
    if not count:
        yield
        return
    with of.hold(), all_held(of, count - 1):
        yield


def check_all_free(of: HashSlots, count: int) -> None:
    """Expect this many free slots and no more."""
    with all_held(of, count), pytest.raises(Overloaded), of.hold():
        pass


@pytest.mark.rule("P4")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_there_are_as_many_slots_as_the_policy_allows(count: int) -> None:
    check_all_free(slots(at_once=count), count)


@pytest.mark.rule("P4")
def test_sixteen_callers_may_wait() -> None:
    assert PasswordPolicy().max_waiting == 16


@pytest.mark.rule("P4")
def test_a_caller_that_waits_too_long_is_refused() -> None:
    check_all_free(slots(waiting=5, max_wait=timedelta(0)), 2)


@pytest.mark.rule("P4")
def test_a_caller_is_refused_at_once_if_the_queue_is_full() -> None:
    crowded = slots(at_once=1, waiting=1)
    free = AnnouncedQueue()
    crowded._free = free  # to see that a thread waits
    entered = threading.Event()

    def wait() -> None:
        with crowded.hold():
            entered.set()

    waiter = threading.Thread(target=wait)
    with crowded.hold():
        waiter.start()
        assert free.waiting.wait(60)
        with pytest.raises(Overloaded), crowded.hold():
            pass
        assert not entered.is_set()
    waiter.join()
    assert entered.is_set()  # the slot was passed on


@pytest.mark.rule("P4")
def test_as_many_threads_hash_at_once_as_there_are_slots_and_no_more() -> None:
    held, pairs, lock = slots(at_once=2, waiting=6), threading.Barrier(2), threading.Lock()
    inside, most = 0, 0

    def run(_: int) -> None:
        nonlocal inside, most
        with held.hold():
            with lock:
                inside += 1
                most = max(most, inside)
            pairs.wait(60)  # passes only if two are inside
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert most == 2


@pytest.mark.rule("P4")
def test_a_slot_is_released_after_an_exception() -> None:
    held = slots(at_once=2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), held.hold():
            raise ZeroDivisionError
    check_all_free(held, 2)


@pytest.mark.rule("P4")
@pytest.mark.parametrize(("waiting", "max_wait"), [(0, HOUR), (5, timedelta(0))], ids=["full", "late"])
def test_a_refused_caller_holds_no_slot(waiting: int, max_wait: timedelta) -> None:
    held = slots(at_once=1, waiting=waiting, max_wait=max_wait)
    for _ in range(20):
        check_all_free(held, 1)
