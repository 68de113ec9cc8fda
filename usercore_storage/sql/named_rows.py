"""A base for repositories of entities whose name is unique in their tenant. See ``usercore.kernel.named``."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from usercore.kernel.changes import Subject
from usercore.kernel.errors import NotFound
from usercore.kernel.text import unique_key
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.table import Row, Table

T = TypeVar("T")


@cache
def _updater_of(table: Table[T]) -> tuple[str, Callable[[T], Row]]:
    """Return what replaces a row. Cached, because it is compiled, and each connection has a unit."""
    update, values_of = table.updater("change_no")
    return update.replace(" SET ", " SET name_folded = ?, ", 1), values_of


class SqlNamedRows(Generic[T]):
    """Stores the entities of one table, which is small enough for every shard to have a copy of it."""

    def __init__(
        self, run: Executor, unit: RecordingUnit, table: Table[T], *, subject: Subject, not_found: type[NotFound]
    ) -> None:
        """Write the statements for this table; see the entities of this unit's tenant, and number their changes."""
        self._run = run
        self._unit = unit
        self._table = table
        self._subject = subject
        self._not_found = not_found
        own = "tenant_id = ? AND deleted_at IS NULL"
        select = f"SELECT {table.select} FROM {table.name} WHERE"
        self._get = f"{select} {own} AND id = ?"
        self._get_many = {size: f"{select} {own} AND id IN ({marks(size)})" for size in SIZES}
        self._by_name = f"{select} {own} AND name_folded = ?"
        self._lock = (
            f"UPDATE {table.name} SET change_no = change_no + 1 WHERE {own} AND id = ? RETURNING {table.select}"
        )
        self._replace, self._replaced = _updater_of(table)
        self._deleted = f"{select} deleted_at IS NOT NULL ORDER BY deleted_at LIMIT ?"
        self._remove_deleted = f"DELETE FROM {table.name} WHERE id = ? AND deleted_at IS NOT NULL"

    def add(self, entity: Any) -> None:  # noqa: ANN401 - has the fields that named entities have
        self._run(self._table.insert, self._table.row(entity))
        self._unit.number(self._subject, entity.id, entity.change_no)

    def get(self, entity_id: int) -> T | None:
        return self._one(self._get, entity_id)

    def get_many(self, ids: Sequence[int]) -> list[T]:
        tenant_id = self._unit.tenant_id
        rows = [row for some in in_sizes(ids) for row in self._run(self._get_many[len(some)], (tenant_id, *some))]
        return list(map(self._table.read, rows))

    def find_by_name(self, name: str) -> T | None:
        return self._one(self._by_name, unique_key(name))

    def lock(self, entity_id: int) -> T:
        locked: Any = self._one(self._lock, entity_id)
        if locked is None:
            raise self._not_found
        self._unit.number(self._subject, locked.id, locked.change_no)
        entity: T = locked
        return entity

    def replace(self, entity: Any) -> None:  # noqa: ANN401 - as above
        self._run(self._replace, (unique_key(entity.name), *self._replaced(entity)))

    def list_deleted(self, limit: int) -> list[T]:
        return self._all(self._deleted, (limit,))

    def remove_deleted(self, entity_id: int) -> None:
        self._run(self._remove_deleted, (entity_id,))

    def _one(self, statement: str, value: object) -> T | None:
        rows = self._run(statement, (self._unit.tenant_id, value))
        return self._table.read(rows[0]) if rows else None

    def _all(self, statement: str, values: Row) -> list[T]:
        return list(map(self._table.read, self._run(statement, values)))
