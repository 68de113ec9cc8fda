"""A store in a file."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sqlite.notebooks import Notebook
from usercore_storage import sqlite
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.writer import Writer


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


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """Give a writing connection to a file with nothing in it."""
    path.touch()
    with closing(Writer(path)) as writer:
        yield writer


@pytest.fixture
def notebook(writer: Writer) -> Notebook:
    """Give a writing connection over a table of the test's own."""
    return Notebook(writer)
