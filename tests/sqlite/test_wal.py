"""The WAL is bounded: beside readers without a pause, and again after a reader that stayed open."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.sqlite.note_writer import NoteWriter, note
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.wal_owner import wal_of
from usercore_storage.sqlite.writer import Writer

LIMIT: Final = 256 * 1024
LONG: Final = "x" * (LIMIT // 4)
"""A name with which a unit writes more than half the limit."""


@pytest.fixture
def note_writer(path: Path) -> Iterator[NoteWriter]:
    """Return a writer with a low limit."""
    path.touch()
    with closing(Writer(path, wal_limit=LIMIT)) as writer:
        yield NoteWriter(writer)


def size_of_wal(path: Path) -> int:
    return wal_of(path).stat().st_size


def read(connection: Connection) -> None:
    """Begin a transaction that reads the WAL."""
    connection("BEGIN")
    connection("SELECT count(*) FROM notes")


@contextmanager
def readers_without_a_pause(path: Path) -> Iterator[None]:
    """Read for the duration of a ``with``, so that at each moment a transaction is open."""
    has_ended, is_reading = threading.Event(), threading.Event()

    def take_turns() -> None:
        with closing(Connection(path)) as one, closing(Connection(path)) as other:
            read(one)
            while not has_ended.is_set():
                read(other)
                one.roll_back()
                one, other = other, one  # noqa: PLW2901 - both are closed in the end
                is_reading.set()

    thread = threading.Thread(target=take_turns)
    thread.start()
    try:
        assert is_reading.wait(60)
        yield
    finally:
        has_ended.set()
        thread.join(60)


def test_the_wal_is_bounded_beside_readers_without_a_pause(path: Path, note_writer: NoteWriter) -> None:
    sizes = []
    with readers_without_a_pause(path):
        for number in range(40):
            note_writer.write(note(f"{LONG}{number}"))
            sizes.append(size_of_wal(path))
    assert max(sizes) < 3 * LIMIT
    assert len(note_writer.found()) == len(sizes)


def test_the_wal_is_truncated_after_a_reader_that_stayed(path: Path, note_writer: NoteWriter) -> None:
    with closing(Connection(path)) as reader:
        read(reader)
        for number in range(6):
            note_writer.write(note(f"{LONG}{number}"))
        assert size_of_wal(path) > 3 * LIMIT
        assert reader("SELECT count(*) FROM notes") == [(0,)]
        reader.roll_back()
        for number in range(6, 9):
            note_writer.write(note(f"{LONG}{number}"))
        assert size_of_wal(path) < 2 * LIMIT
    assert len(note_writer.found()) == 9
