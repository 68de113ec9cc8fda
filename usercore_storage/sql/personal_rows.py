"""Rows of users by their entity, in SQL. The statements are made from the tables' declarations."""

from typing import Any, Final, TypeVar

from usercore.kernel.ids import UserId
from usercore.storage import ROWS
from usercore.storage.personal_rows import PersonalRows
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

T = TypeVar("T")

_STATEMENTS: Final[dict[Table[Any], str]] = {
    table: f"SELECT {table.select} FROM {table.name} WHERE {table.user} = ? ORDER BY {', '.join(table.key)}"
    for table in ALL
    if table.entity in ROWS and ROWS[table.entity].section is not None  # tests name a row that no descriptor has
}
_TABLES: Final[dict[type, Table[Any]]] = {table.entity: table for table in _STATEMENTS}
LIST: Final = {table.name: text for table, text in _STATEMENTS.items() if table.user == table.shard}


class SqlPersonalRows(PersonalRows):
    """Reads rows in the transaction of the executor."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run
        self.from_all_shards = {  # they are found by keys of their own, each on the shard of its key
            table.name: text for table, text in _STATEMENTS.items() if table.user != table.shard
        }

    def list_of(self, entity: type[T], user_id: UserId, /) -> list[T]:
        table = _TABLES[entity]
        return list(map(table.read, self._run(_STATEMENTS[table], (user_id,))))
