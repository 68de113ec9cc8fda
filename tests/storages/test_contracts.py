"""Every storage satisfies the contract, and so do the wrappers of ``usercore.testing``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import empty_sqlite
from usercore.storage import Storage
from usercore.testing import FaultyStorage, StorageContract, WatchedStorage
from usercore_storage import memory


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = memory.open_storage("memory://")
        yield storage
        storage.close()


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        storage = empty_sqlite(tmp_path)
        yield storage
        storage.close()


@pytest.mark.thorough
class TestWrapped(StorageContract):
    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = WatchedStorage(FaultyStorage(memory.open_storage("memory://")))
        yield storage
        storage.close()


def test_a_case_cannot_be_replaced() -> None:
    with pytest.raises(TypeError, match="cannot be replaced"):
        type("Bound", (StorageContract,), {"test_units_after_closing_are_refused": None})


def test_a_case_cannot_be_replaced_by_a_mixin() -> None:
    side = type("Side", (), {"test_units_after_closing_are_refused": None})
    with pytest.raises(TypeError, match="cannot be replaced"):
        type("Bound", (side, StorageContract), {})


@pytest.mark.parametrize(
    "mark",
    [pytest.mark.skip, pytest.mark.skipif(condition=True, reason="no"), pytest.mark.xfail],
    ids=lambda mark: mark.name,
)
@pytest.mark.parametrize("several", [True, False])
def test_cases_cannot_be_left_out(mark: pytest.MarkDecorator, *, several: bool) -> None:
    with pytest.raises(TypeError, match="cannot be marked"):
        type("Bound", (StorageContract,), {"pytestmark": [pytest.mark.slow, mark] if several else mark})
