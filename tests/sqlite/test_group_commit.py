"""Waiting units commit together: none is reported before the commit, and a failing unit fails alone."""

import sqlite3
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import pytest

from tests.sqlite.note_writer import ORIGIN, NoteWriter, Work, kinds, note
from usercore.kernel.errors import Busy, Indeterminate, RunAgain, StorageError
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite.commit_queue import QueuedUnit


def noting_then(name: str, *statements: str) -> Work:
    """Return a unit that writes a name and then runs these statements."""

    def work(run: Executor) -> str:
        note(name)(run)
        for statement in statements:
            run(statement)
        return name

    return work


def test_waiting_units_share_one_commit(note_writer: NoteWriter) -> None:
    assert note_writer.group(note("a"), note("b"), note("c")) == ["a", "b", "c"]
    assert note_writer.groups == [3]
    assert note_writer.statements.count("COMMIT") == note_writer.statements.count("BEGIN IMMEDIATE") == 1
    assert note_writer.found() == ["a", "b", "c"]


def test_a_unit_alone_needs_no_savepoint(note_writer: NoteWriter) -> None:
    note_writer.write(lambda run: run("INSERT INTO keys VALUES ('a')"))
    assert note_writer.statements == ["BEGIN IMMEDIATE", "INSERT INTO keys VALUES ('a')", "COMMIT"]


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_raising_unit_is_rolled_back_alone(note_writer: NoteWriter, error: type[BaseException]) -> None:
    def fail(run: Executor) -> None:
        note("b")(run)
        raise error

    assert kinds(note_writer.group(note("a"), fail, note("c"))) == ["a", error, "c"]
    assert note_writer.statements.count("COMMIT") == 1
    assert note_writer.found() == ["a", "c"]


def test_a_unit_that_meets_a_key_in_use_is_rolled_back_alone(note_writer: NoteWriter) -> None:
    note_writer.write(lambda run: run("INSERT INTO keys VALUES ('taken')"))
    guilty = noting_then("b", "INSERT INTO keys VALUES ('taken')")
    assert kinds(note_writer.group(note("a"), guilty, note("c"))) == ["a", RunAgain, "c"]
    assert note_writer.groups == [3]
    assert note_writer.found() == ["a", "c"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_after_a_rollback_by_sqlite_the_other_units_run_again_and_are_stored(
    note_writer: NoteWriter, place: int
) -> None:
    note_writer.write(lambda run: run("INSERT INTO keys VALUES ('taken')"))
    works = [note("a"), note("b")]
    works.insert(place, noting_then("guilty", "INSERT OR ROLLBACK INTO keys VALUES ('taken')"))
    outcomes = kinds(note_writer.group(*works))
    assert outcomes.pop(place) is RunAgain
    assert outcomes == note_writer.found() == ["a", "b"]
    assert note_writer.statements.count("COMMIT") == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_after_a_refused_commit_the_other_units_run_again_and_are_stored(note_writer: NoteWriter, place: int) -> None:
    works = [note("a"), note("b")]
    works.insert(place, noting_then("guilty", "INSERT INTO leaning VALUES ('nobody')"))
    outcomes = kinds(note_writer.group(*works))
    assert outcomes.pop(place) is StorageError
    assert outcomes == note_writer.found() == ["a", "b"]


def fail_at(
    note_writer: NoteWriter, failing: str, *, times: int, gives_up: bool = False, code: int = sqlite3.SQLITE_IOERR_FSYNC
) -> list[str]:
    """Make a statement of the group fail so many times, perhaps with a rollback by SQLite; return the attempts."""
    connection, tries = note_writer.writer._connection, list[str]()
    execute = connection._execute

    def fail(statement: str, values: Any = ()) -> sqlite3.Cursor:
        if statement != failing or note_writer.is_blocked:
            return execute(statement, values)
        tries.append(statement)
        if len(tries) > times:
            return execute(statement, values)
        if gives_up:
            note_writer.raw.execute("ROLLBACK")
        error = sqlite3.OperationalError("made by a test")
        error.sqlite_errorcode = code
        raise error

    connection._execute = fail
    return tries


def outcomes_at_the_first_commit(note_writer: NoteWriter, *works: Work) -> tuple[list[Any], int]:
    """Run a group; return its outcomes, and how many were reported before the first commit."""
    answered: list[int] = []

    def watch(futures: list[Future[Any]]) -> None:
        note_writer.at_commit = lambda: answered.append(answered[0] if answered else heard(futures))

    return note_writer.group(*works, while_waiting=watch), answered[0]


def heard(futures: list[Future[Any]]) -> int:
    return len(wait(futures, 0.2, FIRST_COMPLETED).done)


@pytest.mark.parametrize("gives_up", [False, True])
def test_if_the_commit_of_a_group_fails_each_unit_is_committed_alone(
    note_writer: NoteWriter, *, gives_up: bool
) -> None:
    fail_at(note_writer, "COMMIT", times=1, gives_up=gives_up)
    outcomes, answered = outcomes_at_the_first_commit(note_writer, note("a"), note("b"), note("c"))
    assert outcomes == note_writer.found() == ["a", "b", "c"]
    assert answered == 0


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_unit_whose_own_commit_is_not_synced_is_indeterminate(note_writer: NoteWriter, *, gives_up: bool) -> None:
    fail_at(note_writer, "COMMIT", times=2, gives_up=gives_up)
    assert kinds(note_writer.group(note("a"), note("b"), note("c"))) == [Indeterminate, "b", "c"]
    assert note_writer.found() == ["b", "c"]


def test_a_refusal_based_on_a_rolled_back_row_is_decided_again(note_writer: NoteWriter) -> None:
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

    assert kinds(note_writer.group(doomed, ask)) == [StorageError, "mine"]
    assert len(asked) == 2, "it was refused first, and the error of that run is not reported"
    assert note_writer.raw.execute("SELECT name FROM keys").fetchall() == [("wanted",)]


def test_a_lock_timeout_when_running_again_fails_all_remaining_units_at_once(note_writer: NoteWriter) -> None:
    fail_at(note_writer, "COMMIT", times=1)
    begins: list[list[str]] = []

    def let_turns_fail() -> None:
        begins.append(fail_at(note_writer, "BEGIN IMMEDIATE", times=3, code=sqlite3.SQLITE_BUSY))

    works = note("a"), lambda _: let_turns_fail(), note("c")
    assert kinds(note_writer.group(*works)) == [Busy, Busy, Busy]
    assert begins == [["BEGIN IMMEDIATE"]]
    assert note_writer.found() == []


def test_no_unit_is_reported_before_the_commit(note_writer: NoteWriter) -> None:
    def refuse(_: Executor) -> None:
        raise ZeroDivisionError

    outcomes, answered = outcomes_at_the_first_commit(note_writer, note("a"), refuse, note("c"), refuse)
    assert kinds(outcomes) == ["a", ZeroDivisionError, "c", ZeroDivisionError]
    assert answered == 0


def test_each_caller_gets_its_own_result(note_writer: NoteWriter) -> None:
    outcomes = note_writer.group(*(lambda _, number=number: number for number in range(20)))
    assert outcomes == list(range(20))


def test_the_next_leader_completes_what_an_interrupted_one_began(note_writer: NoteWriter) -> None:
    stored, still_open = QueuedUnit(note("stored"), ORIGIN), QueuedUnit(note("open"), ORIGIN)
    stored.result = note("stored")(note_writer.writer._connection)
    note_writer.writer._sent = [stored]  # committed, but not reported
    note_writer.queue._waiting.append(stored)
    assert note_writer.write(note("a")) == "a"
    assert stored.done
    assert note_writer.groups == [1]
    note_writer.raw.execute("BEGIN")
    still_open.result = note("open")(note_writer.writer._connection)
    note_writer.writer._sent = [still_open]  # about to commit
    assert note_writer.write(note("b")) == "b"
    assert not still_open.done
    assert note_writer.found() == ["stored", "a", "b"]
