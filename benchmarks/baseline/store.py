"""The connection, and what all calls by hand share."""

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import count
from json import JSONEncoder
from pathlib import Path
from typing import Final
from unicodedata import normalize

from usercore.kernel.chance import Chance, system_chance
from usercore.kernel.context import MAIN
from usercore.kernel.ids import EPOCH_MS
from usercore.kernel.time import Clock

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

to_json: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_LONGEST: Final = 255
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Store:
    """One connection that lives long. Each kind of call by hand is a subclass."""

    def __init__(self, path: Path, clock: Clock, chance: Chance = system_chance) -> None:
        """Open the file and make the settings."""
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self.execute = self.connection.cursor().execute  # one cursor for all statements, read at once
        for setting in SETTINGS:
            self.execute(f"PRAGMA {setting}").fetchall()
        (self.key,) = self.execute("SELECT secret FROM usercore_schema").fetchone()
        self.clock, self.chance = clock, chance
        started = micros_of(clock()) // 1000 - EPOCH_MS
        self.new_id = count(started << 12).__next__

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def line(text: str) -> str:
    """Give a line of text as it is kept.

    Raises:
        ValueError: it is too long, or cannot be shown.
    """
    if len(text) > _LONGEST or not text.isprintable():
        raise ValueError(text)
    return normalize("NFC", text).strip()


def micros_of(at: datetime) -> int:
    """Give microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND
