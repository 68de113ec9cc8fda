"""What SQLite's and the system's error codes mean here. Codes, never messages."""

import errno
import sqlite3
from collections.abc import Mapping
from typing import Final

from usercore.kernel.errors import Busy, Corrupt, Full, ReadOnly, RunAgain, StorageError, Unavailable

_PRIMARY: Final = 0xFF
"""The low byte of an extended code is the primary one. Source: SQLite, Result and Error Codes, 2."""

_ERRORS: Final[Mapping[int, type[StorageError]]] = {
    sqlite3.SQLITE_BUSY: Busy,
    sqlite3.SQLITE_LOCKED: Busy,
    sqlite3.SQLITE_FULL: Full,
    sqlite3.SQLITE_CORRUPT: Corrupt,
    sqlite3.SQLITE_NOTADB: Corrupt,
    sqlite3.SQLITE_READONLY: ReadOnly,
    sqlite3.SQLITE_CANTOPEN: Unavailable,
    sqlite3.SQLITE_IOERR: Unavailable,
    sqlite3.SQLITE_PERM: Unavailable,
    sqlite3.SQLITE_AUTH: Unavailable,
    sqlite3.SQLITE_PROTOCOL: Busy,
}

_NO_ROOM: Final = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE})
"""Extended codes that mean a full disk though their primary one does not. Source: SQLite, Result and Error Codes."""

_OF_SYSTEM: Final[Mapping[int, type[StorageError]]] = {
    errno.ENOSPC: Full,
    errno.EDQUOT: Full,
    errno.EFBIG: Full,
    errno.EROFS: ReadOnly,
}

_CLASHES: Final = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    }
)


def translate_error(error: sqlite3.Error) -> Exception:
    """Give what a driver's error means: a key in use runs the unit again, the rest are ``StorageError``."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the driver's own: a closed connection, a value it cannot bind
        return Unavailable() if isinstance(error, sqlite3.ProgrammingError) else StorageError()
    if code in _CLASHES:
        return RunAgain()
    if code in _NO_ROOM:
        return Full()
    return _ERRORS.get(code & _PRIMARY, StorageError)()


def translate_os_error(error: OSError) -> StorageError:
    """Give what a system's error means."""
    return _OF_SYSTEM.get(error.errno or 0, Unavailable)()
