"""Units that wait commit together: nobody hears before the commit, and whoever fails takes nobody along."""

import sqlite3
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import pytest

from tests.sqlite.notebooks import ORIGIN, Notebook, Work, kinds, note
from usercore.kernel.errors import Busy, RunAgain, StorageError, Unavailable
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite.commit_queue import QueuedUnit


def noting_then(name: str, *statements: str) -> Work:
    """Make a unit that writes a name down and then runs these statements."""

    def work(run: Executor) -> str:
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


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_unit_that_raises_is_taken_back_alone(notebook: Notebook, error: type[BaseException]) -> None:
    def fail(run: Executor) -> None:
        note("b")(run)
        raise error

    assert kinds(notebook.group(note("a"), fail, note("c"))) == ["a", error, "c"]
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


def fail_at(
    notebook: Notebook, failing: str, *, times: int, gives_up: bool = False, code: int = sqlite3.SQLITE_IOERR_FSYNC
) -> list[str]:
    """Let a statement of the group fail so many times; perhaps SQLite gives up the transaction. Gives the tries."""
    connection, tries = notebook.writer._connection, list[str]()
    execute = connection._execute

    def fail(statement: str, values: Any = ()) -> sqlite3.Cursor:
        if statement != failing or notebook.is_held_up:
            return execute(statement, values)
        tries.append(statement)
        if len(tries) > times:
            return execute(statement, values)
        if gives_up:
            notebook.raw.execute("ROLLBACK")
        error = sqlite3.OperationalError("made by a test")
        error.sqlite_errorcode = code
        raise error

    connection._execute = fail
    return tries


def answered_at_the_first_commit(notebook: Notebook, *works: Work) -> tuple[list[Any], int]:
    """Run a group; give its outcomes, and how many heard theirs while SQLite was about to commit for the first time."""
    answered: list[int] = []

    def watch(futures: list[Future[Any]]) -> None:
        notebook.at_commit = lambda: answered.append(answered[0] if answered else heard(futures))

    return notebook.group(*works, while_waiting=watch), answered[0]


def heard(futures: list[Future[Any]]) -> int:
    return len(wait(futures, 0.2, FIRST_COMPLETED).done)


@pytest.mark.parametrize("gives_up", [False, True])
def test_when_the_commit_fails_for_the_group_each_is_kept_alone(notebook: Notebook, *, gives_up: bool) -> None:
    fail_at(notebook, "COMMIT", times=1, gives_up=gives_up)
    outcomes, answered = answered_at_the_first_commit(notebook, note("a"), note("b"), note("c"))
    assert outcomes == notebook.found() == ["a", "b", "c"]
    assert answered == 0


@pytest.mark.parametrize("gives_up", [False, True])
def test_whose_commit_fails_alone_is_not_kept_and_hears_so(notebook: Notebook, *, gives_up: bool) -> None:
    fail_at(notebook, "COMMIT", times=2, gives_up=gives_up)
    assert kinds(notebook.group(note("a"), note("b"), note("c"))) == [Unavailable, "b", "c"]
    assert notebook.found() == ["b", "c"]


def test_a_refusal_that_leaned_on_a_row_which_was_not_kept_is_no_refusal(notebook: Notebook) -> None:
    def add_unless_there(run: Executor) -> str:
        if run("SELECT 1 FROM keys WHERE name = 'wanted'"):
            raise LookupError
        run("INSERT INTO keys VALUES ('wanted')")
        return "mine"

    asked: list[str] = []
    doomed = noting_then("doomed", "INSERT INTO keys VALUES ('wanted')", "INSERT INTO leaning VALUES ('nobody')")

    def ask(run: Executor) -> str:
        asked.append("asked")
        return add_unless_there(run)

    assert kinds(notebook.group(doomed, ask)) == [StorageError, "mine"]
    assert len(asked) == 2, "it was refused first, and the error of that run is not told"
    assert notebook.raw.execute("SELECT name FROM keys").fetchall() == [("wanted",)]


def test_when_no_turn_comes_for_running_again_nobody_waits_for_more_than_one(notebook: Notebook) -> None:
    fail_at(notebook, "COMMIT", times=1)
    begins: list[list[str]] = []

    def let_turns_fail() -> None:
        begins.append(fail_at(notebook, "BEGIN IMMEDIATE", times=3, code=sqlite3.SQLITE_BUSY))

    works = note("a"), lambda _: let_turns_fail(), note("c")
    assert kinds(notebook.group(*works)) == [Busy, Busy, Busy]
    assert begins == [["BEGIN IMMEDIATE"]]
    assert notebook.found() == []


def test_nobody_is_answered_before_the_commit(notebook: Notebook) -> None:
    def refuse(_: Executor) -> None:
        raise ZeroDivisionError

    outcomes, answered = answered_at_the_first_commit(notebook, note("a"), refuse, note("c"), refuse)
    assert kinds(outcomes) == ["a", ZeroDivisionError, "c", ZeroDivisionError]
    assert answered == 0


def test_a_result_is_told_to_whoever_asked(notebook: Notebook) -> None:
    outcomes = notebook.group(*(lambda _, number=number: number for number in range(20)))
    assert outcomes == list(range(20))


def test_what_a_leader_was_interrupted_in_is_settled_by_the_next(notebook: Notebook) -> None:
    kept, open_still = QueuedUnit(note("kept"), ORIGIN), QueuedUnit(note("open"), ORIGIN)
    kept.result = note("kept")(notebook.writer._connection)
    notebook.writer._sent = [kept]  # committed, and not told
    notebook.line._waiting.append(kept)
    assert notebook.write(note("a")) == "a"
    assert kept.done
    assert notebook.groups == [1]
    notebook.raw.execute("BEGIN")
    open_still.result = note("open")(notebook.writer._connection)
    notebook.writer._sent = [open_still]  # about to commit
    assert notebook.write(note("b")) == "b"
    assert not open_still.done
    assert notebook.found() == ["kept", "a", "b"]
