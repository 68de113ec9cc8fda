"""The line in front of the writing connection: whose turn it is, who leads, and what becomes of those who wait."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from tests.sqlite.notebooks import ORIGIN, PATIENCE, Guarded, Notebook, kinds, note
from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.commit_queue import LOOK_UP, MOST_TOGETHER, CommitQueue, QueuedUnit, Take
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")


def test_a_unit_whose_turn_does_not_come_is_busy_and_never_runs(path: Path) -> None:
    path.touch()
    with closing(Writer(path, longest_wait=LOOK_UP / 2)) as writer:
        notebook = Notebook(writer)
        assert kinds(notebook.group(note("late"), while_waiting=wait)) == [Busy]
        assert notebook.found() == []
        assert notebook.write(note("next")) == "next"
        assert notebook.found() == ["next"]


def test_a_unit_waits_as_long_as_it_may(notebook: Notebook) -> None:
    def wait_a_while(futures: list[Future[str]]) -> None:
        assert wait(futures, 3 * LOOK_UP).done == set()

    assert notebook.group(note("patient"), while_waiting=wait_a_while) == ["patient"]


def finish(jobs: Sequence[QueuedUnit]) -> None:
    for job in jobs:
        job.result, job.done = "done", True
        job.call()


def a_job() -> QueuedUnit:
    return QueuedUnit(lambda _: None, ORIGIN)


def test_a_unit_can_withdraw_until_a_leader_takes_it() -> None:
    withdrew: list[bool] = []

    def lead(take: Take) -> None:
        line._waiting += others
        withdrew.append(line._withdraws(others[0]))
        jobs = take()
        withdrew.append(line._withdraws(others[1]))
        finish(jobs)

    line, others = CommitQueue(lead), [a_job(), a_job()]
    line.submit(a_job())
    assert withdrew == [True, False]
    assert [job.done for job in others] == [False, True]


def test_who_leads_takes_no_more_than_may_commit_together_and_always_itself() -> None:
    taken: list[Sequence[QueuedUnit]] = []

    def lead(take: Take) -> None:
        if not taken:
            line._waiting[:0] = others
        taken.append(take())
        finish(taken[-1])

    line, others, leader, last = CommitQueue(lead), [a_job() for _ in range(MOST_TOGETHER + 5)], a_job(), a_job()
    line.submit(leader)
    line.submit(last)
    assert taken == [[*others[: MOST_TOGETHER - 1], leader], [*others[MOST_TOGETHER - 1 :], last]]


def test_whoever_is_interrupted_leaves_and_the_others_it_took_wait_on() -> None:
    def lead(take: Take) -> None:
        line._waiting += others
        assert take() == [leader, *others]
        finish(others[:1])
        raise KeyboardInterrupt

    line, leader, others = CommitQueue(lead), a_job(), [a_job(), a_job(), a_job()]
    with pytest.raises(KeyboardInterrupt):
        line.submit(leader)
    assert line._waiting == others[1:]
    assert others[1].wake.acquire(blocking=False), "the next was called"


def test_who_is_done_leads_nobody() -> None:
    line, job = CommitQueue(lambda _: None), a_job()
    finish([job])
    assert not line._takes_lead(job)


def test_when_the_turn_does_not_come_only_the_leader_hears_of_it(notebook: Notebook) -> None:
    refusals = [Unavailable(), Busy()]

    def lead(take: Take) -> None:
        if refusals:
            raise refusals.pop()
        notebook._noted(take)

    def let_turns_fail(_: object) -> None:
        notebook.line._lead = lead

    outcomes = notebook.group(note("a"), note("b"), note("c"), while_waiting=let_turns_fail)
    assert kinds(outcomes) == [Busy, Unavailable, "c"]
    assert notebook.found() == ["c"]


def test_a_unit_in_a_unit_is_refused_also_when_another_thread_leads_it(store: SqliteStorage) -> None:
    def open_another(_: Executor) -> None:
        notebook.write(note("inner"))

    def say_thread(_: Executor) -> int:
        return threading.get_ident()

    notebook = Guarded(store)
    first, refused, last = notebook.group(say_thread, open_another, say_thread)
    assert first == last, "one thread led them all"
    assert kinds([refused]) == [RuntimeError]


def test_whoever_waits_when_the_store_closes_is_refused_or_kept(notebook: Notebook) -> None:
    with ThreadPoolExecutor(1) as pool:
        closed: list[Future[None]] = []
        outcomes = kinds(
            notebook.group(
                note("a"), note("b"), while_waiting=lambda _: closed.append(pool.submit(notebook.writer.close))
            )
        )
        closed[0].result(PATIENCE)
    assert set(outcomes) <= {"a", "b", Unavailable}


@pytest.mark.slow
def test_sixteen_threads_get_alike(notebook: Notebook) -> None:
    counts, start = Counter[int](), threading.Barrier(16)

    def write(number: int) -> None:
        start.wait(PATIENCE)
        while counts.total() < 3200:
            notebook.write(note(f"{number}"))
            counts[number] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert len(notebook.found()) == counts.total()
    assert min(counts.values()) >= 0.5 * max(counts.values()), counts
