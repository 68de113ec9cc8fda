"""Every storage satisfies the contract, and so do the wrappers of ``usercore.testing``."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures import empty_sqlite
from usercore.storage import SNAPSHOT_READS, Storage
from usercore.testing import FaultyStorage, StorageContract, WatchedStorage
from usercore_storage import memory

BOUND: Final = """
import pytest
from usercore.testing import StorageContract
from usercore_storage import memory

class TestBound(StorageContract, without={without}):
    @pytest.fixture
    def storage(self):
        return memory.open_storage("memory://")
"""


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


NEED_SNAPSHOTS = ("test_a_read_sees_one_snapshot_however_long_it_takes", "test_no_read_sees_half_a_unit")


def test_cases_that_need_a_feature_are_left_out_by_name() -> None:
    class Bound(StorageContract, without={SNAPSHOT_READS}):
        """A storage without snapshots."""

    class Inheriting(Bound):
        """Another one of its kind."""

    for bound in (Bound, Inheriting):
        assert bound.left_out == NEED_SNAPSHOTS
        assert [getattr(bound, name) for name in NEED_SNAPSHOTS] == [None, None]
    assert StorageContract.left_out == ()
    assert all(callable(getattr(StorageContract, name)) for name in NEED_SNAPSHOTS)


def test_no_other_feature_can_be_lacking() -> None:
    with pytest.raises(ValueError, match="no such feature"):
        type("Bound", (StorageContract,), {}, without={"durability"})


@pytest.mark.parametrize(("without", "outcome"), [("snapshot_reads", "1 failed"), ("", "1 passed")])
def test_a_storage_may_leave_out_only_what_it_lacks(tmp_path: Path, without: str, outcome: str) -> None:
    file = tmp_path / "test_bound.py"
    file.write_text(BOUND.format(without=set(without.split()) or "()"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "usercore.testing.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-c", os.devnull, "-k", "features", str(file)], capture_output=True, text=True, check=False
    )
    assert outcome in done.stdout


@pytest.mark.parametrize(
    "mark",
    [pytest.mark.skip, pytest.mark.skipif(condition=True, reason="no"), pytest.mark.xfail],
    ids=lambda mark: mark.name,
)
@pytest.mark.parametrize("several", [True, False])
def test_cases_cannot_be_left_out(mark: pytest.MarkDecorator, *, several: bool) -> None:
    with pytest.raises(TypeError, match="cannot be marked"):
        type("Bound", (StorageContract,), {"pytestmark": [pytest.mark.slow, mark] if several else mark})
