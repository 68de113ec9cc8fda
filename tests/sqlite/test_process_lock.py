"""The turn among processes: waiting for it ends, and whoever gave up keeps nobody else from it."""

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
from tests.sqlite.notebooks import PATIENCE, Notebook, WaitingLine, kinds, note
from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.sqlite.process_lock import ProcessLock
from usercore_storage.sqlite.writer import Writer

SHORT: Final = 0.05


class Interrupted(BaseException):
    """As a Ctrl-C, and not caught by whoever looks for one."""


@contextmanager
def another_has_the_turn(path: Path) -> Iterator[None]:
    """Have the turn as another process does; it is given back when the block ends."""
    side = os.open(path.with_name(path.name + "-lock"), os.O_RDWR)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(fcntl.flock, side, fcntl.LOCK_EX).result(PATIENCE)
    try:
        yield
    finally:
        os.close(side)


@pytest.fixture
def turn(path: Path) -> ProcessLock:
    path.touch()
    return ProcessLock(path)


def take(turn: ProcessLock) -> list[str]:
    """Take the turn if it comes soon."""
    done: list[str] = []
    turn.run(lambda: done.append("done"), longest_wait=SHORT)
    return done


def test_whoever_comes_while_another_process_has_the_turn_joins_the_group(path: Path, notebook: Notebook) -> None:
    line = notebook.line._waiting = WaitingLine()
    with ThreadPoolExecutor(3) as pool:
        with another_has_the_turn(path):
            writing = notebook.stand(pool, line, [note("a"), note("b"), note("c")])
        assert [one.result(PATIENCE) for one in writing] == ["a", "b", "c"]
    assert notebook.groups == [3]


def test_a_process_that_keeps_its_turn_makes_others_busy_and_does_not_hang_them(path: Path) -> None:
    path.touch()
    with closing(Writer(path, longest_wait=SHORT)) as writer, ThreadPoolExecutor(4) as pool:
        notebook = Notebook(writer)
        with another_has_the_turn(path):
            writing = [pool.submit(notebook.write, note(name)) for name in "abcd"]
            assert kinds([one.exception(PATIENCE) for one in writing]) == [Busy] * 4
        assert notebook.write(note("later")) == "later"
        assert notebook.found() == ["later"]


def test_a_turn_that_comes_after_it_was_given_up_is_passed_on(path: Path, turn: ProcessLock) -> None:
    with another_has_the_turn(path):
        threads = threading.active_count()
        for _ in range(3):
            with pytest.raises(Busy):
                take(turn)
        assert threading.active_count() == threads + 1, "one waits, however many gave up"
    with another_has_the_turn(path):  # waits until it is free
        pass
    assert take(turn) == ["done"]


def count_handles() -> int:
    """Count what this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def take_none(turn: ProcessLock) -> None:
    """Wait for a turn that does not come."""
    with pytest.raises(Busy):
        take(turn)


@pytest.mark.no_cover
def test_a_ctrl_c_anywhere_while_another_process_has_the_turn_stops_nobody_for_good(
    path: Path, turn: ProcessLock
) -> None:
    for place in count(1):
        with another_has_the_turn(path):
            is_interrupted = Interrupter(place, error=Interrupted).interrupt(lambda: take_none(turn))
            take_none(turn)  # it waits no longer than it should
        with another_has_the_turn(path):  # waits until it is free
            pass
        assert take(turn) == ["done"]
        if not is_interrupted:
            break


def test_where_no_thread_can_be_started_whoever_would_wait_is_busy(
    path: Path, turn: ProcessLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handles = count_handles()
    with another_has_the_turn(path), monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(Busy):
                take(turn)
    assert count_handles() == handles
    assert take(turn) == ["done"]


def test_a_turn_that_comes_after_closing_is_passed_on(path: Path, turn: ProcessLock) -> None:
    with another_has_the_turn(path):
        with pytest.raises(Busy):
            take(turn)
        turn.close()
    with another_has_the_turn(path):
        pass
    with pytest.raises(Unavailable):
        take(turn)
    turn.close()


def test_whatever_is_raised_gives_the_turn_back(path: Path, turn: ProcessLock) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        turn.run(fail, longest_wait=SHORT)
    with another_has_the_turn(path):
        pass


def test_a_ctrl_c_while_another_process_has_the_turn_keeps_nobody_from_it(path: Path, notebook: Notebook) -> None:
    with another_has_the_turn(path):
        assert not Interrupter(delay=SHORT).write(notebook, "main")
    with another_has_the_turn(path):
        pass
    assert notebook.write(note("next")) == "next"
    assert notebook.found() == ["next"]


def test_two_of_one_process_take_turns(path: Path, turn: ProcessLock) -> None:
    with closing(ProcessLock(path)) as other:
        with pytest.raises(Busy):
            turn.run(lambda: other.run(lambda: None, longest_wait=SHORT), longest_wait=SHORT)
        assert take(other) == ["done"]
