"""Back up a file that is in use, by SQLite's own backup, from one read transaction.

Without that transaction the backup would begin again whenever another connection has written, so that beside a busy
writer it would never end. In a transaction it sees one snapshot, and writers go on in the WAL.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from usercore.kernel.errors import RunAgain, Unavailable
from usercore.kernel.randomness import system_randomness
from usercore_storage.sqlite.connections import Statements
from usercore_storage.sqlite.errors import DRIVER_ERRORS, translate_error, translate_os_error
from usercore_storage.sqlite.files import MODE, inspect, location_of
from usercore_storage.sqlite.forks import between_forks
from usercore_storage.sqlite.snapshot_reader import SnapshotReader

PAGES: Final = 1000
"""Pages of one step, 4 MB: it takes milliseconds, after which a waiting fork may go on."""

_EXISTS: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'usercore_schema'"

Progress = Callable[[int, int], object]


def copy_store(url: str, path: str | os.PathLike[str], *, on_progress: Progress | None = None) -> None:
    """Copy a store; see ``usercore_storage.backup``."""
    location, target = location_of(url), _target_of(path)
    if os.path.lexists(target):
        raise FileExistsError(str(target))
    with between_forks():
        inspect(location)
    with closing(SnapshotReader(location.path)) as reader, _beside(target) as draft:
        reader.query(lambda source: _copy(source, draft, reader, on_progress))
        _publish(draft, target)


def _target_of(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).absolute()
    except OSError as error:  # the working directory does not exist any more
        raise translate_os_error(error) from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Create an empty file for the copy, and remove it in the end; by then it may have another name, too."""
    draft = target.with_name(f"{target.name}-{system_randomness(8).hex()}.part")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
    except OSError as error:
        raise translate_os_error(error, target) from error
    try:
        yield draft
    finally:
        with suppress(OSError):  # the cause of a failed copy may also prevent its removal
            draft.unlink()


def _copy(source: Statements, draft: Path, reader: SnapshotReader, on_progress: Progress | None) -> None:
    def report_progress(_: int, left: int, pages: int) -> None:
        if reader.barrier.is_shut:
            raise RunAgain
        if on_progress is not None:
            on_progress(pages - left, pages)

    if not source(_EXISTS):  # BEGIN alone takes no snapshot; the first statement does
        raise Unavailable("there is no store in the file yet")
    _empty(draft)  # the start of a copy that a fork interrupted
    try:
        with closing(sqlite3.connect(f"{draft.as_uri()}?mode=rw", uri=True, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = OFF").fetchall()  # a failed copy is deleted, never rolled back
            copy.execute("PRAGMA synchronous = OFF")  # ``_publish`` syncs once
            source.raw.backup(copy, pages=PAGES, progress=report_progress)
    except DRIVER_ERRORS as error:
        raise translate_error(error) from error


def _empty(draft: Path) -> None:
    try:
        os.truncate(draft, 0)
    except OSError as error:
        raise translate_os_error(error, draft) from error


def _publish(draft: Path, target: Path) -> None:
    """Sync the copy to the disk, then link it to its name, unless that exists by now."""
    try:
        _sync(draft)
        os.link(draft, target)
        draft.unlink()
        _sync(target.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise translate_os_error(error, target) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
