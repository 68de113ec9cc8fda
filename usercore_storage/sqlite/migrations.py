"""The schema, step by step. A step is frozen once it is released: its text never changes, whatever the tables become.

A newcomer would make tables from the entities at every start; then a renamed field would silently orphan a column.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from usercore.kernel.chance import system_chance
from usercore_storage.sql.table import Table

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID: Final = 0x75636F72
"""``ucor``: how tools such as file(1) tell our files, set on those that we made."""

TYPES: Final[Mapping[str, str]] = {
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "text": "TEXT",
    "tuple": "TEXT",
    "blob": "BLOB",
}

STEPS: Final = ("0001.sql",)
VERSION: Final = len(STEPS)
"""The schema that this usercore knows."""


def options_of(table: Table[Any]) -> str:
    """Give the options of a table: an integer key alone is the row id, others are the table's own tree."""
    return " STRICT" if table.key == ("id",) else " STRICT, WITHOUT ROWID"


def migrate(database: "Database") -> None:
    """Bring the store to this schema, in the transaction that is open. Safe to run again."""
    if "usercore_schema" not in database.table_names():
        database.execute("CREATE TABLE usercore_schema (version INTEGER NOT NULL, secret BLOB NOT NULL) STRICT")
        database.execute("INSERT INTO usercore_schema VALUES (0, ?)", [system_chance(32)])
    (found,) = database.execute("SELECT version FROM usercore_schema").fetchone()
    for step in STEPS[found:]:
        for statement in statements_of(step):
            database.execute(statement)
    database.execute("UPDATE usercore_schema SET version = ?", [VERSION])


def statements_of(step: str) -> list[str]:
    """Give the statements of a step; each ends with a semicolon at the end of its line."""
    text = (files("usercore_storage.sqlite") / "steps" / step).read_text("utf-8")
    return [statement.strip() for statement in text.split(";\n") if statement.strip()]
