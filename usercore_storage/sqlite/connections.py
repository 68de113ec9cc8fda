"""Connections: their settings, and how statements run on them.

``isolation_level=None`` gives usercore control of transactions: the driver would begin them implicitly.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from usercore_storage.sql.executor import Executor, Statement
from usercore_storage.sql.lazy_transaction import LazyTransaction
from usercore_storage.sql.table import Row
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.errors import DRIVER_ERRORS, translate_error, undecodable

BUSY_TIMEOUT_MS: Final = 10_000
"""How long to wait for writers outside the commit queue: other tools, or a host with a joined transaction."""

STATEMENTS: Final = 1024
"""Prepared statements cached per connection. With the driver's 128, running 200 statements in rotation costs three
times as much."""

_PAUSE: Final = 0.005
"""Seconds between two attempts to switch to a WAL, which happens once in the life of a file."""

WAL_LIMIT: Final = 16 * 1024 * 1024
"""Bytes from which ``wal`` truncates the WAL, and to which SQLite itself cuts it when it starts it anew.

Source: usercore: four times the size at which SQLite moves its pages to the file."""

SETTINGS: Final = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",
    f"PRAGMA journal_size_limit = {WAL_LIMIT}",
)
"""Source: usercore: commits are durable, and erased bytes are overwritten."""


def open_connection(path: Path) -> sqlite3.Connection:
    """Open an existing file and apply the settings.

    Raises:
        StorageError: it could not be opened; its subclasses say why.
    """
    try:
        raw = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
    except DRIVER_ERRORS as error:
        raise translate_error(error, path) from error
    try:
        for setting in SETTINGS:
            raw.execute(setting).fetchall()
        _use_wal(raw)
    except DRIVER_ERRORS as error:
        raw.close()
        raise translate_error(error, path) from error
    return raw


def _use_wal(raw: sqlite3.Connection) -> None:
    """Switch to a WAL. The busy timeout does not apply here: SQLite refuses one of two concurrent switches at once."""
    until = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_PAUSE)
        else:
            return


class Statements(Executor):
    """Statements on a connection of usercore's or the host's, by a cursor of their own."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        """Use this connection.

        Raises:
            StorageError: it is closed, or belongs to another thread.
        """
        self.raw = raw
        try:
            cursor = sqlite3.Cursor(raw)  # one for all statements: creating one takes a tenth of the time of a lookup
        except DRIVER_ERRORS as error:
            raise translate_error(error) from error
        cursor.row_factory = None
        self._execute, self._many, self._fetch = cursor.execute, cursor.executemany, cursor.fetchall

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        try:
            self._execute(statement, values)
            return self._fetch()
        except DRIVER_ERRORS as error:
            if (corrupt := undecodable(error, statement)) is not None:
                raise corrupt from None
            raise translate_error(error) from error

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        try:
            self._many(statement, rows)
        except DRIVER_ERRORS as error:
            raise translate_error(error) from error


class Connection(Statements):
    """A connection of usercore's. It writes by its ``unit`` or reads by ``lazy``, so it needs one of them."""

    def __init__(self, path: Path) -> None:
        """Open an existing file.

        Raises:
            StorageError: it could not be opened; its subclasses say why.
        """
        super().__init__(open_connection(path))

    @cached_property
    def unit(self) -> SqlUnit:
        """The unit that writes."""
        return SqlUnit(self)

    @cached_property
    def lazy(self) -> LazyTransaction:
        """The transactions that read."""
        return LazyTransaction(self, self._begin_with)

    def _begin_with(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self("BEGIN")
        return [self(*one) for one in statements]

    def roll_back(self) -> None:
        """Roll back what is open; after some errors SQLite has done so already."""
        if self.raw.in_transaction:
            self("ROLLBACK")

    def close(self) -> None:
        """Close the connection; closing it again does nothing."""
        self.raw.close()
