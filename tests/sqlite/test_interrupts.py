"""A Ctrl-C in the main thread, wherever it lands: what is told as kept and what is found agree, and nobody hangs."""

import ast
import fcntl
import os
import random
import sqlite3
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import count, takewhile
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import tree_of
from tests.faults.rounds import rounds
from tests.sqlite.interrupter import Interrupter
from tests.sqlite.notebooks import PATIENCE, Guarded, Notebook, note
from usercore_storage.sqlite import SqliteStorage

pytestmark = pytest.mark.no_cover

CHANCE: Final = random.Random(3)  # noqa: S311 - moments, no secrets
DELAYS: Final = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
"""Seconds after which an alarm comes; a unit takes about a millisecond."""


def check_free(notebook: Notebook, path: Path) -> None:
    """See that nothing is left over and everybody may write, other processes first."""
    side = os.open(path.with_name("store.db-lock"), os.O_RDWR)
    fcntl.flock(side, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(side)
    with closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
    assert notebook.write(note("next")) == "next"
    assert notebook.found()[-1] == "next"
    assert notebook.line._leader is None
    assert notebook.line._waiting == []
    notebook.raw.execute("DELETE FROM notes")


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("again", [0, 1, 2, 3, 4])
def test_ctrl_c_anywhere_in_a_unit_alone_keeps_it_whole_or_not_at_all(
    store: SqliteStorage, path: Path, again: int
) -> None:
    notebook, outcomes = Guarded(store), set()
    for place in count(1):
        told = Interrupter(place, again=again).write(notebook, "main")
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
    for again in (1, 2, 3, 4):
        for place in count(1):
            told = write_among_others(notebook, Interrupter(place, again=again), others_before=0)
            check_group(notebook, told=told)
            check_free(notebook, path)
            if told:
                break


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


@pytest.mark.parametrize("module", ["commit_queue", "process_lock"])
def test_no_loop_stands_where_a_lock_is_held(module: str) -> None:
    """CPython 3.13.0 forgets the lock when a Ctrl-C lands where a loop in a ``with`` jumps back."""
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
    blocks = [
        node for node in ast.walk(tree_of(Path(f"usercore_storage/sqlite/{module}.py"))) if isinstance(node, ast.With)
    ]
    assert blocks
    assert [ast.unparse(node) for block in blocks for node in ast.walk(block) if isinstance(node, loops)] == []
