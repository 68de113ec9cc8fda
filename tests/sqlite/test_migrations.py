"""The schema is created step by step: once, completely, however many processes open a file and whenever they are
killed."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.fork_helpers import in_child, in_children
from tests.profiles import IS_THOROUGH
from tests.sqlite.fixtures.make import FOLDER, HOST, PASSWORD
from usercore import AccessId, Email, UserCore
from usercore.kernel.errors import NewerSchema, StorageError
from usercore_storage import sqlite
from usercore_storage.sql import tables
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.migrations import STEPS, TYPES, VERSION, migrate, options_of, statements_of

Steps = Sequence[Sequence[str]]

SHIPPED: Final[Steps] = [statements_of(step) for step in STEPS]
MADE_UP: Final = (
    "ALTER TABLE usercore_users ADD COLUMN later_field TEXT",
    "CREATE TABLE usercore_words (id INTEGER NOT NULL PRIMARY KEY, word TEXT NOT NULL) STRICT",
    "INSERT INTO usercore_words SELECT id, email FROM usercore_users",
    "UPDATE usercore_users SET later_field = first_name",
)
"""A future step."""

PROCESSES: Final = 8

LATER: Final[Steps] = [*SHIPPED, MADE_UP, ["ALTER TABLE usercore_words ADD COLUMN language TEXT"]]

TOKENS: Final[Mapping[int, str]] = {1: "uca_0geqm7Jr41fDGaBljnZRVZQ4Ilbe1EL2vvKmjDJSfydkIEZcQmLA3q58Pq"}
"""An access token in the fixture of each schema."""


def kept_of(version: int) -> Path:
    return FOLDER / f"{version:04}.db"


def migrate_file(path: Path, steps: Steps | None = None, *, trace: Callable[[str], object] | None = None) -> None:
    """Apply steps as a process does that opens the file."""
    path.touch()
    with closing(Connection(path)) as connection:
        if trace is not None:
            connection.raw.set_trace_callback(trace)
        migrate(connection, ours=True, steps=steps)


def version_of(path: Path) -> int:
    """Return the version, or 0 if there is none."""
    with closing(sqlite3.connect(path)) as connection:
        has_one = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'usercore_schema'").fetchone()
        version = connection.execute("SELECT version FROM usercore_schema").fetchone() if has_one else (0,)
    return int(version[0])


def shape_of(connection: sqlite3.Connection) -> dict[str, object]:
    """Return the tables and their schemas. The order of columns does not matter."""
    listed = connection.execute(
        "SELECT name, wr, strict FROM pragma_table_list WHERE name LIKE 'usercore_%' AND name <> 'usercore_schema'"
    )
    return {
        name: (
            options,
            sorted(column for _, *column in connection.execute(f"PRAGMA table_xinfo({name})")),
            connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE tbl_name = ? AND type = 'index' ORDER BY name", [name]
            ).fetchall(),
        )
        for name, *options in listed.fetchall()
    }


def test_the_steps_make_the_tables_that_the_entities_describe(path: Path) -> None:
    migrate_file(path)
    with closing(sqlite3.connect(path)) as stepped, closing(sqlite3.connect(":memory:")) as described:
        for table in tables.ALL:
            for statement in table.ddl(TYPES, options_of):
                described.execute(statement)
        assert shape_of(stepped) == shape_of(described)
        assert len(shape_of(stepped)) == len(tables.ALL)


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_step_is_frozen(path: Path, version: int) -> None:
    migrate_file(path, SHIPPED[:version])
    with closing(sqlite3.connect(path)) as fresh, closing(sqlite3.connect(kept_of(version))) as kept:
        assert shape_of(fresh) == shape_of(kept)


@pytest.fixture(params=range(1, VERSION + 1))
def old(request: pytest.FixtureRequest, path: Path) -> int:
    """Copy the fixture of an older schema to the path; return its version."""
    shutil.copyfile(kept_of(request.param), path)
    return int(request.param)


def test_a_store_of_each_schema_opens_and_answers(old: int, path: Path) -> None:
    with UserCore.over(sqlite.open_storage(f"sqlite:///{path}"), HOST) as core:
        ann = core.users.get(Email("ann@example.com"))
        assert core.sign_in.identify(TOKENS[old]).user == ann
        assert core.sign_in.with_password("ann@example.com", PASSWORD).user.id == ann.id
        assert core.users.get(AccessId("a-3")).external_id == "x-1"
        assert {"user.registered", "user.ids_changed"} <= {entry.kind for entry in core.history.of_user(ann.id).rows}
        assert [one.kind for one in core.outbox.pending().rows] == ["user.registered"]
        assert [tenant.key for tenant in core.tenant("system").tenants.list().rows] == ["acme", "main", "system"]
        assert core.users.update(ann.id, note="changed").version == ann.version + 1
    assert version_of(path) == VERSION


def test_each_step_is_one_transaction_with_its_version(path: Path) -> None:
    ran: list[str] = []
    migrate_file(path, LATER, trace=lambda statement: ran.append(statement.split("(")[0]))
    commits = [place for place, statement in enumerate(ran) if statement == "COMMIT"]
    assert len(commits) == len(LATER)
    assert [ran[place - 1] for place in commits] == [
        f"UPDATE usercore_schema SET version = {number}"  # noqa: S608 - what is looked for, and a number
        for number in range(1, len(LATER) + 1)
    ]
    assert ran.count("BEGIN IMMEDIATE") == len(LATER) + 1, "the last one finds nothing to do"


def test_migrating_preserves_rows_and_secret(path: Path) -> None:
    shutil.copyfile(kept_of(1), path)
    for _ in range(2):
        migrate_file(path, LATER)
        with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(kept_of(1))) as before:
            secret = "SELECT secret FROM usercore_schema"
            assert connection.execute(secret).fetchone() == before.execute(secret).fetchone()
            assert connection.execute("SELECT word FROM usercore_words").fetchall() == [("ann@example.com",)]
            assert connection.execute("SELECT later_field FROM usercore_users").fetchall() == [("Ann",)]
    assert version_of(path) == len(LATER)


@pytest.mark.parametrize("place", range(len(MADE_UP) + 1))
def test_a_failing_step_leaves_the_store_unchanged(old: int, path: Path, place: int) -> None:
    failing = [*MADE_UP[:place], "INSERT INTO nowhere VALUES (1)", *MADE_UP[place:]]
    with pytest.raises(StorageError):
        migrate_file(path, [*SHIPPED, failing])
    assert version_of(path) == VERSION >= old
    with closing(sqlite.open_storage(f"sqlite:///{path}")):
        migrate_file(path, LATER)


def test_a_newer_store_is_refused_and_not_changed(path: Path) -> None:
    migrate_file(path, LATER)
    with pytest.raises(NewerSchema) as refused:
        migrate_file(path)
    assert (refused.value.found, refused.value.known) == (len(LATER), VERSION)
    assert version_of(path) == len(LATER)


class Killer:
    """Kills its process when SQLite runs the n-th statement."""

    def __init__(self, place: int) -> None:
        self._left = place

    def __call__(self, _: str) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def migrate_and_be_killed(path: Path, place: int) -> str:
    """Apply steps in another process, which is killed at a statement."""

    def run() -> str:
        migrate_file(path, LATER, trace=Killer(place))
        return "done"

    return in_child(run)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("kept", [None, 1])
def test_a_process_that_is_killed_at_any_statement_does_no_harm(path: Path, kept: int | None) -> None:
    for place in count(1, 1 if IS_THOROUGH else 7):
        for file in path.parent.glob("store.db*"):
            file.unlink()
        if kept is not None:
            shutil.copyfile(kept_of(kept), path)
        said = migrate_and_be_killed(path, place)
        assert version_of(path) in {kept or 0, *range(VERSION, len(LATER) + 1)}
        migrate_file(path, LATER)
        check_whole(path, users=0 if kept is None else 1)
        if said:
            assert said == "done"
            assert place > len(MADE_UP)
            break


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("kept", [None, 1])
def test_a_process_that_is_killed_before_the_file_has_a_wal_does_no_harm(path: Path, kept: int | None) -> None:
    def write_until_killed() -> str:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # pages are written to the file before the commit
        connection.executescript("BEGIN; CREATE TABLE rest (x)")
        connection.executemany("INSERT INTO rest VALUES (?)", [("x" * 1000,)] * 100)
        os.kill(os.getpid(), signal.SIGKILL)
        return "survived"

    if kept is not None:
        shutil.copyfile(kept_of(kept), path)
    before = path.stat().st_size if kept else 0
    assert in_child(write_until_killed) == ""
    assert path.stat().st_size > before
    usercore.open(f"sqlite:///{path}").close()
    migrate_file(path, LATER)
    check_whole(path, users=0 if kept is None else 1)


def check_whole(path: Path, *, users: int) -> None:
    assert version_of(path) == len(LATER)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM usercore_words").fetchone() == (users,)
        assert connection.execute("SELECT count(*) FROM usercore_schema").fetchone() == (1,)


def secret_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (secret,) = connection.execute("SELECT secret FROM usercore_schema").fetchone()
    return bytes(secret).hex()


@pytest.mark.parametrize("kept", [None, 1])
def test_processes_opening_a_file_at_once_apply_each_step_once(path: Path, kept: int | None) -> None:
    def take_steps() -> str:
        migrate_file(path, LATER)
        return secret_of(path)

    if kept is not None:
        shutil.copyfile(kept_of(kept), path)
    assert in_children(PROCESSES, take_steps) == [secret_of(path)] * PROCESSES
    check_whole(path, users=0 if kept is None else 1)


def test_processes_that_open_a_new_store_at_once_share_it(path: Path) -> None:
    def register() -> str:
        name = f"u{os.getpid()}@example.com"
        with usercore.open(f"sqlite:///{path}") as core:
            core.registration.register_external(name)
        return name

    names = in_children(PROCESSES, register)
    with usercore.open(f"sqlite:///{path}") as core:
        assert [core.users.get(Email(name)).email for name in names] == names
    assert len(set(names)) == PROCESSES
