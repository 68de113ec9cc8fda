"""The lock between processes: waiting for it ends, and a caller that gave up does not block others."""

import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.sqlite.interrupter import Interrupter
from tests.sqlite.note_writer import PATIENCE, NoteWriter, ObservedQueue, kinds, note
from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.sqlite.process_lock import ProcessLock
from usercore_storage.sqlite.writer import Writer

SHORT: Final = 0.05


class Interrupted(BaseException):
    """An interrupt that code which expects ``KeyboardInterrupt`` does not catch."""


@contextmanager
def another_process_holds_the_lock(path: Path) -> Iterator[None]:
    """Hold the lock as another process does; it is released when the block ends."""
    side = os.open(path.with_name(path.name + "-lock"), os.O_RDWR)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(fcntl.flock, side, fcntl.LOCK_EX).result(PATIENCE)
    try:
        yield
    finally:
        os.close(side)


@pytest.fixture
def lock(path: Path) -> ProcessLock:
    path.touch()
    return ProcessLock(path)


def take(lock: ProcessLock) -> list[str]:
    """Acquire the lock if that is soon possible."""
    done: list[str] = []
    lock.run(lambda: done.append("done"), max_wait=SHORT)
    return done


def test_units_that_arrive_while_another_process_holds_the_lock_join_the_group(
    path: Path, note_writer: NoteWriter
) -> None:
    queue = note_writer.queue._waiting = ObservedQueue()
    with ThreadPoolExecutor(3) as pool:
        with another_process_holds_the_lock(path):
            writing = note_writer.enqueue(pool, queue, [note("a"), note("b"), note("c")])
        assert [one.result(PATIENCE) for one in writing] == ["a", "b", "c"]
    assert note_writer.groups == [3]


def test_a_process_that_does_not_release_its_lock_makes_others_busy(path: Path) -> None:
    path.touch()
    with closing(Writer(path, max_wait=SHORT)) as writer, ThreadPoolExecutor(4) as pool:
        note_writer = NoteWriter(writer)
        with another_process_holds_the_lock(path):
            writing = [pool.submit(note_writer.write, note(name)) for name in "abcd"]
            assert kinds([one.exception(PATIENCE) for one in writing]) == [Busy] * 4
        assert note_writer.write(note("later")) == "later"
        assert note_writer.found() == ["later"]


def test_a_lock_acquired_after_its_waiter_gave_up_is_passed_on(path: Path, lock: ProcessLock) -> None:
    with another_process_holds_the_lock(path):
        threads = threading.active_count()
        for _ in range(3):
            with pytest.raises(Busy):
                take(lock)
        assert threading.active_count() == threads + 1, "one waits, however many gave up"
    with another_process_holds_the_lock(path):  # waits until it is free
        pass
    assert take(lock) == ["done"]


def count_handles() -> int:
    """Return the number of open files of this process."""
    return len(list(Path("/dev/fd").iterdir()))


def take_none(lock: ProcessLock) -> None:
    """Wait for a lock that is not released."""
    with pytest.raises(Busy):
        take(lock)


@pytest.mark.no_cover
def test_an_interrupt_anywhere_while_waiting_for_the_lock_blocks_no_thread_for_good(
    path: Path, lock: ProcessLock
) -> None:
    for place in count(1):
        with another_process_holds_the_lock(path):
            is_interrupted = Interrupter(place, error=Interrupted).interrupt(lambda: take_none(lock))
            take_none(lock)  # it waits no longer than it should
        with another_process_holds_the_lock(path):  # waits until it is free
            pass
        assert take(lock) == ["done"]
        if not is_interrupted:
            break


def test_if_no_thread_can_be_started_a_waiter_is_busy(
    path: Path, lock: ProcessLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handles = count_handles()
    with another_process_holds_the_lock(path), monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(Busy):
                take(lock)
    assert count_handles() == handles
    assert take(lock) == ["done"]


def test_a_lock_acquired_after_closing_is_released(path: Path, lock: ProcessLock) -> None:
    with another_process_holds_the_lock(path):
        with pytest.raises(Busy):
            take(lock)
        lock.close()
    with another_process_holds_the_lock(path):
        pass
    with pytest.raises(Unavailable):
        take(lock)
    lock.close()


def test_any_exception_releases_the_lock(path: Path, lock: ProcessLock) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lock.run(fail, max_wait=SHORT)
    with another_process_holds_the_lock(path):
        pass


def test_an_interrupt_while_waiting_does_not_block_the_lock(path: Path, note_writer: NoteWriter) -> None:
    with another_process_holds_the_lock(path):
        assert not Interrupter(delay=SHORT).write(note_writer, "main")
    with another_process_holds_the_lock(path):
        pass
    assert note_writer.write(note("next")) == "next"
    assert note_writer.found() == ["next"]


def test_two_locks_of_one_process_exclude_each_other(path: Path, lock: ProcessLock) -> None:
    with closing(ProcessLock(path)) as other:
        with pytest.raises(Busy):
            lock.run(lambda: other.run(lambda: None, max_wait=SHORT), max_wait=SHORT)
        assert take(other) == ["done"]
