"""A store in one SQLite file."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import RunAgain, Unavailable
from usercore.kernel.units import Units, run_until_stored
from usercore.kernel.values import frozen
from usercore.storage import CAPABILITIES, FEATURES, Unit
from usercore.storage.recording import UnitContext
from usercore_storage.sql.joined import HostTransaction
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.files import location_of, prepare
from usercore_storage.sqlite.forks import ForkBarrier, between_forks
from usercore_storage.sqlite.identity import StoreFile, secret_in, store_id_of
from usercore_storage.sqlite.joined import joined
from usercore_storage.sqlite.migrations import migrate
from usercore_storage.sqlite.wal import truncate
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")

REWRITTEN_UP_TO: Final = 32 * 1024 * 1024
"""Bytes of a file that is rewritten at once. Source: usercore: that takes about 0.2 s, in which no unit is written."""

UNUSED_SECONDS: Final = 60
"""Seconds with reads after which connections that only a burst of readers used are closed. Source: usercore."""

_abandoned: Final[list[object]] = []
"""The parent's connections in a forked child. SQLite forbids using them there, and closing counts as use."""


def open_storage(url: str) -> "SqliteStorage":
    """Open ``sqlite:///file.db``; create the file and its tables if they are missing.

    Raises:
        ValueError: the URL has another form.
        StorageError: the file cannot be used; its subclasses say why. It is left as it was.
    """
    location = location_of(url)
    with between_forks():
        if prepare(location):
            _make_tables(location.path, ours=not location.shared)
        return SqliteStorage(location.path)


def _make_tables(path: Path, *, ours: bool) -> None:
    connection = Connection(path)
    try:
        migrate(connection, ours=ours)
    finally:
        connection.close()


class SqliteStorage:
    """Many readers, one writer. Safe to share between threads, and usable on both sides of a fork."""

    capabilities = CAPABILITIES
    features = FEATURES

    def __init__(self, path: Path) -> None:
        """Check the file; connections are opened when they are needed, the writing one by the first write."""
        self._path = path
        self._file = StoreFile(path)
        self._closed = False
        self._opening = threading.Lock()
        self._writer: Writer | None = None
        self._readers: list[Connection] = []
        self._unused = self._seconds = 0
        self.barrier = ForkBarrier(self)
        try:
            self.secret = self._read_secret()
        except BaseException:
            self.close()
            raise

    def _read_secret(self) -> bytes:
        connection = self.acquire_reader()
        try:
            secret = secret_in(connection)
        finally:
            self.release(connection)
        self._file.store_id = store_id_of(secret)
        return secret

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return units with this context; see ``Storage``."""
        return SqliteUnits(self, origin)

    def join(self, connection: object) -> HostTransaction:
        """Return units in the host's transaction; see ``Storage``."""
        return joined(connection, secret=self.secret, check_file=self._file.check)

    def writer(self) -> Writer:
        """Return the writing connection; open it if necessary."""
        writer = self._writer
        return self._open_writer() if writer is None else writer

    def _open_writer(self) -> Writer:
        with self._opening:
            if self._closed:
                raise Unavailable("the store is closed")
            if self._writer is None:
                self._writer = Writer(self._path, file=self._file)
            return self._writer

    def acquire_reader(self) -> Connection:
        """Acquire the most recently used reading connection, or open one."""
        if self._closed:
            raise Unavailable("the store is closed")
        if self._file.check_for_reads():
            self._close_unused_readers()
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._file.connect()
            connection("PRAGMA query_only = ON")
        self._unused = min(self._unused, len(self._readers))
        return connection

    def _close_unused_readers(self) -> None:
        """Close connections that were not used for a minute in which there were reads, but for one.

        One stays, because SQLite removes the WAL when the last one is closed.
        """
        self._seconds += 1
        if self._seconds < UNUSED_SECONDS:
            return
        with suppress(IndexError):  # other threads acquire some meanwhile
            for _ in range(min(self._unused, len(self._readers) - 1)):
                self._readers.pop(0).close()
        self._seconds, self._unused = 0, len(self._readers)

    def release(self, connection: Connection) -> None:
        """Roll back and release a reading connection."""
        connection.roll_back()
        self._readers.append(connection)
        if self._closed:
            self._close_readers()

    def purge(self, *, thorough: bool) -> None:
        """Rewrite a file that is small, or any if it is to be thorough, and truncate the WAL; see ``Storage``.

        ``secure_delete`` overwrites what is removed where it is. Two kinds of older copies are left: those of whole
        pages in the WAL, and those of rows that SQLite moved to another page, in the unused space of the former one.
        """
        self.barrier.run(partial(self._purge, thorough=thorough))

    def _purge(self, *, thorough: bool) -> None:
        connection = self._file.connect()
        try:
            if thorough or self._path.stat().st_size <= REWRITTEN_UP_TO:
                connection(f"PRAGMA temp_store = {'FILE' if thorough else 'MEMORY'}")
                connection("VACUUM")
            truncate(connection)
        finally:
            connection.close()

    def close(self) -> None:
        """Wait for the running unit and close; see ``Storage``."""
        with self._opening:
            self._closed = True
        if self._writer is not None:
            self._writer.close()
        self._close_readers()

    def _close_readers(self) -> None:
        while True:
            try:
                self._readers.pop().close()
            except IndexError:
                return

    def close_for_fork(self) -> None:
        """Close all connections before a fork; see ``forks``."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._close_readers()
        self._file.close()

    def abandon(self) -> None:
        """Close in a child whose parent forked inside a unit: SQLite must not be used here."""
        self._closed = True
        if self._writer is not None:
            self._writer.abandon()
        _abandoned.append((self._writer, self._readers))
        self._opening, self._writer, self._readers = threading.Lock(), None, []


@frozen
class SqliteUnits(Units[Unit]):
    """Units with one context."""

    _store: SqliteStorage
    _origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._run(work, wait=True)

    def write_at_once(self, work: Callable[[Unit], T]) -> T:
        return self._run(work, wait=False)

    def _run(self, work: Callable[[Unit], T], *, wait: bool) -> T:
        result, entries = self._store.barrier.run(lambda: self._write(work, wait=wait))
        if entries and self._origin.observe is not None:
            self._origin.observe(entries)
        return result

    def _write(self, work: Callable[[Unit], T], *, wait: bool) -> tuple[T, Sequence[Entry]]:
        writer = self._store.writer()
        return run_until_stored(lambda: writer.run(work, self._origin, wait=wait))

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._store.barrier.run(lambda: self._read(query))

    def _read(self, query: Callable[[Unit], T]) -> T:
        connection = self._store.acquire_reader()
        try:
            return connection.lazy.read(query, self._origin, at_once=False)
        except (
            RunAgain
        ):  # another transaction committed between the first two statements; inside a transaction this cannot happen
            connection.roll_back()
            return connection.lazy.read(query, self._origin, at_once=True)
        finally:
            self._store.release(connection)
