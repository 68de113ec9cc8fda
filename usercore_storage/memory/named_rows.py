"""A base for repositories of entities whose name is unique in their tenant. See ``usercore.kernel.named``."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import NotFound
from usercore.kernel.ids import TenantId
from usercore.kernel.text import unique_key
from usercore.kernel.time import LAST
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own

T = TypeVar("T")


class MemoryNamedRows(Generic[T]):
    """Stores entities by id, and the ids of those that are not deleted by tenant and name."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit, *, subject: Subject, not_found: type[NotFound]) -> None:
        self._rows = UndoDict[int, Any](undo)
        self._names = UndoDict[tuple[TenantId, str], int](undo)
        self._unit = unit
        self._subject = subject
        self._not_found = not_found

    def add(self, entity: Any) -> None:  # noqa: ANN401 - has the fields that named entities have
        if entity.deleted_at is None:
            self._names.add(_name_of(entity), entity.id)
        self._rows.add(entity.id, entity)
        self._unit.number(self._subject, entity.id, entity.change_no)

    def get(self, entity_id: int) -> T | None:
        row = self._rows.get(entity_id)
        is_there = row is not None and row.tenant_id == self._unit.tenant_id and row.deleted_at is None
        return row if is_there else None

    def get_many(self, ids: Sequence[int]) -> list[T]:
        return [row for row in map(self.get, dict.fromkeys(ids)) if row is not None]

    def find_by_name(self, name: str) -> T | None:
        entity_id = self._names.get((self._unit.tenant_id, unique_key(name)))
        return None if entity_id is None else self.get(entity_id)

    def lock(self, entity_id: int) -> T:
        row: Any = self.get(entity_id)
        if row is None:
            raise self._not_found
        locked: T = evolve(row, change_no=row.change_no + 1)
        self._rows.put(entity_id, locked)
        self._unit.number(self._subject, entity_id, row.change_no + 1)
        return locked

    def replace(self, entity: Any) -> None:  # noqa: ANN401 - as above
        stored = self._rows.get(entity.id)
        if stored is None:
            return
        new = with_own(entity, stored, "tenant_id", "change_no")
        if new.deleted_at is not None:
            self._names.remove(_name_of(stored))
        elif _name_of(new) != _name_of(stored):
            self._names.add(_name_of(new), entity.id)
            self._names.remove(_name_of(stored))
        self._rows.put(entity.id, new)

    def list_deleted(self, limit: int) -> list[T]:
        return oldest(self._rows.values(), lambda row: row.deleted_at, before=LAST, limit=limit)

    def remove_deleted(self, entity_id: int) -> None:
        row = self._rows.get(entity_id)
        if row is not None and row.deleted_at is not None:
            self._rows.remove(entity_id)

    def _own(self) -> Iterator[tuple[str, T]]:
        """Iterate over the entities of the unit's tenant with the keys of their names, in any order."""
        for (tenant_id, name), entity_id in self._names.items():
            if tenant_id == self._unit.tenant_id:
                yield name, self._rows.get(entity_id)  # type: ignore[misc]  # a name always has its row


def _name_of(entity: Any) -> tuple[TenantId, str]:  # noqa: ANN401 - as above
    return entity.tenant_id, unique_key(entity.name)
