"""The connection and the helpers that all calls by hand share."""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from json import JSONEncoder
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from unicodedata import normalize

from usercore.kernel.context import MAIN
from usercore.kernel.ids import EPOCH_MS
from usercore.kernel.randomness import Randomness, system_randomness
from usercore.kernel.time import Clock

T = TypeVar("T")

TENANT: Final = int(MAIN)
SETTINGS: Final = (
    "busy_timeout = 10000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "secure_delete = ON",
)
"""The same as usercore's."""

SECRET: Final = "SELECT secret FROM usercore_schema"

to_json: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_LONGEST: Final = 255
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Store(Protocol):
    """A long-lived connection to SQLite or PostgreSQL. Statements have question marks, numbered or not."""

    @property
    def key(self) -> bytes:
        """The store's secret."""

    @property
    def execute(self) -> Callable[..., Any]:
        """Runs a statement with its values and returns a cursor, which is read at once."""

    @property
    def many(self) -> Callable[[str, Iterable[tuple[Any, ...]]], object]:
        """Runs a statement for each row."""

    def write(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - passed through
        """Run ``work`` with these values in a transaction."""

    def close(self) -> None:
        """Close the connection."""


class SqliteStore:
    """A connection to a file."""

    def __init__(self, path: Path) -> None:
        """Open the file and apply the settings. Any thread may use the store, but only one at a time."""
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False)
        self.execute: Callable[..., Any] = self.connection.cursor().execute  # one cursor for all statements
        self.many = self.connection.executemany
        for setting in SETTINGS:
            self.execute(f"PRAGMA {setting}").fetchall()
        (self.key,) = self.execute(SECRET).fetchone()

    def write(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - passed through
        """Run ``work`` in a transaction; see ``Store``."""
        self.execute("BEGIN IMMEDIATE")
        try:
            result = work(*values)
            self.execute("COMMIT")
        except BaseException:
            self.execute("ROLLBACK")
            raise
        return result

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


class ByHand:
    """A kind of call by hand, on a store of its own."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness = system_randomness) -> None:
        """Use this store."""
        self.store, self.clock, self.randomness = store, clock, randomness
        self.execute, self.many, self.key = store.execute, store.many, store.key
        started = micros_of(clock()) // 1000 - EPOCH_MS
        self.new_id = count(started << 12).__next__

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def line(text: str) -> str:
    """Return a line of text as it is stored.

    Raises:
        ValueError: it is too long, or has unprintable characters.
    """
    if len(text) > _LONGEST or not text.isprintable():
        raise ValueError(text)
    return normalize("NFC", text).strip()


def micros_of(at: datetime) -> int:
    """Return microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND
