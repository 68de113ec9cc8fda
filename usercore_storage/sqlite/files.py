"""The file of a store: where it is, whose it is, and what refuses to be opened. A refused file is not touched."""

import os
import sqlite3
import stat
import urllib.parse
from contextlib import closing
from pathlib import Path
from typing import Final

from usercore.kernel.errors import Corrupt, ForeignFile, NewerSchema, ReadOnly, Unavailable
from usercore.kernel.values import frozen
from usercore_storage.sqlite.errors import translate_error, translate_os_error
from usercore_storage.sqlite.migrations import APPLICATION_ID, VERSION

MODE: Final = 0o600
"""Only its owner reads a store: the file, its WAL and the side file of the writers' line. Source: design, 4.10."""

_SMALLEST: Final = 512
"""Bytes of the smallest page. SQLite takes a file of one byte for an empty one. Source: SQLite, file format, 1.3.2."""


class Unfinished(Unavailable):
    """A writer was killed before the file had a WAL; opening the store to work with it takes back what it left."""


@frozen
class StoreLocation:
    """Where a store is. A ``shared`` file may have tables of the host's beside ours."""

    path: Path
    shared: bool


def location_of(url: str) -> StoreLocation:
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
    return StoreLocation(Path(path).absolute(), shared="shared" in options)


def prepare(location: StoreLocation) -> bool:
    """Make the file if there is none, and look at it if there is one; say whether it still needs our tables.

    Raises:
        Unavailable: it cannot be made or read.
        Full: there is no room for it.
        ReadOnly: it may not be written.
        Corrupt: it is no SQLite file, or a part of one.
        ForeignFile: it has tables, and none of ours.
        NewerSchema: a newer usercore made it.
    """
    try:
        os.close(os.open(location.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
    except FileExistsError:
        return _inspect(location)
    except OSError as error:
        raise translate_os_error(error) from error
    return True


def open_side(path: Path) -> int:
    """Open the side file on which the writers of all processes wait for one another.

    Raises:
        StorageError: it cannot be made or opened; its subclasses say why.
    """
    try:
        return os.open(path.with_name(path.name + "-lock"), os.O_CREAT | os.O_RDWR, MODE)
    except OSError as error:
        raise translate_os_error(error) from error


def inspect(location: StoreLocation) -> bool:
    """Look at a file that is there, and change nothing; say whether it still needs our tables, or the last of them.

    The file itself is not opened: closing it again would drop the locks of all this process's connections.

    Raises:
        Unavailable: it is not there, or cannot be read.
        ReadOnly: it may not be written.
        Corrupt: it is no SQLite file, or a part of one.
        ForeignFile: it has tables, and none of ours.
        NewerSchema: a newer usercore made it.
    """
    try:
        status = location.path.stat()
    except OSError as error:
        raise Unavailable from error
    if not stat.S_ISREG(status.st_mode) or not os.access(location.path, os.R_OK):
        raise Unavailable
    if not os.access(location.path, os.W_OK) or not os.access(location.path.parent, os.W_OK):
        raise ReadOnly
    if 0 < status.st_size < _SMALLEST:
        raise Corrupt
    return status.st_size == 0 or _needs_tables(location, status.st_size)


def _inspect(location: StoreLocation) -> bool:
    try:
        return inspect(location)
    except Unfinished:
        _take_back(location.path)
        return _inspect(location)


def _needs_tables(location: StoreLocation, size: int) -> bool:
    """Look through a connection that cannot write."""
    try:
        connection = sqlite3.connect(f"{location.path.as_uri()}?mode=ro", uri=True)
        try:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            if size % page:  # SQLite sees that whole pages are missing, and not that a part of the last one is
                raise Corrupt
            if "usercore_schema" in names:
                return _is_older(connection)
            _check_ours(connection, names, location)
        finally:
            connection.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            raise Unfinished from error
        raise translate_error(error) from error
    return True


def _take_back(path: Path) -> None:
    """Let SQLite take back what a writer left that was killed before the file had a WAL, perhaps while it was made."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
            connection.execute("SELECT name FROM sqlite_schema").fetchall()
    except sqlite3.Error as error:
        raise translate_error(error) from error


def _is_older(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute("SELECT version FROM usercore_schema").fetchone() or (None,)
    if not isinstance(found, int) or found < 1:
        raise Corrupt
    if found > VERSION:
        raise NewerSchema(found, VERSION)
    return found < VERSION


def _check_ours(connection: sqlite3.Connection, names: set[str], location: StoreLocation) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if not location.shared and (names or owner not in (0, APPLICATION_ID)):
        raise ForeignFile
