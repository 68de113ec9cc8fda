"""The queue in front of the writing connection: order, leadership, timeouts, and the outcome of waiting units."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from tests.sqlite.note_writer import ORIGIN, PATIENCE, NoteWriter, StoreNoteWriter, kinds, note
from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.commit_queue import MOST_TOGETHER, POLL_SECONDS, CommitQueue, QueuedUnit, Take
from usercore_storage.sqlite.connections import BUSY_TIMEOUT_MS
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")


def test_a_unit_that_waits_too_long_is_busy_and_never_runs(path: Path) -> None:
    path.touch()
    with closing(Writer(path, max_wait=POLL_SECONDS / 2)) as writer:
        note_writer = NoteWriter(writer)
        assert kinds(note_writer.group(note("late"), while_waiting=wait)) == [Busy]
        assert note_writer.found() == []
        assert note_writer.write(note("next")) == "next"
        assert note_writer.found() == ["next"]


def test_a_unit_waits_until_its_deadline(note_writer: NoteWriter) -> None:
    def wait_a_while(futures: list[Future[str]]) -> None:
        assert wait(futures, 3 * POLL_SECONDS).done == set()

    assert note_writer.group(note("patient"), while_waiting=wait_a_while) == ["patient"]


def test_a_unit_that_must_not_wait_is_busy_while_another_is_written(note_writer: NoteWriter) -> None:
    with note_writer.blocked(), pytest.raises(Busy):
        note_writer.writer.run(lambda _: None, ORIGIN, wait=False)
    note_writer.writer.run(lambda _: note("free")(note_writer.writer._connection), ORIGIN, wait=False)
    assert note_writer.found() == ["free"]


def test_a_unit_that_must_not_wait_is_busy_while_another_tool_writes(path: Path, note_writer: NoteWriter) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            note_writer.writer.run(lambda _: None, ORIGIN, wait=False)
        other.execute("ROLLBACK")
    note_writer.write(note("patient"))
    assert note_writer.writer._connection("PRAGMA busy_timeout") == [(BUSY_TIMEOUT_MS,)]


def test_a_leader_waits_for_locks_no_longer_than_its_own_unit() -> None:
    left: list[float] = []

    def lead(_: Take) -> None:
        left.append(queue.left())
        raise Busy

    queue = CommitQueue(lead)
    for max_wait in (0.0, 60.0):
        with pytest.raises(Busy):
            queue.submit(QueuedUnit(lambda _: None, ORIGIN, max_wait=max_wait))
    assert left[0] == 0
    assert 0 < left[1] <= 60


def finish(group: Sequence[QueuedUnit]) -> None:
    for queued in group:
        queued.result, queued.done = "done", True
        queued.call()


def a_queued_unit() -> QueuedUnit:
    return QueuedUnit(lambda _: None, ORIGIN)


def test_a_unit_can_withdraw_until_a_leader_takes_it() -> None:
    withdrew: list[bool] = []

    def lead(take: Take) -> None:
        queue._waiting += others
        withdrew.append(queue._withdraws(others[0]))
        group = take()
        withdrew.append(queue._withdraws(others[1]))
        finish(group)

    queue, others = CommitQueue(lead), [a_queued_unit(), a_queued_unit()]
    queue.submit(a_queued_unit())
    assert withdrew == [True, False]
    assert [queued.done for queued in others] == [False, True]


def test_a_leader_takes_at_most_the_limit_and_always_its_own_unit() -> None:
    taken: list[Sequence[QueuedUnit]] = []

    def lead(take: Take) -> None:
        if not taken:
            queue._waiting[:0] = others
        taken.append(take())
        finish(taken[-1])

    queue, others, leader, last = (
        CommitQueue(lead),
        [a_queued_unit() for _ in range(MOST_TOGETHER + 5)],
        a_queued_unit(),
        a_queued_unit(),
    )
    queue.submit(leader)
    queue.submit(last)
    assert taken == [[*others[: MOST_TOGETHER - 1], leader], [*others[MOST_TOGETHER - 1 :], last]]


def test_an_interrupted_leader_leaves_and_the_units_that_it_took_wait_again() -> None:
    def lead(take: Take) -> None:
        queue._waiting += others
        assert take() == [leader, *others]
        finish(others[:1])
        raise KeyboardInterrupt

    queue, leader, others = CommitQueue(lead), a_queued_unit(), [a_queued_unit(), a_queued_unit(), a_queued_unit()]
    with pytest.raises(KeyboardInterrupt):
        queue.submit(leader)
    assert queue._waiting == others[1:]
    assert others[1].wake.acquire(blocking=False), "the next was called"


def test_a_done_unit_does_not_lead() -> None:
    queue, queued = CommitQueue(lambda _: None), a_queued_unit()
    finish([queued])
    assert not queue._takes_lead(queued)


def test_a_process_lock_timeout_fails_only_the_leader(note_writer: NoteWriter) -> None:
    refusals = [Unavailable(), Busy()]

    def lead(take: Take) -> None:
        if refusals:
            raise refusals.pop()
        note_writer._noted(take)

    def let_turns_fail(_: object) -> None:
        note_writer.queue._lead = lead

    outcomes = note_writer.group(note("a"), note("b"), note("c"), while_waiting=let_turns_fail)
    assert kinds(outcomes) == [Busy, Unavailable, "c"]
    assert note_writer.found() == ["c"]


def test_a_unit_in_a_unit_is_refused_also_when_another_thread_leads_it(store: SqliteStorage) -> None:
    def open_another(_: Executor) -> None:
        note_writer.write(note("inner"))

    def say_thread(_: Executor) -> int:
        return threading.get_ident()

    note_writer = StoreNoteWriter(store)
    first, refused, last = note_writer.group(say_thread, open_another, say_thread)
    assert first == last, "one thread led them all"
    assert kinds([refused]) == [RuntimeError]


def test_units_waiting_while_the_store_closes_are_refused_or_stored(note_writer: NoteWriter) -> None:
    with ThreadPoolExecutor(1) as pool:
        closed: list[Future[None]] = []
        outcomes = kinds(
            note_writer.group(
                note("a"), note("b"), while_waiting=lambda _: closed.append(pool.submit(note_writer.writer.close))
            )
        )
        closed[0].result(PATIENCE)
    assert set(outcomes) <= {"a", "b", Unavailable}


@pytest.mark.slow
def test_sixteen_threads_are_served_fairly(note_writer: NoteWriter) -> None:
    counts, start = Counter[int](), threading.Barrier(16)

    def write(number: int) -> None:
        start.wait(PATIENCE)
        while counts.total() < 3200:
            note_writer.write(note(f"{number}"))
            counts[number] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert len(note_writer.found()) == counts.total()
    assert min(counts.values()) >= 0.5 * max(counts.values()), counts
