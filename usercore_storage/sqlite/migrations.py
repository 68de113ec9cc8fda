"""Migrate the schema step by step. A step is frozen once it is released: its text never changes.

Creating tables from the entities at every start would silently orphan the column of a renamed field.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usercore.kernel.errors import NewerSchema
from usercore.kernel.randomness import system_randomness
from usercore_storage.sql.steps import steps_beside
from usercore_storage.sql.table import Table
from usercore_storage.sqlite.connections import Connection

APPLICATION_ID: Final = 0x75636F72
"""``ucor``: the mark by which tools such as file(1) recognise files that usercore created."""

TYPES: Final[Mapping[str, str]] = {
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "text": "TEXT",
    "tuple": "TEXT",
    "blob": "BLOB",
}

STEPS: Final = steps_beside(__file__)
VERSION: Final = len(STEPS)
"""The schema version that this usercore knows."""


def options_of(table: Table[Any]) -> str:
    """Return the options of a table: a single integer key is the row id, others have no row id."""
    return " STRICT" if table.key == ("id",) else " STRICT, WITHOUT ROWID"


def migrate(connection: Connection, *, ours: bool, steps: Sequence[Sequence[str]] | None = None) -> None:
    """Apply the steps that the file lacks, each in a transaction with its version.

    Many processes may do so at once, and be killed at any moment. ``ours`` means that an empty file gets usercore's
    mark; ``steps`` are the shipped ones unless others are given, each a list of statements.

    Raises:
        NewerSchema: the file has more steps than this usercore knows.
        StorageError: a step failed; the earlier ones are committed.
    """
    known = list(map(statements_of, STEPS)) if steps is None else steps
    while _takes_step(connection, known, ours=ours):
        pass


def _takes_step(connection: Connection, steps: Sequence[Sequence[str]], *, ours: bool) -> bool:
    try:
        connection("BEGIN IMMEDIATE")  # processes race to be the first
        taken = _steps_taken(connection, ours=ours)
        if taken > len(steps):
            raise NewerSchema(taken, len(steps))
        if taken == len(steps):
            return False
        for statement in steps[taken]:
            connection(statement)
        connection("UPDATE usercore_schema SET version = ?", (taken + 1,))
        connection("COMMIT")
    finally:
        connection.roll_back()
    return True


def _steps_taken(connection: Connection, *, ours: bool) -> int:
    from sqlite_utils import Database  # noqa: PLC0415 - slow to import, and needed only to create tables

    names = Database(connection.raw, recursive_triggers=False, execute_plugins=False).table_names()
    if "usercore_schema" not in names:
        connection("CREATE TABLE usercore_schema (version INTEGER NOT NULL, secret BLOB NOT NULL) STRICT")
        connection("INSERT INTO usercore_schema VALUES (0, ?)", (system_randomness(32),))
        if ours and not names:
            connection(f"PRAGMA application_id = {APPLICATION_ID}")
    ((taken,),) = connection("SELECT version FROM usercore_schema")
    return int(taken)


def statements_of(step: str) -> list[str]:
    """Return the statements of a step; each ends with a semicolon at the end of its line."""
    from importlib.resources import files  # noqa: PLC0415 - needed only to create tables

    text = (files("usercore_storage.sqlite") / "steps" / step).read_text("utf-8")
    return [statement.strip() for statement in text.split(";\n") if statement.strip()]
