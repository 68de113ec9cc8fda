"""A base for repositories whose rows belong to users: add, get, list, put and remove by key.

Statements are attributes, so that the checks of all statements find them.
"""

from functools import cache
from typing import Any, Generic, TypeVar

from usercore.kernel.ids import UserId
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row, Table

T = TypeVar("T")


class SqlRows(Generic[T]):
    """Stores the rows of one table, whose key is the user and perhaps more, in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, table: Table[T]) -> None:
        """Use the statements of this table."""
        self._run = run
        self._table = table
        self._get, self._put, self._remove, self._list = _statements_of(table)

    def add(self, row: T) -> None:
        self._run(self._table.insert, self._table.row(row))

    def get(self, user_id: UserId, *rest: Any) -> T | None:  # noqa: ANN401 - the key's types are the table's
        rows = self._run(self._get, (user_id, *rest))
        return self._table.read(rows[0]) if rows else None

    def list_of(self, user_id: UserId) -> list[T]:
        return self._all(self._list, (user_id,))

    def put(self, row: T) -> None:
        self._run(self._put, self._table.row(row))

    def remove(self, user_id: UserId, *rest: Any) -> bool:  # noqa: ANN401 - as above
        return bool(self._run(self._remove, (user_id, *rest)))

    def _all(self, statement: str, values: Row) -> list[T]:
        return list(map(self._table.read, self._run(statement, values)))


@cache
def _statements_of(table: Table[Any]) -> tuple[str, str, str, str]:
    """Write the statements that get, put, remove and list the rows of a table: once, and not for each connection."""
    user, *rest = table.key
    where = " AND ".join(f"{name} = ?" for name in table.key)
    fields = [column.name for column in (*table.extra, *table.columns) if column.name not in table.fixed]
    sets = ", ".join(f"{name} = excluded.{name}" for name in fields)
    return (
        f"SELECT {table.select} FROM {table.name} WHERE {where}",
        f"{table.insert} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {sets}",
        f"DELETE FROM {table.name} WHERE {where} RETURNING {user}",
        f"SELECT {table.select} FROM {table.name} WHERE {user} = ? ORDER BY {', '.join(rest or [user])}",
    )
