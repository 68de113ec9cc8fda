"""Several calls as one, in memory and on SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.storages.atomic import AtomicCases
from usercore.storage import Storage
from usercore_storage import memory, sqlite
from usercore_storage.memory.undo_dict import UndoDict
from usercore_storage.memory.undo_list import UndoList
from usercore_storage.sql import tables


class TestMemory(AtomicCases):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = memory.open_storage("memory://")
        yield storage
        storage.close()

    def dump(self, storage: Storage, /) -> object:
        assert isinstance(storage, memory.MemoryStorage)
        return {
            (name, field): dumped
            for name, repository in vars(storage._runner._unit).items()
            for field, rows in getattr(repository, "__dict__", {}).items()
            if (dumped := _rows_of(rows))
        }


def _rows_of(rows: object) -> list[str]:
    if isinstance(rows, UndoDict):
        return sorted(map(repr, rows.items()))
    return sorted(repr(item) for item in rows._lists.items() if item[1]) if isinstance(rows, UndoList) else []


class TestSqlite(AtomicCases):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        self.path = tmp_path / "store.db"
        storage = sqlite.open_storage(f"sqlite:///{self.path}")
        yield storage
        storage.close()

    def dump(self, _: Storage, /) -> object:
        with closing(sqlite3.connect(self.path)) as connection:
            return {
                table.name: sorted(map(repr, connection.execute(f"SELECT * FROM {table.name}")))  # noqa: S608 - a name of ours
                for table in tables.ALL
            }
