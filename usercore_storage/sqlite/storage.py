"""A store in one SQLite file."""

import os
import sqlite3
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import get_ident
from typing import Any, Final, TypeVar

import attrs

from usercore.kernel.errors import Unavailable
from usercore.kernel.units import Units, run_until_kept
from usercore.storage import CAPABILITIES, Unit
from usercore.workflows.recording import Origin
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.errors import mapped
from usercore_storage.sqlite.files import place_of, prepare
from usercore_storage.sqlite.migrations import APPLICATION_ID, migrate
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")

_stores: "weakref.WeakSet[SqliteStorage]" = weakref.WeakSet()
_left_behind: Final[list[Any]] = []
"""Connections of the parent in a forked child. SQLite forbids to use them there, and closing them counts as use."""


def open_storage(url: str) -> "SqliteStorage":
    """Open ``sqlite:///file.db``; make the file and its tables if they are missing.

    Raises:
        ValueError: the URL has another form.
        StorageError: the file cannot be used; its subclasses say why. It is left as it was.
    """
    place = place_of(url)
    if prepare(place):
        _make_tables(place.path, ours=not place.shared)
    return SqliteStorage(place.path)


def _make_tables(path: Path, *, ours: bool) -> None:
    from sqlite_utils import Database  # noqa: PLC0415 - slow to import, and needed only where tables are made

    connection = Connection(path)
    try:
        connection("BEGIN IMMEDIATE")  # processes race to be the first
        migrate(Database(connection.raw))
        if ours:
            connection(f"PRAGMA application_id = {APPLICATION_ID}")
        connection("COMMIT")
    except sqlite3.Error as error:
        raise mapped(error) from error
    finally:
        connection.roll_back()
        connection.close()


class SqliteStorage:
    """Many readers, one writer. Safe to share between threads, and usable on both sides of a fork."""

    capabilities = CAPABILITIES

    def __init__(self, path: Path) -> None:
        """Open the writing connection; readers open theirs when they are needed."""
        self._path = path
        self._closed = False
        self._start()
        _stores.add(self)
        connection = self.take_reader()
        (self.secret,) = connection("SELECT secret FROM usercore_schema")[0]
        self.give_back(connection)

    def _start(self) -> None:
        self._readers: list[Connection] = []
        self.writer = Writer(self._path)
        self.inside: set[int] = set()
        """The threads that are inside a unit now: a unit in a unit would wait for itself."""

    def units(self, origin: Origin) -> Units[Unit]:
        """Give units of this origin; see ``Storage``."""
        return SqliteUnits(self, origin)

    def take_reader(self) -> Connection:
        """Take the reading connection that was used last, or open one."""
        if self._closed:
            raise Unavailable
        try:
            return self._readers.pop()
        except IndexError:
            connection = Connection(self._path)
            connection("PRAGMA query_only = ON")
            return connection

    def give_back(self, connection: Connection) -> None:
        """Put a reading connection back, ready for the next."""
        connection.roll_back()
        self._readers.append(connection)
        if self._closed:
            self._close_readers()

    def close(self) -> None:
        """Wait for the unit that is running and close; see ``Storage``."""
        self._closed = True
        self.writer.close()
        self._close_readers()

    def _close_readers(self) -> None:
        while True:
            try:
                self._readers.pop().close()
            except IndexError:
                return

    def leave_behind(self) -> None:
        """Start afresh in a forked child."""
        _left_behind.append((self._readers, self.writer))
        if not self._closed:
            self._start()


@attrs.frozen
class SqliteUnits(Units[Unit]):
    """Units of one origin."""

    _store: SqliteStorage
    _origin: Origin

    def write(self, work: Callable[[Unit], T]) -> T:
        result, entries = self._alone(lambda: run_until_kept(lambda: self._store.writer.run(work, self._origin)))
        if entries and self._origin.observe is not None:
            self._origin.observe(entries)
        return result

    def read(self, look: Callable[[Unit], T]) -> T:
        return self._alone(lambda: self._look(look))

    def _look(self, look: Callable[[Unit], T]) -> T:
        connection = self._store.take_reader()
        try:
            connection("BEGIN")  # one state for all statements
            connection.unit.begin(self._origin)
            return look(connection.unit)
        finally:
            self._store.give_back(connection)

    def _alone(self, run: Callable[[], T]) -> T:
        inside, thread = self._store.inside, get_ident()
        if thread in inside:
            msg = "a unit is open in this thread already; let the service join it by Joined(unit)"
            raise RuntimeError(msg)
        inside.add(thread)
        try:
            return run()
        finally:
            inside.discard(thread)


def _leave_all_behind() -> None:
    for store in list(_stores):
        store.leave_behind()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_behind)
