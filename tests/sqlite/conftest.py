"""A store in a file."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sqlite.note_writer import NoteWriter
from tests.storages.checking import fill
from usercore_storage import sqlite
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store that does not exist yet."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStorage]:
    """Return an empty store."""
    store = sqlite.open_storage(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """Return a writing connection to an empty store."""
    path.touch()
    with closing(Writer(path)) as writer:
        yield writer


@pytest.fixture
def note_writer(writer: Writer) -> NoteWriter:
    """Return a writing connection over a table of the tests' own."""
    return NoteWriter(writer)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with rows in every table."""
    path = tmp_path_factory.mktemp("full") / "store.db"
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        fill(storage)
    return path
