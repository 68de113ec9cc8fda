"""Repair a store in a file."""

import shutil
from pathlib import Path

import pytest

from tests.sqlite.test_checking import SqliteEngine
from tests.storages.checking import CheckedStore
from tests.storages.repairing import RepairingCases
from usercore_storage import repair


class TestSqliteRepairing(RepairingCases):
    @pytest.fixture
    def engine(self, full: Path, path: Path) -> CheckedStore:
        shutil.copyfile(full, path)
        return SqliteEngine(path)


@pytest.mark.parametrize("url", ["memory://", "nothing", "mysql://x/y"])
def test_only_files_and_databases_are_repaired(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        repair(url)
