"""Find out why a row cannot be read. This runs only after reading has failed, so readable rows pay nothing for it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from usercore.kernel.errors import Corrupt

if TYPE_CHECKING:
    from usercore_storage.sql.table import Row, Table

UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The errors that reading a value raises if its field cannot have it."""


def diagnosis_of(tables: "Sequence[Table[Any]]") -> "Callable[[Row], Corrupt]":
    """Return a function that finds the unreadable column of a row and returns the error that names it."""

    def diagnose(row: "Row") -> Corrupt:
        columns = [(table, column) for table in tables for column in table.columns]
        for (table, column), stored in zip(columns, row, strict=False):
            read, _ = table.ways_of(column)
            try:
                read(stored)
            except UNREADABLE:
                return Corrupt(f"{table.name}.{column.name} has a value that cannot be read")
        return Corrupt(f"a row of {' and '.join(table.name for table in tables)} cannot be read")

    return diagnose
