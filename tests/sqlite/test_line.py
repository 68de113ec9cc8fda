"""Units that wait commit together: nobody hears before the commit, and whoever fails takes nobody along."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.sqlite.notebooks import ORIGIN, PATIENCE, Notebook, Work, note
from usercore.kernel.errors import Busy, RunAgain, StorageError, Unavailable
from usercore_storage.sql.run import Run
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.line import LOOK_UP, MOST_TOGETHER, Job, Line, Take
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")


def kinds(outcomes: Sequence[object]) -> list[object]:
    """Show errors by their class."""
    return [type(one) if isinstance(one, Exception) else one for one in outcomes]


def noting_then(name: str, *statements: str) -> Work:
    """Make a unit that writes a name down and then runs these statements."""

    def work(run: Run) -> str:
        note(name)(run)
        for statement in statements:
            run(statement)
        return name

    return work


def test_units_that_wait_are_kept_by_one_commit(notebook: Notebook) -> None:
    assert notebook.group(note("a"), note("b"), note("c")) == ["a", "b", "c"]
    assert notebook.groups == [3]
    assert notebook.statements.count("COMMIT") == notebook.statements.count("BEGIN IMMEDIATE") == 1
    assert notebook.found() == ["a", "b", "c"]


def test_a_unit_alone_needs_no_savepoint(notebook: Notebook) -> None:
    notebook.write(lambda run: run("INSERT INTO keys VALUES ('a')"))
    assert notebook.statements == ["BEGIN IMMEDIATE", "INSERT INTO keys VALUES ('a')", "COMMIT"]


def test_a_unit_that_raises_is_taken_back_alone(notebook: Notebook) -> None:
    def fail(run: Run) -> None:
        note("b")(run)
        raise ZeroDivisionError

    assert kinds(notebook.group(note("a"), fail, note("c"))) == ["a", ZeroDivisionError, "c"]
    assert notebook.statements.count("COMMIT") == 1
    assert notebook.found() == ["a", "c"]


def test_a_unit_that_meets_a_key_in_use_is_taken_back_alone(notebook: Notebook) -> None:
    notebook.write(lambda run: run("INSERT INTO keys VALUES ('taken')"))
    guilty = noting_then("b", "INSERT INTO keys VALUES ('taken')")
    assert kinds(notebook.group(note("a"), guilty, note("c"))) == ["a", RunAgain, "c"]
    assert notebook.groups == [3]
    assert notebook.found() == ["a", "c"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_when_sqlite_gives_up_the_transaction_the_others_run_again_and_are_kept(notebook: Notebook, place: int) -> None:
    notebook.write(lambda run: run("INSERT INTO keys VALUES ('taken')"))
    works = [note("a"), note("b")]
    works.insert(place, noting_then("guilty", "INSERT OR ROLLBACK INTO keys VALUES ('taken')"))
    outcomes = kinds(notebook.group(*works))
    assert outcomes.pop(place) is RunAgain
    assert outcomes == notebook.found() == ["a", "b"]
    assert notebook.statements.count("COMMIT") == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_when_the_commit_is_refused_the_others_run_again_and_are_kept(notebook: Notebook, place: int) -> None:
    works = [note("a"), note("b")]
    works.insert(place, noting_then("guilty", "INSERT INTO leaning VALUES ('nobody')"))
    outcomes = kinds(notebook.group(*works))
    assert outcomes.pop(place) is StorageError
    assert outcomes == notebook.found() == ["a", "b"]


def let_commits_fail(notebook: Notebook, *, times: int, gives_up: bool) -> None:
    """Let the first commits of the group fail as a disk does; it may take the transaction with it."""
    connection, failures = notebook.writer._connection, iter(range(times))
    execute = connection._execute

    def fail(statement: str, values: Any = ()) -> sqlite3.Cursor:
        if statement != "COMMIT" or notebook.is_held_up or next(failures, None) is None:
            return execute(statement, values)
        if gives_up:
            notebook.raw.execute("ROLLBACK")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    connection._execute = fail


@pytest.mark.parametrize("gives_up", [False, True])
def test_when_the_commit_fails_for_the_group_each_is_kept_alone(notebook: Notebook, *, gives_up: bool) -> None:
    let_commits_fail(notebook, times=1, gives_up=gives_up)
    assert notebook.group(note("a"), note("b"), note("c")) == ["a", "b", "c"]
    assert notebook.found() == ["a", "b", "c"]
    assert notebook.statements.count("COMMIT") == 3


@pytest.mark.parametrize("gives_up", [False, True])
def test_whose_commit_fails_alone_is_not_kept_and_hears_so(notebook: Notebook, *, gives_up: bool) -> None:
    let_commits_fail(notebook, times=2, gives_up=gives_up)
    assert kinds(notebook.group(note("a"), note("b"), note("c"))) == [Unavailable, "b", "c"]
    assert notebook.found() == ["b", "c"]


def test_a_refusal_that_leaned_on_a_row_which_was_not_kept_is_no_refusal(notebook: Notebook) -> None:
    def add_unless_there(run: Run) -> str:
        if run("SELECT 1 FROM keys WHERE name = 'wanted'"):
            raise LookupError
        run("INSERT INTO keys VALUES ('wanted')")
        return "mine"

    asked: list[str] = []
    doomed = noting_then("doomed", "INSERT INTO keys VALUES ('wanted')", "INSERT INTO leaning VALUES ('nobody')")

    def ask(run: Run) -> str:
        asked.append("asked")
        return add_unless_there(run)

    assert kinds(notebook.group(doomed, ask)) == [StorageError, "mine"]
    assert len(asked) == 2, "it was refused first, and the error of that run is not told"
    assert notebook.raw.execute("SELECT name FROM keys").fetchall() == [("wanted",)]


def test_nobody_is_answered_before_the_commit(notebook: Notebook) -> None:
    def refuse(_: Run) -> None:
        raise ZeroDivisionError

    answered: list[set[Future[object]]] = []

    def watch(futures: list[Future[object]]) -> None:
        notebook.at_commit = lambda: answered.append(wait(futures, 0.2, FIRST_COMPLETED).done)

    outcomes = notebook.group(note("a"), refuse, note("c"), refuse, while_waiting=watch)
    assert kinds(outcomes) == ["a", ZeroDivisionError, "c", ZeroDivisionError]
    assert answered == [set()]


def test_a_result_is_told_to_whoever_asked(notebook: Notebook) -> None:
    outcomes = notebook.group(*(lambda _, number=number: number for number in range(20)))
    assert outcomes == list(range(20))


def test_a_unit_whose_turn_does_not_come_is_busy_and_never_runs(path: Path) -> None:
    path.touch()
    with closing(Writer(path, longest_wait=LOOK_UP / 2)) as writer:
        notebook = Notebook(writer)
        assert kinds(notebook.group(note("late"), while_waiting=wait)) == [Busy]
        assert notebook.found() == []
        assert notebook.write(note("next")) == "next"
        assert notebook.found() == ["next"]


def finish(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.result, job.done = "done", True
        job.call()


def a_job() -> Job:
    return Job(lambda _: None, ORIGIN)


def test_a_unit_can_withdraw_until_a_leader_takes_it() -> None:
    withdrew: list[bool] = []

    def lead(take: Take) -> None:
        line._waiting += others
        withdrew.append(line._withdraws(others[0]))
        jobs = take()
        withdrew.append(line._withdraws(others[1]))
        finish(jobs)

    line, others = Line(lead), [a_job(), a_job()]
    line.stand(a_job())
    assert withdrew == [True, False]
    assert [job.done for job in others] == [False, True]


def test_who_leads_takes_no_more_than_may_commit_together_and_always_itself() -> None:
    taken: list[Sequence[Job]] = []

    def lead(take: Take) -> None:
        if not taken:
            line._waiting[:0] = others
        taken.append(take())
        finish(taken[-1])

    line, others, leader, last = Line(lead), [a_job() for _ in range(MOST_TOGETHER + 5)], a_job(), a_job()
    line.stand(leader)
    line.stand(last)
    assert taken == [[*others[: MOST_TOGETHER - 1], leader], [*others[MOST_TOGETHER - 1 :], last]]


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


class Guarded(Notebook):
    """Writes as services do."""

    def __init__(self, store: SqliteStorage) -> None:
        super().__init__(store.writer())
        self.units = store.units(ORIGIN)

    def write(self, work: Callable[[Run], T]) -> T:
        return self.units.write(lambda _: work(self.writer._connection))


def test_a_unit_in_a_unit_is_refused_also_when_another_thread_leads_it(store: SqliteStorage) -> None:
    def open_another(_: Run) -> None:
        notebook.write(note("inner"))

    def say_thread(_: Run) -> int:
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
