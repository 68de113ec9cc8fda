"""Every connection has usercore's settings, and every file of a store is private to its owner."""

import gc
import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import attrs
import pytest

import usercore
from tests.faults.filled_stores import build
from tests.faults.fork_helpers import in_child
from tests.faults.public_calls import CALLS
from usercore import UsercoreError
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.connections import STATEMENTS, Connection
from usercore_storage.sqlite.migrations import APPLICATION_ID

SETTINGS: Final = {
    "busy_timeout": 10_000,
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "secure_delete": 1,
    "journal_size_limit": 16 * 1024 * 1024,
}
"""SQLite's values: 2 is FULL, 1 is on. Source: usercore."""


def settings_of(connection: Connection) -> dict[str, object]:
    """Return the settings that the connection reports."""
    found = {name: connection(f"PRAGMA {name}")[0][0] for name in (*SETTINGS, "query_only")}
    return found | {"isolation": connection.raw.isolation_level, "statements": statements_kept_by(connection)}


def statements_kept_by(connection: Connection) -> int:
    """Return the size of the driver's statement cache, which it does not expose."""
    (cache,) = (one for one in gc.get_referents(connection.raw) if hasattr(one, "cache_info"))
    size: int = cache.cache_info().maxsize
    return size


def settings_of_all(store: SqliteStorage) -> list[dict[str, object]]:
    """Return the settings of the writer, a first and a second reader, and one that was released and acquired again."""
    first, second = store.acquire_reader(), store.acquire_reader()
    found = [settings_of(connection) for connection in (store.writer()._connection, first, second)]
    for connection in (second, first):
        store.release(connection)
    again = store.acquire_reader()
    assert again is first
    store.release(again)
    return [*found, settings_of(again)]


OURS: Final = SETTINGS | {"isolation": None, "statements": STATEMENTS}
EXPECTED: Final = [OURS | {"query_only": read_only} for read_only in (0, 1, 1, 1)]


def test_every_connection_has_all_settings(store: SqliteStorage) -> None:
    assert settings_of_all(store) == EXPECTED


def test_connections_on_both_sides_of_a_fork_have_all_settings(store: SqliteStorage) -> None:
    assert json.loads(in_child(lambda: json.dumps(settings_of_all(store)))) == EXPECTED
    assert settings_of_all(store) == EXPECTED


def test_a_store_that_was_made_with_other_settings_gets_ours(path: Path, store: SqliteStorage) -> None:
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with closing(SqliteStorage(path)) as again:
        assert settings_of_all(again) == EXPECTED


def test_every_table_is_strict(store: SqliteStorage) -> None:
    tables = store.writer()._connection("SELECT name, strict FROM pragma_table_list WHERE name LIKE 'usercore%'")
    assert len(tables) > 1
    assert [name for name, strict in tables if not strict] == []


@pytest.fixture
def no_mask() -> Iterator[None]:
    """Set a mask with which new files are readable by all users."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_mask")
def test_only_its_owner_can_read_the_files_of_a_store(path: Path) -> None:
    with usercore.open(f"sqlite:///{path}") as core:
        core.registration.register("ann@example.com")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["store.db", "store.db-lock", "store.db-shm", "store.db-wal"], 0o600)


def application_id_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA application_id").fetchone()
    return int(found)


def test_a_file_that_we_made_is_marked_as_ours(path: Path) -> None:
    usercore.open(f"sqlite:///{path}").close()
    assert application_id_of(path) == APPLICATION_ID == int.from_bytes(b"ucor", "big")


@pytest.mark.parametrize("mark", [0, 7])
def test_a_shared_file_keeps_its_application_id(path: Path, mark: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA application_id = {mark}; CREATE TABLE people (name)")
    usercore.open(f"sqlite:///{path}?shared=1").close()
    usercore.open(f"sqlite:///{path}").close()
    assert application_id_of(path) == mark


@attrs.frozen
class Noting(Executor):
    """Runs statements as a connection does, and records the texts of those that run for one row.

    In bulk they vary with the columns that are used, and one preparation for many rows costs nothing.
    """

    connection: Connection
    texts: set[str]

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        self.texts.add(statement)
        return self.connection(statement, values)

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        self.connection.many(statement, rows)


def texts_in(names: Mapping[str, object]) -> Iterator[str]:
    """Yield the statements of a module or a repository, also those that vary with the number of keys."""
    for value in names.values():
        if isinstance(value, Table):
            yield value.insert
        for text in value.values() if isinstance(value, dict) else (value,):
            if isinstance(text, str) and text.startswith(("SELECT ", "INSERT ", "UPDATE ", "DELETE ")):
                yield text


def all_texts(unit: SqlUnit) -> set[str]:
    """Return the statements that the repositories of a unit can run."""
    repositories = [one for one in vars(unit).values() if type(one).__module__.startswith("usercore_storage.sql.")]
    modules = [sys.modules[type(one).__module__] for one in repositories]
    return {text for one in (*modules, *repositories) for text in texts_in(vars(one))}


def test_the_cache_has_room_for_all_statements(store: SqliteStorage) -> None:
    filled, run = build(store), set[str]()
    writer, reader = store.writer()._connection, store.acquire_reader()
    for connection in (writer, reader):
        connection.unit = SqlUnit(Noting(connection, run))
    store.release(reader)
    for call in (call for call in CALLS if str(call) != "core.close"):
        with suppress(UsercoreError):  # some calls fail because another one ran before
            call.of(filled)(**call.arguments(filled))
    known = all_texts(writer.unit)
    parts = {text for text in run if "SAVEPOINT" in text}  # constants of ``SqlUnit.in_savepoint``
    assert run - parts <= known, "the text of a statement does not vary"
    assert len(run) > 30
    assert len(known) + 20 <= STATEMENTS, "with some left for BEGIN, COMMIT and their like"
