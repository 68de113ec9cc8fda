"""The file of a store: where it is, whose it is, and what refuses to be opened. A refused file is not touched."""

import os
import sqlite3
import urllib.parse
from pathlib import Path
from typing import Final

import attrs

from usercore.kernel.errors import Corrupt, ForeignFile, NewerSchema, ReadOnly, Unavailable
from usercore_storage.sqlite.errors import mapped
from usercore_storage.sqlite.migrations import APPLICATION_ID, VERSION

MODE: Final = 0o600
"""Only its owner reads a store: the file, its WAL and the side file of the writers' line. Source: design, 4.10."""

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100


@attrs.frozen
class Place:
    """Where a store is. A ``shared`` file may have tables of the host's beside ours."""

    path: Path
    shared: bool


def place_of(url: str) -> Place:
    """Read ``sqlite:///relative.db``, ``sqlite:////absolute.db``, with ``?shared=1`` if the file has other tables.

    Raises:
        ValueError: the URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path[1:])
    options = urllib.parse.parse_qs(parts.query, strict_parsing=bool(parts.query))
    if parts.scheme != "sqlite" or parts.netloc or not path or parts.fragment or "\0" in path:
        msg = "a SQLite URL is sqlite:///relative.db or sqlite:////absolute.db"
        raise ValueError(msg)
    if options.keys() - {"shared"} or options.get("shared", ["1"]) != ["1"]:
        msg = "the only option of a SQLite URL is shared=1"
        raise ValueError(msg)
    return Place(Path(path).absolute(), shared="shared" in options)


def prepare(place: Place) -> bool:
    """Make the file if there is none, and look at it if there is one; say whether it still needs our tables.

    Raises:
        Unavailable: it cannot be made or read.
        ReadOnly: it may not be written.
        Corrupt: it is no SQLite file, or a part of one.
        ForeignFile: it has tables, and none of ours.
        NewerSchema: a newer usercore made it.
    """
    try:
        os.close(os.open(place.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
    except FileExistsError:
        return _inspect(place)
    except OSError as error:
        raise Unavailable from error
    return True


def _inspect(place: Place) -> bool:
    try:
        with place.path.open("rb") as file:
            header = file.read(_HEADER)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise Unavailable from error
    if not os.access(place.path, os.W_OK) or not os.access(place.path.parent, os.W_OK):
        raise ReadOnly
    if size and not _is_whole(header, size, place.path):
        raise Corrupt
    return size == 0 or _needs_tables(place)


def _is_whole(header: bytes, size: int, path: Path) -> bool:
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return False
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    wal = path.with_name(path.name + "-wal")
    has_wal = wal.exists() and wal.stat().st_size > 0  # then the rest may be there
    return has_wal or size >= pages * (65_536 if page == 1 else page)


def _needs_tables(place: Place) -> bool:
    """Look through a connection that cannot write."""
    try:
        connection = sqlite3.connect(f"{place.path.as_uri()}?mode=ro", uri=True)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            if "usercore_schema" in tables:
                (found,) = connection.execute("SELECT version FROM usercore_schema").fetchone()
                if found > VERSION:
                    raise NewerSchema(found, VERSION)
                return bool(found < VERSION)
            if tables and not place.shared:
                raise ForeignFile
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            if owner not in (0, APPLICATION_ID) and not place.shared:
                raise ForeignFile
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise mapped(error) from error
    return True
