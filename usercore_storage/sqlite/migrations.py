"""The schema, step by step. A step is frozen once it is released: its text never changes, whatever the tables become.

A newcomer would make tables from the entities at every start; then a renamed field would silently orphan a column.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usercore.kernel.errors import NewerSchema
from usercore.kernel.randomness import system_randomness
from usercore_storage.sql.steps import steps_beside
from usercore_storage.sql.table import Table
from usercore_storage.sqlite.connections import Connection

APPLICATION_ID: Final = 0x75636F72
"""``ucor``: how tools such as file(1) tell our files, set on those that we made."""

TYPES: Final[Mapping[str, str]] = {
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "text": "TEXT",
    "tuple": "TEXT",
    "blob": "BLOB",
}

STEPS: Final = steps_beside(__file__)
VERSION: Final = len(STEPS)
"""The schema that this usercore knows."""


def options_of(table: Table[Any]) -> str:
    """Give the options of a table: an integer key alone is the row id, others are the table's own tree."""
    return " STRICT" if table.key == ("id",) else " STRICT, WITHOUT ROWID"


def migrate(connection: Connection, *, ours: bool, steps: Sequence[Sequence[str]] | None = None) -> None:
    """Take the steps that the file lacks, each in a transaction with its version.

    Many processes may do so at once, and be killed at any moment. ``ours`` says that an empty file gets our mark;
    ``steps`` are the shipped ones unless others are given, each a list of statements.

    Raises:
        NewerSchema: somebody took more steps than there are here.
        StorageError: a step failed; those before it are kept.
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
    from sqlite_utils import Database  # noqa: PLC0415 - slow to import, and needed only where tables are made

    names = Database(connection.raw, recursive_triggers=False, execute_plugins=False).table_names()
    if "usercore_schema" not in names:
        connection("CREATE TABLE usercore_schema (version INTEGER NOT NULL, secret BLOB NOT NULL) STRICT")
        connection("INSERT INTO usercore_schema VALUES (0, ?)", (system_randomness(32),))
        if ours and not names:
            connection(f"PRAGMA application_id = {APPLICATION_ID}")
    ((taken,),) = connection("SELECT version FROM usercore_schema")
    return int(taken)


def statements_of(step: str) -> list[str]:
    """Give the statements of a step; each ends with a semicolon at the end of its line."""
    from importlib.resources import files  # noqa: PLC0415 - needed only where tables are made

    text = (files("usercore_storage.sqlite") / "steps" / step).read_text("utf-8")
    return [statement.strip() for statement in text.split(";\n") if statement.strip()]
