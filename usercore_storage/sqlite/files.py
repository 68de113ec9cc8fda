"""The file of a store: its path, its owner, and which files are refused. A refused file is not touched."""

import os
import sqlite3
import stat
import urllib.parse
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from usercore.kernel.errors import Corrupt, ForeignFile, NewerSchema, ReadOnly, StorageError, Unavailable
from usercore.kernel.values import frozen
from usercore_storage.sqlite.errors import DRIVER_ERRORS, translate_error, translate_os_error
from usercore_storage.sqlite.identity import check_single_name, status_of
from usercore_storage.sqlite.migrations import APPLICATION_ID, VERSION
from usercore_storage.sqlite.wal_owner import check_wal, side_of

MODE: Final = 0o600
"""Only its owner can read a store that usercore creates. The files beside a store have its mode. Source: usercore."""

_READ_AND_WRITE: Final = 0o666

_FORM: Final = (
    "a SQLite URL is sqlite:///relative.db or sqlite:////absolute.db, and its only option is ?shared=1;"
    " in a name, ? is written %3F, # is %23 and % is %25"
)

_SMALLEST: Final = 512
"""Bytes of the smallest page. SQLite takes a file of one byte for an empty one. Source: SQLite, file format, 1.3.2."""


class _Unfinished(Exception):
    """A writer was killed before the file had a WAL; opening the store for use rolls back what it wrote."""


@frozen
class StoreLocation:
    """The location of a store. A ``shared`` file may have tables of the host beside usercore's."""

    path: Path
    shared: bool


def location_of(url: str) -> StoreLocation:
    """Parse ``sqlite:///relative.db`` or ``sqlite:////absolute.db``, with ``?shared=1`` if the file has other tables.

    Symbolic links are resolved, so that all paths to one file are one store.

    Raises:
        ValueError: the URL has another form.
        Unavailable: the path is relative, and the working directory does not exist any more.
    """
    parts = _split(url)
    path = urllib.parse.unquote(parts.path[1:])
    if ":memory:" in (path, parts.netloc):
        raise ValueError("SQLite keeps no store in memory here: the URL of a store in memory is memory://")
    if parts.scheme != "sqlite" or parts.netloc or parts.fragment or "\0" in path:
        raise ValueError(_FORM)
    if not path:
        raise ValueError(f"the URL names no file: {_FORM}; a store in memory is memory://")
    if parts.query not in ("", "shared=1"):
        raise ValueError(f"the URL has an unknown option: {_FORM}")
    return StoreLocation(real_path(path), shared=bool(parts.query))


def _split(url: str) -> urllib.parse.SplitResult:
    try:
        return urllib.parse.urlsplit(url)
    except ValueError:  # the original message shows a part of the URL
        raise ValueError(_FORM) from None


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path without symbolic links; the last parts need not exist.

    Raises:
        Unavailable: the path is relative, and the working directory does not exist any more.
    """
    try:
        return Path(os.path.realpath(path))
    except OSError as error:
        raise translate_os_error(error) from error


def prepare(location: StoreLocation) -> bool:
    """Create the file if there is none, inspect it if there is one; return whether it still needs usercore's tables.

    Raises:
        Unavailable: it cannot be created or read.
        StoreMoved: it has several names, or its WAL is elsewhere, or another's beside it.
        Full: there is no room for it.
        ReadOnly: it may not be written.
        Corrupt: it is no SQLite file, or a part of one.
        ForeignFile: it has tables, but none of usercore's.
        NewerSchema: a newer usercore made it.
    """
    if not os.path.lexists(location.path):
        check_wal(location.path)
    try:
        os.close(os.open(location.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
    except FileExistsError:
        return _inspect_and_recover(location)
    except OSError as error:
        raise _not_made(error, location.path) from error
    return True


def _not_made(error: OSError, path: Path) -> StorageError:
    if isinstance(error, FileNotFoundError):
        return Unavailable(f"no such folder: {str(path.parent)!r}")
    return translate_os_error(error, path)


def open_side(path: Path) -> int:
    """Open the side file, which writers of all processes lock, with the store's owner and mode.

    Raises:
        StorageError: it cannot be created or opened; its subclasses say why.
    """
    store, side = status_of(path), side_of(path)
    try:
        handle = os.open(side, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, stat.S_IMODE(store.st_mode) & _READ_AND_WRITE)
    except OSError as error:
        raise translate_os_error(error, side) from error
    try:
        _take_owner_and_mode(handle, store)
    except OSError as error:
        os.close(handle)
        raise translate_os_error(error, side) from error
    return handle


def _take_owner_and_mode(handle: int, store: os.stat_result) -> None:
    """Set the store's owner and mode on the side file, as SQLite does for the WAL. Only the owner or root can."""
    side, mode = os.fstat(handle), stat.S_IMODE(store.st_mode) & _READ_AND_WRITE
    with suppress(PermissionError):
        if os.geteuid() == 0 and (side.st_uid, side.st_gid) != (store.st_uid, store.st_gid):
            os.fchown(handle, store.st_uid, store.st_gid)
        elif side.st_gid != store.st_gid:
            os.fchown(handle, -1, store.st_gid)
    with suppress(PermissionError):
        if stat.S_IMODE(side.st_mode) != mode:
            os.fchmod(handle, mode)


def inspect(location: StoreLocation) -> bool:
    """Inspect an existing file without changing it; return whether it still lacks tables of usercore's.

    The file itself is not opened: closing it again would drop the locks of all this process's connections.

    Raises:
        Unavailable: it does not exist, or cannot be read, or a killed writer left a journal beside it.
        StoreMoved: it has several names, or its WAL is elsewhere, or another's beside it.
        ReadOnly: it may not be written.
        Corrupt: it is no SQLite file, or a part of one.
        ForeignFile: it has tables, but none of usercore's.
        NewerSchema: a newer usercore made it.
    """
    try:
        return _lacks_tables(location)
    except _Unfinished as error:
        reason = f"a killed writer left a journal beside {str(location.path)!r}; opening the store rolls it back"
        raise Unavailable(reason) from error.__cause__


def _inspect_and_recover(location: StoreLocation) -> bool:
    try:
        return _lacks_tables(location)
    except _Unfinished:
        _recover(location.path)
        return inspect(location)


def _lacks_tables(location: StoreLocation) -> bool:
    status, shown = status_of(location.path), repr(str(location.path))
    if not stat.S_ISREG(status.st_mode):
        raise Unavailable(f"{'a folder' if stat.S_ISDIR(status.st_mode) else 'no regular file'} is at {shown}")
    check_single_name(location.path, status)
    check_wal(location.path)
    if not os.access(location.path, os.R_OK):
        raise Unavailable(f"{shown} may not be read")
    if not os.access(location.path, os.W_OK):
        raise ReadOnly(f"{shown} may not be written")
    if not os.access(location.path.parent, os.W_OK):
        raise ReadOnly(f"files may not be made in {str(location.path.parent)!r}")
    if 0 < status.st_size < _SMALLEST:
        raise Corrupt(f"{shown} is shorter than any SQLite file")
    return status.st_size == 0 or _needs_tables(location, status.st_size)


def _needs_tables(location: StoreLocation, size: int) -> bool:
    """Inspect the schema through a connection that cannot write."""
    try:
        connection = sqlite3.connect(f"{location.path.as_uri()}?mode=ro", uri=True)
        try:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            if size % page:  # SQLite notices missing whole pages, but not a missing part of the last one
                raise Corrupt(f"{str(location.path)!r} was cut off within a page")
            if "usercore_schema" in names:
                return _is_older(connection)
            _check_ours(connection, names, location)
        finally:
            connection.close()
    except DRIVER_ERRORS as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            raise _Unfinished from error
        raise translate_error(error, location.path) from error
    return True


def _recover(path: Path) -> None:
    """Make SQLite roll back what a writer wrote that was killed before the file had a WAL, perhaps at its creation."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
            connection.execute("SELECT name FROM sqlite_schema").fetchall()
    except DRIVER_ERRORS as error:
        raise translate_error(error, path) from error


def _is_older(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute("SELECT version FROM usercore_schema").fetchone() or (None,)
    if not isinstance(found, int) or found < 1:
        raise Corrupt("usercore_schema has no version")
    if found > VERSION:
        raise NewerSchema(found, VERSION)
    return found < VERSION


def _check_ours(connection: sqlite3.Connection, names: set[str], location: StoreLocation) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if not location.shared and (names or owner not in (0, APPLICATION_ID)):
        raise ForeignFile(f"{str(location.path)!r} has other tables or another mark; with ?shared=1 it is shared")
