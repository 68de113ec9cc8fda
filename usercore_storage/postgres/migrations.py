"""The schema, step by step. A step is frozen once it is released: its text never changes, whatever the tables become.

Many processes may open a new database at once: a lock of the server's lets one after the other look and take a step.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from usercore.kernel.errors import Corrupt, NewerSchema
from usercore.kernel.randomness import system_randomness
from usercore.kernel.units import run_until_kept
from usercore_storage.postgres.connections import Connection
from usercore_storage.sql.steps import steps_beside
from usercore_storage.sql.table import Table

TYPES: Final[Mapping[str, str]] = {
    "integer": "bigint",
    "boolean": "boolean",
    "text": 'text COLLATE "C"',
    "tuple": 'text COLLATE "C"',
    "blob": "bytea",
}
"""Text is ordered by code points, as everywhere else; the order of a language changes with the system's library."""

STEPS: Final = steps_beside(__file__)
VERSION: Final = len(STEPS)
"""The schema that this usercore knows."""

LOCK: Final = 0x75636F72
"""``ucor``: the number of the advisory lock that processes take in turn."""

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '60s'"
"""Each statement sees what was committed before it, so also what others did while this one waited for the lock."""

_IS_THERE: Final = "SELECT 1 FROM pg_class WHERE oid = to_regclass('usercore_schema')"
"""By way of a catalogue, because reading one lets the session hear of tables that others made since its last look."""


def options_of(_: Table[Any]) -> str:
    """Give the options of a table: none."""
    return ""


def migrate(connection: Connection, *, steps: Sequence[str] | None = None) -> bytes:
    """Bring the store to this schema, a transaction a step, and give its secret. Safe to run again.

    ``steps`` are the texts of the shipped steps unless others are passed.

    Raises:
        NewerSchema: a newer usercore made it.
        Corrupt: it has our tables, and no version.
        StorageError: the server refused.
    """
    version, secret = found_in(connection)
    if version == VERSION and steps is None:
        return secret
    known = list(map(text_of, STEPS)) if steps is None else steps
    connection.allow_long_statements()
    while version < len(known):
        run_until_kept(lambda: _take_step(connection, known))
        version, secret = found_in(connection)
    if version > len(known):
        raise NewerSchema(version, len(known))
    return secret


def found_in(connection: Connection) -> tuple[int, bytes]:
    """Give the version of the schema and the secret; 0 where there are no tables.

    Raises:
        Corrupt: there is no version, or there are several.
    """
    if not connection(_IS_THERE):
        return 0, b""
    rows = connection("SELECT version, secret FROM usercore_schema")
    if len(rows) != 1:
        raise Corrupt
    return rows[0][0], rows[0][1]


def _take_step(connection: Connection, steps: Sequence[str]) -> None:
    """Take the next step, if it is still to be taken when it is our turn."""
    try:
        connection.command(_BEGIN)
        connection("SELECT pg_advisory_xact_lock(?)", (LOCK,))
        version, secret = found_in(connection)
        if not secret:
            connection.command("CREATE TABLE usercore_schema (version bigint NOT NULL, secret bytea NOT NULL)")
            connection("INSERT INTO usercore_schema VALUES (0, ?)", (system_randomness(32),))
        if version < len(steps):
            connection.command(steps[version])
            connection("UPDATE usercore_schema SET version = ?", (version + 1,))
        connection.commit()
    finally:
        connection.roll_back()


def text_of(step: str) -> str:
    """Read a step."""
    return (files("usercore_storage.postgres") / "steps" / step).read_text("utf-8")
