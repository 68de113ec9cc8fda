"""There are so many places for hashes and no more, and each is given back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from usercore.kernel.errors import Overloaded
from usercore.passwords.hasher import HashSlots
from usercore.passwords.model import PasswordPolicy

HOUR = timedelta(hours=1)


class AnnouncedSemaphore(threading.Semaphore):
    """Tells when somebody asks for a place while none is free."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.waiting = threading.Event()

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002 - as inherited
        if super().acquire(blocking=False):
            return True
        self.waiting.set()
        return super().acquire(blocking, timeout)


def places(*, at_once: int = 2, waiting: int = 0, longest_wait: timedelta = HOUR) -> HashSlots:
    """Make places with these bounds."""
    return HashSlots(PasswordPolicy(hashes_at_once=at_once, most_waiting=waiting, longest_wait=longest_wait))


@contextmanager
def all_taken(of: HashSlots, count: int) -> Iterator[None]:
    """Hold that many places."""
    if not count:
        yield
        return
    with of.take(), all_taken(of, count - 1):
        yield


def check_all_free(of: HashSlots, count: int) -> None:
    """Expect that many places and no more."""
    with all_taken(of, count), pytest.raises(Overloaded), of.take():
        pass


@pytest.mark.rule("P4")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_there_are_as_many_places_as_the_policy_says(count: int) -> None:
    check_all_free(places(at_once=count), count)


@pytest.mark.rule("P4")
def test_who_waits_too_long_is_refused() -> None:
    check_all_free(places(waiting=5, longest_wait=timedelta(0)), 2)


@pytest.mark.rule("P4")
def test_only_so_many_wait_and_one_more_is_refused_at_once() -> None:
    crowded = places(at_once=1, waiting=1)
    free = AnnouncedSemaphore(1)
    crowded._free = free  # type: ignore[assignment]  # to see who waits
    entered = threading.Event()

    def wait() -> None:
        with crowded.take():
            entered.set()

    waiter = threading.Thread(target=wait)
    with crowded.take():
        waiter.start()
        assert free.waiting.wait(60)
        with pytest.raises(Overloaded), crowded.take():
            pass
        assert not entered.is_set()
    waiter.join()
    assert entered.is_set()  # the place was given on


@pytest.mark.rule("P4")
def test_no_more_threads_hash_at_once_and_no_fewer() -> None:
    taken, pairs, lock = places(at_once=2, waiting=6), threading.Barrier(2), threading.Lock()
    inside, most = 0, 0

    def run(_: int) -> None:
        nonlocal inside, most
        with taken.take():
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
def test_a_place_is_given_back_after_an_exception() -> None:
    taken = places(at_once=2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), taken.take():
            raise ZeroDivisionError
    check_all_free(taken, 2)


@pytest.mark.rule("P4")
@pytest.mark.parametrize(("waiting", "longest_wait"), [(0, HOUR), (5, timedelta(0))], ids=["full", "late"])
def test_who_was_refused_takes_no_place(waiting: int, longest_wait: timedelta) -> None:
    taken = places(at_once=1, waiting=waiting, longest_wait=longest_wait)
    for _ in range(20):
        check_all_free(taken, 1)
