"""A Ctrl-C in the main thread, wherever it lands: what is told as kept and what is found agree, and nobody hangs."""

import ast
import fcntl
import os
import random
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

from tests.architecture.source import tree_of
from tests.faults.rounds import rounds
from tests.sqlite.notebooks import PATIENCE, Notebook, note

CHANCE: Final = random.Random(3)  # noqa: S311 - moments, no secrets
DELAYS: Final = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
"""Seconds after which an alarm comes; a unit takes about a millisecond."""


class Interrupter:
    """Interrupts one call in the main thread.

    First at the ``place``-th place of the storage's code at which CPython looks for signals: where functions begin, and
    where they return from C. Then by an alarm, ``delay`` seconds later; without a place that is the only one.
    """

    def __init__(self, place: int = 0, *, delay: float = 0.0, error: type[BaseException] = KeyboardInterrupt) -> None:
        self._left, self._delay, self._error, self._is_armed = place, delay, error, False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Interrupt at the place."""
        if event in {"call", "c_return"} and frame.f_globals["__name__"].startswith("usercore_storage"):
            self._left -= 1
            if not self._left:
                signal.setitimer(signal.ITIMER_REAL, self._delay)
                raise self._error

    def _ring(self, _: int, __: FrameType | None) -> None:
        if self._is_armed:
            self._is_armed = False
            raise self._error

    def write(self, notebook: Notebook, name: str) -> bool:
        """Write a name down; say whether this call was told that it is kept."""
        signal.signal(signal.SIGALRM, self._ring)
        self._is_armed, told = True, False
        with suppress(self._error), self._watching():
            told = notebook.write(note(name)) == name
        return told

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


@pytest.fixture(autouse=True)
def _own_alarm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
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


def write_among_others(notebook: Notebook, interrupter: Interrupter, *, others_before: int) -> bool:
    """Let the main thread stand in the line with two others; these are kept, and say what the main thread is told."""
    others = [note("a"), note("b")]

    def follow() -> list[Future[str]]:
        assert line.came.acquire(timeout=PATIENCE)  # the main thread
        futures = notebook.stand(pool, line, others[others_before:])
        line.go_on.set()
        return futures

    with ThreadPoolExecutor(3) as pool, notebook.held_up() as line:
        futures = notebook.stand(pool, line, others[:others_before])
        following = pool.submit(follow)
        told = interrupter.write(notebook, "main")
        line.came.release()  # if it was interrupted before it stood
        futures += following.result(PATIENCE)
        assert [future.result(PATIENCE) for future in futures] == ["a", "b"]
    return told


def check_group(notebook: Notebook, *, told: bool) -> int:
    """See that everybody is kept once, and the main thread whole or not at all; say how often it was kept."""
    found = sorted(notebook.found())
    assert found == ["a", "b", "main"] or (found == ["a", "b"] and not told)
    return len(found) - 2


def interrupt_everywhere(
    notebook: Notebook, path: Path, *, others_before: int, error: type[BaseException] = KeyboardInterrupt
) -> None:
    """Interrupt the main thread at one place after the other, until it comes through."""
    kept = Counter[int]()
    for place in count(1):
        told = write_among_others(notebook, Interrupter(place, error=error), others_before=others_before)
        kept[check_group(notebook, told=told)] += 1
        check_free(notebook, path)
        if told:
            break
    assert kept[0] > 1
    assert kept[1] > 1


@pytest.mark.slow
@pytest.mark.rule("ERR")
@pytest.mark.parametrize("others_before", [0, 1, 2], ids=["leading", "following", "coming last"])
def test_a_ctrl_c_anywhere_in_a_group_costs_nobody_else_anything(
    notebook: Notebook, path: Path, others_before: int
) -> None:
    interrupt_everywhere(notebook, path, others_before=others_before)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_nor_does_the_end_of_the_process_anywhere_in_a_group(notebook: Notebook, path: Path) -> None:
    interrupt_everywhere(notebook, path, others_before=0, error=SystemExit)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_nor_does_it_matter_that_an_error_of_the_driver_is_being_handled(notebook: Notebook, path: Path) -> None:
    try:
        raise sqlite3.OperationalError  # noqa: TRY301 - somebody's, who then calls us
    except sqlite3.OperationalError:
        interrupt_everywhere(notebook, path, others_before=0)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_a_second_ctrl_c_while_the_first_is_dealt_with_costs_nobody_else_anything(
    notebook: Notebook, path: Path
) -> None:
    for _ in range(rounds(few=2, many=200)):
        for place in range(1, 100):
            interrupter = Interrupter(place, delay=CHANCE.choice(DELAYS))
            told = write_among_others(notebook, interrupter, others_before=CHANCE.randrange(2))
            check_group(notebook, told=told)
            check_free(notebook, path)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_alarms_at_any_moment_among_writing_threads_cost_nobody_else_anything(notebook: Notebook, path: Path) -> None:
    over = threading.Event()

    def write_on(thread: int) -> list[str]:
        return [
            notebook.write(note(f"{thread}.{number}")) for number in takewhile(lambda _: not over.is_set(), count())
        ]

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write_on, thread) for thread in range(4)]
        try:
            names = [f"main {number}" for number in range(rounds(few=20, many=200) * 100)]
            told = [name for name in names if Interrupter(delay=CHANCE.choice(DELAYS)).write(notebook, name)]
        finally:
            over.set()
    of_others = {name for future in writing for name in future.result(PATIENCE)}
    found = notebook.found()
    assert len(found) == len(set(found)), "somebody was kept twice"
    assert {name for name in found if not name.startswith("main")} == of_others
    assert set(told) <= set(found) <= {*names, *of_others}
    assert 0 < len(told) < len(names)
    check_free(notebook, path)


@pytest.mark.parametrize("module", ["line", "writer"])
def test_no_loop_stands_where_a_lock_is_held(module: str) -> None:
    """CPython 3.13.0 forgets the lock when a Ctrl-C lands where a loop in a ``with`` jumps back."""
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
    blocks = [
        node for node in ast.walk(tree_of(Path(f"usercore_storage/sqlite/{module}.py"))) if isinstance(node, ast.With)
    ]
    assert blocks
    assert [ast.unparse(node) for block in blocks for node in ast.walk(block) if isinstance(node, loops)] == []
