"""An interrupt of the main thread, wherever it lands: reported and stored units agree, and no thread hangs."""

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
from tests.sqlite.note_writer import PATIENCE, NoteWriter, StoreNoteWriter, note
from usercore_storage.sqlite import SqliteStorage

pytestmark = pytest.mark.no_cover

CHANCE: Final = random.Random(3)  # noqa: S311 - moments, no secrets
LEAST_DELAY: Final = 1e-6
"""Seconds; the least that a timer takes, where 0 would stop it."""


def check_free(note_writer: NoteWriter, path: Path) -> None:
    """Check that nothing is left locked and all can write, other processes first."""
    side = os.open(path.with_name("store.db-lock"), os.O_RDWR)
    fcntl.flock(side, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(side)
    with closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
    assert note_writer.write(note("next")) == "next"
    assert note_writer.found()[-1] == "next"
    assert note_writer.queue._leader is None
    assert note_writer.queue._waiting == []
    note_writer.raw.execute("DELETE FROM notes")


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("again", [0, 1, 2, 3, 4])
def test_an_interrupt_anywhere_in_a_single_unit_stores_it_completely_or_not_at_all(
    store: SqliteStorage, path: Path, again: int
) -> None:
    note_writer, outcomes = StoreNoteWriter(store), set()
    for place in count(1):
        reported = Interrupter(place, again=again).write(note_writer, "main")
        found = note_writer.found()
        assert found == ["main"] or (found == [] and not reported)
        outcomes.add((reported, len(found)))
        check_free(note_writer, path)
        if reported:
            break
    assert outcomes == {(False, 0), (False, 1), (True, 1)}


def write_among_others(note_writer: NoteWriter, interrupter: Interrupter, *, others_before: int) -> bool:
    """Queue the main thread with two others, which must be stored; return whether it was reported."""
    others = [note("a"), note("b")]

    def follow() -> list[Future[str]]:
        assert queue.added.acquire(timeout=PATIENCE)  # the main thread
        futures = note_writer.enqueue(pool, queue, others[others_before:])
        queue.released.set()
        return futures

    with ThreadPoolExecutor(3) as pool, note_writer.blocked() as queue:
        futures = note_writer.enqueue(pool, queue, others[:others_before])
        following = pool.submit(follow)
        reported = interrupter.write(note_writer, "main")
        queue.added.release()  # if it was interrupted before it was queued
        futures += following.result(PATIENCE)
        assert [future.result(PATIENCE) for future in futures] == ["a", "b"]
    return reported


def check_group(note_writer: NoteWriter, *, reported: bool) -> int:
    """Check that the other units are stored once, and the main thread's completely or not; return how often it was."""
    found = sorted(note_writer.found())
    assert found == ["a", "b", "main"] or (found == ["a", "b"] and not reported)
    return len(found) - 2


def interrupt_everywhere(
    note_writer: NoteWriter, path: Path, *, others_before: int, error: type[BaseException] = KeyboardInterrupt
) -> None:
    """Interrupt the main thread at one point after the other, until it completes."""
    stored = Counter[int]()
    for place in count(1):
        reported = write_among_others(note_writer, Interrupter(place, error=error), others_before=others_before)
        stored[check_group(note_writer, reported=reported)] += 1
        check_free(note_writer, path)
        if reported:
            break
    assert stored[0] > 1
    assert stored[1] > 1


@pytest.mark.slow
@pytest.mark.rule("ERR")
@pytest.mark.parametrize("others_before", [0, 1, 2], ids=["leading", "following", "coming last"])
def test_an_interrupt_anywhere_in_a_group_affects_no_other_unit(
    note_writer: NoteWriter, path: Path, others_before: int
) -> None:
    interrupt_everywhere(note_writer, path, others_before=others_before)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_a_system_exit_anywhere_in_a_group_affects_no_other_unit(note_writer: NoteWriter, path: Path) -> None:
    interrupt_everywhere(note_writer, path, others_before=0, error=SystemExit)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_an_interrupt_while_a_driver_error_is_handled_affects_no_other_unit(
    note_writer: NoteWriter, path: Path
) -> None:
    try:
        raise sqlite3.OperationalError  # noqa: TRY301 - the caller's error, which is handled while it calls usercore
    except sqlite3.OperationalError:
        interrupt_everywhere(note_writer, path, others_before=0)


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_a_second_interrupt_while_the_first_is_handled_affects_no_other_unit(
    note_writer: NoteWriter, path: Path
) -> None:
    for again in (1, 2, 3, 4):
        for place in count(1):
            reported = write_among_others(note_writer, Interrupter(place, again=again), others_before=0)
            check_group(note_writer, reported=reported)
            check_free(note_writer, path)
            if reported:
                break


def write_despite_alarms(note_writer: NoteWriter, names: list[str]) -> list[str]:
    """Write each name with an alarm at some moment; return those that were reported.

    The latest moment follows the outcomes, so that about half are interrupted, however busy the machine is.
    """
    latest, reported = 1e-3, []
    for name in names:
        if Interrupter(delay=CHANCE.uniform(LEAST_DELAY, latest)).write(note_writer, name):
            reported.append(name)
            latest = max(latest / 2, 2 * LEAST_DELAY)
        else:
            latest *= 2
    return reported


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_alarms_at_any_moment_affect_no_unit_of_other_threads(note_writer: NoteWriter, path: Path) -> None:
    over = threading.Event()

    def write_on(thread: int) -> list[str]:
        return [
            note_writer.write(note(f"{thread}.{number}")) for number in takewhile(lambda _: not over.is_set(), count())
        ]

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write_on, thread) for thread in range(4)]
        try:
            names = [f"main {number}" for number in range(rounds(few=20, many=200) * 100)]
            reported = write_despite_alarms(note_writer, names)
        finally:
            over.set()
    of_others = {name for future in writing for name in future.result(PATIENCE)}
    found = note_writer.found()
    assert len(found) == len(set(found)), "somebody was stored twice"
    assert {name for name in found if not name.startswith("main")} == of_others
    assert set(reported) <= set(found) <= {*names, *of_others}
    assert 0 < len(reported) < len(names)
    check_free(note_writer, path)


@pytest.mark.parametrize("module", ["commit_queue", "process_lock"])
def test_no_loop_is_inside_a_with_that_holds_a_lock(module: str) -> None:
    """CPython 3.13.0 does not release a lock when an interrupt lands where a loop in a ``with`` jumps back."""
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
    blocks = [
        node for node in ast.walk(tree_of(Path(f"usercore_storage/sqlite/{module}.py"))) if isinstance(node, ast.With)
    ]
    assert blocks
    assert [ast.unparse(node) for block in blocks for node in ast.walk(block) if isinstance(node, loops)] == []
