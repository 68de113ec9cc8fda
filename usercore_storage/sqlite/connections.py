"""Connections: how they are set up, and how statements run on them.

``isolation_level=None`` leaves transactions to us: the driver would open them at moments of its own.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from usercore_storage.sql.run import Run
from usercore_storage.sql.table import Row, Rows
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.errors import mapped

BUSY_TIMEOUT_MS: Final = 10_000
"""How long to wait for writers that do not know our line: other tools, or a host that joined."""

STATEMENTS: Final = 512
"""Prepared statements kept a connection. With the driver's 128, 200 statements in turn cost three times as much."""

SETTINGS: Final = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",
)
"""Source: design, 4.10: durable, and erased bytes are gone."""


class Connection(Run):
    """One connection with its unit."""

    def __init__(self, path: Path) -> None:
        """Open the file, which exists, and make the settings.

        Raises:
            StorageError: it could not be opened; its subclasses say why.
        """
        try:
            self.raw = sqlite3.connect(
                f"{path.as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=STATEMENTS,
            )
        except sqlite3.Error as error:
            raise mapped(error) from error
        try:
            for setting in SETTINGS:
                self.raw.execute(setting).fetchall()
        except sqlite3.Error as error:
            self.raw.close()
            raise mapped(error) from error
        cursor = self.raw.cursor()  # one for all statements: making one takes a tenth of a look-up
        self._execute, self._fetch = cursor.execute, cursor.fetchall
        self.unit = SqlUnit(self)

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> Rows:
        try:
            self._execute(statement, values)
            return self._fetch()
        except sqlite3.Error as error:
            raise mapped(error) from error

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        try:
            self.raw.executemany(statement, rows)
        except sqlite3.Error as error:
            raise mapped(error) from error

    def roll_back(self) -> None:
        """Take back whatever is open; after some errors SQLite has done so already."""
        if self.raw.in_transaction:
            self("ROLLBACK")

    def close(self) -> None:
        """Close; closing again does nothing."""
        self.raw.close()
