"""All rows of a storage as entities, to compare one kind of storage with another."""

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from usercore.storage import Storage
from usercore_storage.memory.storage import MemoryStorage
from usercore_storage.memory.undo_dict import UndoDict
from usercore_storage.memory.undo_list import UndoList
from usercore_storage.postgres import PostgresStorage
from usercore_storage.sql import tables
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite import SqliteStorage

RowsByTable = dict[str, list[str]]


def rows_of(storage: Storage) -> RowsByTable:
    """Return every field of every row, by the name of the entity."""
    found: RowsByTable = {}
    for entity in _entities_in(storage):
        found.setdefault(type(entity).__name__, []).append(repr(attrs.astuple(entity)))
    return {name: sorted(rows) for name, rows in found.items()}


def _entities_in(storage: Storage) -> Iterable[Any]:
    if isinstance(storage, MemoryStorage):
        return _in_memory(storage)
    if isinstance(storage, SqliteStorage):
        connection = storage.acquire_reader()
        try:
            return list(_in_tables(connection))
        finally:
            storage.release(connection)
    assert isinstance(storage, PostgresStorage)
    return storage.run(lambda connection, _: list(_in_tables(connection)))


def _in_tables(run: Executor) -> Iterator[Any]:
    compared = [table for table in tables.ALL if table is not tables.USER_WORDS]  # in memory users are searched without
    for table in compared:
        yield from map(table.read, run(f"SELECT {table.select} FROM {table.name}"))  # noqa: S608 - our own names


def _in_memory(storage: MemoryStorage) -> Iterator[Any]:
    for repository in vars(storage._runner._unit).values():
        for part in vars(repository).values() if hasattr(repository, "__dict__") else ():
            if isinstance(part, UndoDict):
                yield from (value for value in part.values() if attrs.has(type(value)))
            elif isinstance(part, UndoList):
                yield from (item for _, item in part.everything() if attrs.has(type(item)))
