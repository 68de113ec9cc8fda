"""Every storage keeps the contract; and so do the wrappers that tests put around one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from usercore.storage import Storage
from usercore.testing import FaultyStorage, StorageContract, WatchedStorage
from usercore_storage import memory, sqlite


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = memory.open_storage("memory://")
        yield storage
        storage.close()


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        storage = sqlite.open_storage(f"sqlite:///{tmp_path}/store.db")
        yield storage
        storage.close()


class TestWrapped(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = WatchedStorage(FaultyStorage(memory.open_storage("memory://")))
        yield storage
        storage.close()
