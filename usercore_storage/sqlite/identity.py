"""The identity of a store's files: those at their paths must stay the ones that the connections have open.

In WAL mode SQLite does not notice that its file, the WAL or the shared memory was deleted, renamed or replaced: it goes
on writing into a file that no later process opens. And a file with two names has two WALs, each unknown under the other
name.
"""

import os
import stat
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Final

from usercore.kernel.errors import Corrupt, StorageError, StoreMoved
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.errors import translate_os_error

READ_CHECK_SECONDS: Final = 1.0
"""Seconds between two checks by reads. Source: usercore: a check takes a quarter of the time of a lookup by key."""

RECORD_BYTES: Final = 74
"""Length of a record in the side file: 32 hexadecimal digits of the store, and 20 digits each for the inodes of its
file and its WAL, with a space before them."""

Place = tuple[int, int]
"""The inode of a file and its device."""

_MOUNTS: Final = Path("/proc/self/mountinfo")
_OPEN_THE_STORE_AGAIN: Final = "close the store, and open it again"


class StoreFile:
    """The file that is at the store's path when this object is created. Once found to have moved, it stays so."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = monotonic) -> None:
        """Record which file is at the path.

        Raises:
            StoreMoved: the file has other names besides the path.
            StorageError: there is no file at the path, or its status cannot be read.
        """
        self.path = path
        self.store_id = ""
        """A digest of the store's secret, once that has been read."""
        status = status_of(path)
        check_single_name(path, status)
        self._files = [(str(path), _place_of(status))]
        self.sizes: dict[str, int] = {}
        """The bytes of the files at these paths when they were last compared."""
        self._clock = clock
        self._check_reads_from = clock() + READ_CHECK_SECONDS
        self._difference: str | None = None

    def connect(self) -> Connection:
        """Open a connection to this file.

        Raises:
            StoreMoved: another file is at the path, or another store is in the file.
            StorageError: the file cannot be opened; its subclasses say why.
        """
        self.check()  # before SQLite changes anything at the path
        connection = Connection(self.path)
        try:
            self.check()
            self._check_store(connection)
            if len(self._files) == 1:
                self._add_files_beside(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _add_files_beside(self, connection: Connection) -> None:
        connection("SELECT name FROM sqlite_schema")  # a read makes SQLite open them
        self._files += [(name, _place_of(status_of(name))) for name in (f"{self.path}-wal", f"{self.path}-shm")]

    def _check_store(self, connection: Connection) -> None:
        if self.store_id and store_id_of(secret_in(connection)) != self.store_id:
            raise StoreMoved(f"another store was copied into {str(self.path)!r}")

    def close(self) -> None:
        """Note that no connection is open any more: SQLite may remove the WAL."""
        del self._files[1:]

    def check(self) -> None:
        """Check that this file is still at its path, and nowhere else, with its WAL and shared memory beside it.

        Raises:
            StoreMoved: it is not.
            StorageError: the file's status cannot be read.
        """
        if (error := self.difference()) is not None:
            raise error

    def check_path(self) -> None:
        """Check as ``check`` does, but not the files beside it: those are checked before a commit is reported.

        Raises:
            StoreMoved: it is not at its path.
            StorageError: the file's status cannot be read.
        """
        if (error := self._difference_of(self._files[:1])) is not None:
            raise error

    def check_for_reads(self) -> bool:
        """Check as ``check`` does, if the last check by a read was a second ago, or found that the file has moved.

        Returns:
            Whether it was checked.
        """
        now = self._clock()
        if now < self._check_reads_from:
            return False
        self.check()
        self._check_reads_from = now + READ_CHECK_SECONDS
        return True

    def difference(self) -> StorageError | None:
        """Return the error that ``check`` raises, or None."""
        return self._difference_of(self._files)

    def _difference_of(self, files: Iterable[tuple[str, Place]]) -> StorageError | None:
        try:
            for name, known in files:
                if self._difference is None:
                    self._compare(name, known)
        except StorageError as error:
            return error
        return None if self._difference is None else StoreMoved(self._difference)

    def _compare(self, name: str, known: Place) -> None:
        try:
            status = os.lstat(name)  # does not follow symbolic links: SQLite would name the WAL after their target
        except FileNotFoundError:
            self.move(f"no file is at {name!r} any more")
            return
        except OSError as error:
            raise translate_os_error(error, Path(name)) from error
        if (status.st_ino, status.st_dev) != known:
            self.move(f"another file is at {name!r}")
        elif status.st_nlink > 1:
            self.move(_names_problem(name, status))
        self.sizes[name] = status.st_size

    def move(self, difference: str) -> None:
        """Record for all later checks that the file has moved."""
        self._difference = f"{difference}; {_OPEN_THE_STORE_AGAIN}"
        self._check_reads_from = 0.0

    def record(self) -> bytes:
        """Return the record of this file for the side file."""
        inodes = [inode for _, (inode, _) in self._files[:2]]
        return " ".join([self.store_id or "0" * 32, *(f"{inode:020}" for inode in inodes)]).encode()


def _place_of(status: os.stat_result) -> Place:
    return status.st_ino, status.st_dev


def status_of(path: Path | str) -> os.stat_result:
    """Return the status of the file at a path that has no symbolic links in it.

    Raises:
        StorageError: there is no file, or its status cannot be read.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        raise translate_os_error(error, Path(path)) from error


def check_single_name(path: Path, status: os.stat_result) -> None:
    """Check that the path is the file's only name: the WAL of another name would not be seen under this one.

    Raises:
        StoreMoved: there are several links, or the file is mounted alone.
    """
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        raise StoreMoved(_names_problem(path, status))
    if _is_mounted_alone(path):
        raise StoreMoved(f"{str(path)!r} is mounted alone, without the files beside it: mount its folder")


def store_id_of(secret: bytes) -> str:
    """Return an identifier of the store that does not reveal its secret."""
    return sha256(b"usercore store id\0" + secret).hexdigest()[:32]


def secret_in(connection: Connection) -> bytes:
    """Return the store's secret.

    Raises:
        Corrupt: there is none, or several.
        StorageError: it cannot be read.
    """
    rows = connection("SELECT secret FROM usercore_schema")
    if len(rows) != 1 or not isinstance(rows[0][0], bytes):
        raise Corrupt("usercore_schema has no secret, or several")
    return rows[0][0]


def _names_problem(path: Path | str, status: os.stat_result) -> str:
    return f"{str(path)!r} has {status.st_nlink} hard links; a store has one name, or what is written by one is lost"


def _is_mounted_alone(path: Path) -> bool:
    """Return whether the file itself is a mount point, as when a single file is mounted into a container."""
    try:
        mounts = _MOUNTS.read_bytes()
    except OSError:  # not Linux, or it cannot be read
        return False
    name = os.fsencode(path)
    for character in (b"\\", b" ", b"\t", b"\n"):  # the backslash first, because it escapes the others
        name = name.replace(character, b"\\%03o" % ord(character))
    return any(line.split(b" ")[4:5] == [name] for line in mounts.splitlines())
