"""A Ctrl-C in the main thread, wherever it lands: what is told as kept and what is found agree, and nobody hangs."""

import ast
import fcntl
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

from tests.architecture.source import tree_of
from tests.faults.rounds import rounds
from tests.sqlite.notebooks import PATIENCE, Notebook, note
from usercore_storage.sql.run import Run

CHANCE: Final = random.Random(3)  # noqa: S311 - moments, no secrets
DELAYS: Final = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
"""Seconds after which an alarm comes; a unit takes about a millisecond."""


class Interrupter:
    """Interrupts one call in the main thread.

    First at the ``place``-th place of the storage's code at which CPython looks for signals: where functions begin, and
    where they return from C. Then by an alarm, ``delay`` seconds later; without a place that is the only one.
    """

    def __init__(self, place: int = 0, *, delay: float = 0.0) -> None:
        self._left, self._delay, self._is_armed = place, delay, False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Interrupt at the place."""
        if event in {"call", "c_return"} and frame.f_globals["__name__"].startswith("usercore_storage"):
            self._left -= 1
            if not self._left:
                signal.setitimer(signal.ITIMER_REAL, self._delay)
                raise KeyboardInterrupt

    def _ring(self, _: int, __: FrameType | None) -> None:
        if self._is_armed:
            self._is_armed = False
            raise KeyboardInterrupt

    def write(self, notebook: Notebook, name: str) -> bool:
        """Write a name down; say whether this call was told that it is kept."""
        signal.signal(signal.SIGALRM, self._ring)
        self._is_armed, told = True, False
        with suppress(KeyboardInterrupt):
            with self._watching():
                told = notebook.write(note(name)) == name
            return told
        return False

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            if self._left:
                sys.setprofile(self)
            else:
                signal.setitimer(signal.ITIMER_REAL, self._delay)
            yield
        finally:
            self._is_armed = False
            sys.setprofile(None)
            signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def notebook(path: Path) -> Iterator[Notebook]:
    before = signal.getsignal(signal.SIGALRM)
    notebook = Notebook(path)
    with closing(notebook.writer):
        yield notebook
    signal.signal(signal.SIGALRM, before)


def check_free(notebook: Notebook, path: Path) -> None:
    """See that nothing is left over and everybody may write, also other processes."""
    assert notebook.write(note("next")) == "next"
    assert notebook.found()[-1] == "next"
    assert notebook.line._leader is None
    assert notebook.line._waiting == []
    side = os.open(path.with_name("store.db-line"), os.O_RDWR)
    fcntl.flock(side, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(side)
    notebook.raw.execute("DELETE FROM notes")


@pytest.mark.rule("ERR")
def test_a_ctrl_c_anywhere_in_a_unit_alone_keeps_it_whole_or_not_at_all(notebook: Notebook, path: Path) -> None:
    outcomes = set()
    for place in count(1):
        told = Interrupter(place).write(notebook, "main")
        found = notebook.found()
        assert found == ["main"] or (found == [] and not told)
        outcomes.add((told, len(found)))
        check_free(notebook, path)
        if told:
            break
    assert outcomes == {(False, 0), (False, 1), (True, 1)}


ORDERS: Final = {"leads": ("main", "a", "b"), "follows": ("a", "main", "b"), "comes last": ("a", "b", "main")}
"""Whoever stands first leads the others."""


def write_in_a_group(notebook: Notebook, interrupter: Interrupter, order: tuple[str, ...]) -> bool:
    """Let the main thread write among others, who are told that theirs is kept; say what the main thread is told."""
    futures: list[Future[str]] = []
    may_write = threading.Event()

    def stand_in_order(pool: ThreadPoolExecutor) -> None:
        with notebook.held_up() as (line, _):
            for name in order:
                if name == "main":
                    may_write.set()
                else:
                    futures.append(pool.submit(notebook.write, note(name)))
                assert line.came.acquire(timeout=PATIENCE)

    with ThreadPoolExecutor(len(order) + 1) as pool:
        standing = pool.submit(stand_in_order, pool)
        assert may_write.wait(PATIENCE)
        told = interrupter.write(notebook, "main")
        notebook.came.release()
        standing.result(PATIENCE)
        assert [future.result(PATIENCE) for future in futures] == ["a", "b"]
    return told
