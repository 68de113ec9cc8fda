"""A SQLite store as source or target of a copy."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from usercore.kernel.errors import Unavailable
from usercore.kernel.units import run_until_stored
from usercore_storage.copies.rows import parts_of_key
from usercore_storage.copies.side import CHANGES, CLOSE, CLOSED, NOTE, STATE, CopyStatements, Side, indexes_of
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL
from usercore_storage.sqlite.commit_queue import LONGEST_WAIT
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.errors import DRIVER_ERRORS
from usercore_storage.sqlite.files import StoreLocation, inspect, location_of, prepare
from usercore_storage.sqlite.forks import ForkBarrier, between_forks
from usercore_storage.sqlite.identity import StoreFile
from usercore_storage.sqlite.migrations import TYPES, VERSION, migrate, options_of
from usercore_storage.sqlite.process_lock import ProcessLock
from usercore_storage.sqlite.snapshot_reader import SnapshotReader

T = TypeVar("T")

_EXISTS: Final = f"SELECT 1 FROM sqlite_schema WHERE name = '{STATE}'"
_EVENTS: Final = ("INSERT", "UPDATE", "DELETE")

_abandoned: Final[list[object]] = []


def _key_of(table: Table[Any], row: str) -> str:
    """Return the key of a row in a trigger. JSON functions may not be used there, as the schema is not trusted."""
    return parts_of_key(table, {"integer": f"{row}.{{0}}", "text": f"hex({row}.{{0}})", "blob": f"hex({row}.{{0}})"})


def _notes_of(table: Table[Any]) -> Iterator[str]:
    note = f"INSERT INTO {CHANGES} (name, key)"
    moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in table.key)
    old, new = (f"{note} VALUES ('{table.name}', {_key_of(table, row)})" for row in ("OLD", "NEW"))
    moved_from = f"{note} SELECT '{table.name}', {_key_of(table, 'OLD')} WHERE {moved}"
    for event, body in zip(_EVENTS, (new, f"{new}; {moved_from}", old), strict=True):
        yield f"CREATE TRIGGER {NOTE}_{table.name}_{event} AFTER {event} ON {table.name} BEGIN {body}; END"


def _closes_of(table: Table[Any]) -> Iterator[str]:
    for event in _EVENTS:
        refusal = f"SELECT RAISE(ABORT, '{CLOSED}')"
        yield f"CREATE TRIGGER {CLOSE}_{table.name}_{event} BEFORE {event} ON {table.name} BEGIN {refusal}; END"


def _dropped(trigger: str) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {trigger}_{table.name}_{event}" for table in ALL for event in _EVENTS]


_LOGS_NOT: Final = (*_dropped(NOTE), f"DROP TABLE IF EXISTS {CHANGES}")
_STATEMENTS: Final = CopyStatements(
    log_changes=(
        *_LOGS_NOT,
        f"CREATE TABLE {CHANGES} (no INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL) STRICT",
        *(trigger for table in ALL for trigger in _notes_of(table)),
    ),
    stop_logging=_LOGS_NOT,
    close=(*_dropped(CLOSE), *(trigger for table in ALL for trigger in _closes_of(table))),
    reopen=_dropped(CLOSE),
    make_indexes=indexes_of(TYPES, options_of),
)


class SqliteSide(Side):
    """A file. Reads by one connection and writes by another, which a fork may close between two transactions."""

    statements = _STATEMENTS

    def __init__(self, path: Path) -> None:
        """Open a file."""
        self._file = StoreFile(path)
        self._process_lock = ProcessLock(path)
        self._reader = SnapshotReader(path)
        self._connection: Connection | None = None
        self.barrier = ForkBarrier(self)

    def read(self, query: Callable[[Executor], T], /) -> T:
        return self._reader.query(query)

    def write(self, work: Callable[[Executor], T], /) -> T:
        return run_until_stored(lambda: self.barrier.run(lambda: self._write_in_turn(work)))

    def _write_in_turn(self, work: Callable[[Executor], T]) -> T:
        results: list[T] = []
        self._process_lock.run(lambda: results.append(self._write(work)), max_wait=LONGEST_WAIT)
        return results[0]

    def _write(self, work: Callable[[Executor], T]) -> T:
        connection = self._connection = self._connection or self._file.connect()
        try:
            connection("BEGIN IMMEDIATE")
            result = work(connection)
            self._file.check()
            connection("COMMIT")
        finally:
            connection.roll_back()
        return result

    def script(self, statements: Sequence[str], /, *, alone: bool = False) -> None:  # noqa: ARG002 - a writer is always alone
        def run_all(run: Executor) -> None:
            for statement in statements:
                run(statement)

        self.write(run_all)

    def has_mark(self) -> bool:
        return bool(self.read(lambda run: run(_EXISTS)))

    def close_for_fork(self) -> None:
        """Close the writing connection; a later transaction opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._file.close()

    def abandon(self) -> None:
        """Abandon the parent's connection in a child; see ``forks``."""
        self._process_lock.close()
        _abandoned.append(self._connection)
        self._connection = None

    def end(self) -> None:
        """Close all connections."""
        self.close_for_fork()
        self._reader.close()
        with self._process_lock.lock:
            self._process_lock.close()


@contextmanager
def source(url: str) -> Iterator[Side]:
    """Open a store that is to be copied, as ``check`` does: nothing is created or migrated.

    Raises:
        StorageError: there is no store of this schema; its subclasses say why.
    """
    location = location_of(url)
    with between_forks():
        if inspect(location):
            raise Unavailable(f"{str(location.path)!r} has no store of the schema {VERSION}; open it to migrate it")
    with _opened(location.path) as side:
        yield side


@contextmanager
def target(url: str) -> Iterator[Side]:
    """Open a store that is to be filled; it is created if there is none.

    Raises:
        StorageError: there is another schema, or the file cannot be used; its subclasses say why.
    """
    location = location_of(url)
    with between_forks():
        if not _is_marked(location.path):
            _make(location)
    with _opened(location.path) as side:
        yield side


@contextmanager
def _opened(path: Path) -> Iterator[SqliteSide]:
    side = SqliteSide(path)
    try:
        yield side
    finally:
        side.end()


def _is_marked(path: Path) -> bool:
    """Return whether a copy has marked the file. What else may be there is inspected later."""
    with suppress(OSError, *DRIVER_ERRORS):  # ``inspect`` raises what these say
        if path.is_file():
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                return bool(connection.execute(_EXISTS).fetchall())
    return False


def _make(location: StoreLocation) -> None:
    if not prepare(location):
        return
    connection = Connection(location.path)
    try:
        if connection("SELECT 1 FROM sqlite_schema WHERE name = 'usercore_schema'"):
            raise Unavailable(f"{str(location.path)!r} has not the schema {VERSION}; open it to migrate it")
        migrate(connection, ours=not location.shared)
    finally:
        connection.close()
