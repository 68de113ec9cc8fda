"""Read a store through one connection that changes nothing, and that a fork may close between two queries."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from usercore.kernel.errors import RunAgain, StorageError
from usercore.kernel.units import run_until_stored
from usercore_storage.sqlite.connections import BUSY_TIMEOUT_MS, Statements
from usercore_storage.sqlite.errors import DRIVER_ERRORS, translate_error, translate_os_error
from usercore_storage.sqlite.forks import ForkBarrier
from usercore_storage.sqlite.identity import StoreFile
from usercore_storage.sqlite.wal_owner import wal_of

T = TypeVar("T")

SETTINGS: Final = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA query_only = ON",
)

_STEPS: Final = 100_000
"""Steps of SQLite's virtual machine between two checks for a waiting fork: some milliseconds."""

_abandoned: Final[list[object]] = []


class SnapshotReader:
    """Runs queries on the file, one after the other, each on one snapshot. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Read this file; the first query opens the connection.

        Raises:
            StorageError: there is no file, or none that may be a store; its subclasses say why.
        """
        self._file = StoreFile(path)
        self._connection: Statements | None = None
        self.barrier = ForkBarrier(self)

    def query(self, query: Callable[[Statements], T]) -> T:
        """Run a function on one snapshot of the store; it runs again if a fork interrupted it.

        Raises:
            LostRace: forks interrupted it again and again.
            StoreMoved: another file is at the path by now.
            StorageError: the store could not be read.
        """
        return run_until_stored(lambda: self.barrier.run(lambda: self._run(query)))

    def _run(self, query: Callable[[Statements], T]) -> T:
        connection = self._opened()
        try:
            connection("BEGIN")
            result = query(connection)
            self._file.check()
        except StorageError as error:
            if self.barrier.is_shut:  # not a failure: it was stopped for a fork
                raise RunAgain from error
            raise
        finally:
            if connection.raw.in_transaction:
                connection("ROLLBACK")
        return result

    def _opened(self) -> Statements:
        if self._connection is None:
            self._file.check()
            raw = _connect(self._file.path)
            raw.set_progress_handler(lambda: self.barrier.is_shut, _STEPS)
            self._connection = Statements(raw)
        return self._connection

    def close_for_fork(self) -> None:
        """Close the connection; a later query opens another."""
        if self._connection is not None:
            self._connection.raw.close()
        self._connection = None

    close = close_for_fork

    def abandon(self) -> None:
        """Abandon the parent's connection in a child; see ``forks``."""
        _abandoned.append(self._connection)
        self._connection = None


def _connect(path: Path) -> sqlite3.Connection:
    """Connect so that closing changes nothing.

    The last connection to close moves what is in the WAL to the file, if it may write. Where there is nothing to move
    it must be able to write, or an empty WAL would remain.
    """
    mode = "ro" if _size_of(wal_of(path)) else "rw"
    try:
        raw = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)
    except DRIVER_ERRORS as error:
        raise translate_error(error, path) from error
    raw.text_factory = lambda data: data.decode(
        "utf-8", "surrogateescape"
    )  # the driver would raise for text that is not UTF-8
    try:
        for setting in SETTINGS:
            raw.execute(setting).fetchall()
    except DRIVER_ERRORS as error:
        raw.close()
        raise translate_error(error, path) from error
    return raw


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise translate_os_error(error, path) from error
