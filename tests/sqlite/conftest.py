"""A store in a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from usercore_storage import sqlite
from usercore_storage.sqlite import SqliteStorage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a store that is not there yet."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStorage]:
    """Give a store with nothing in it."""
    store = sqlite.open_storage(f"sqlite:///{path}")
    yield store
    store.close()
