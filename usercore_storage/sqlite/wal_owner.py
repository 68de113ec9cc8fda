"""Whose WAL is beside a file: SQLite believes that it is the file's own, whatever was renamed, deleted or replaced.

SQLite would write the pages of another file's WAL into the file, or remove the WAL beside a new file. And a file that
was renamed without its WAL lacks the latest commits. The side files record which WAL belongs to which file.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from usercore.kernel.errors import StoreMoved
from usercore.kernel.values import frozen
from usercore_storage.sqlite.errors import translate_os_error

SIDE: Final = "-lock"


def wal_of(path: Path) -> Path:
    """Return the path of the WAL of the file at a path."""
    return path.with_name(f"{path.name}-wal")


def side_of(path: Path) -> Path:
    """Return the path of the side file of the store at a path."""
    return path.with_name(path.name + SIDE)


@frozen
class Record:
    """What the writers of a store recorded last in its side file; see ``StoreFile.record``."""

    store: int
    """The inode of the file."""

    wal: int
    """The inode of its WAL."""


def check_wal(path: Path) -> None:
    """Check that the WAL beside a path belongs to the file there, if there is one, and that no WAL of it is elsewhere.

    The WAL is looked for first: another process may be creating both, and creates the file first.

    Raises:
        StoreMoved: another file's WAL is beside the path, or the file was renamed without its WAL.
        StorageError: the folder cannot be read.
    """
    wal, store = _used(wal_of(path)), _used(path)
    if wal is None:
        if store is not None:
            _check_not_renamed(path, store)
        return
    record = _record_of(path)
    if store is None or (record and record.wal == wal and record.store != store):
        raise StoreMoved(
            f"{str(wal_of(path))!r} has the latest changes of another file that was at {str(path)!r}: put that file"
            " back; or, to use the present one, remove it"
        )


def _check_not_renamed(path: Path, store: int) -> None:
    for other in _stores_beside(path):
        record = _record_of(other)
        if record and record.store == store and record.wal == _used(wal_of(other)):
            raise StoreMoved(
                f"{str(path)!r} was renamed, and its latest changes are in {str(wal_of(other))!r}: rename it back,"
                " and open and close it before it is renamed"
            )


def _stores_beside(path: Path) -> Iterator[Path]:
    """Iterate over the paths in the folder that have or had stores, but for the given one."""
    try:
        names = [file.name for file in path.parent.iterdir()]
    except OSError as error:
        raise translate_os_error(error, path.parent) from error
    for name in names:
        if name.endswith(SIDE) and name != side_of(path).name:
            yield path.with_name(name.removesuffix(SIDE))


def _record_of(path: Path) -> Record | None:
    """Return the record in the side file of a path, if there is one that can be read."""
    with suppress(OSError, ValueError):
        _, store, wal = side_of(path).read_bytes().split()
        return Record(int(store), int(wal))
    return None


def _used(path: Path) -> int | None:
    """Return the inode of the file at a path, if there is one and it is not empty."""
    with suppress(OSError):
        status = os.lstat(path)
        return status.st_ino if status.st_size else None
    return None
