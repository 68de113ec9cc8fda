"""Translate error codes of SQLite and the operating system; never messages."""

import errno
import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from usercore.kernel.errors import (
    Busy,
    Corrupt,
    Full,
    Indeterminate,
    ReadOnly,
    RunAgain,
    StorageError,
    StoreMoved,
    Unavailable,
)

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

_EXTENDED: Final[Mapping[int, type[StorageError]]] = {
    sqlite3.SQLITE_IOERR_FSYNC: Indeterminate,
    sqlite3.SQLITE_IOERR_DIR_FSYNC: Indeterminate,
    sqlite3.SQLITE_IOERR_SHMSIZE: Full,
    sqlite3.SQLITE_READONLY_DBMOVED: StoreMoved,
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: ReadOnly,  # a trigger refuses: ``usercore_storage.copy`` closes a store so
}
"""Extended codes that say more than their primary one. What could not be synced may be on the disk all the same, and a
commit in the WAL that is there is a commit after the next start. Source: SQLite, Result and Error Codes."""

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


DRIVER_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises. It decodes SQLite's messages, and one about a damaged schema may quote bytes of the file."""

DriverError = sqlite3.Error | UnicodeDecodeError


_PROBE_BYTES: Final = 65_536
"""As many as SQLite's largest page has, so that a page that found no room finds none here."""


def translate_error(error: DriverError, path: Path | None = None) -> Exception:
    """Translate a driver's error: a key in use becomes ``RunAgain``, all others ``StorageError``."""
    if isinstance(error, UnicodeDecodeError):
        return Corrupt(_located("the schema is damaged", path))
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _mapped_of_driver(error)
    if code in _CLASHES:
        return RunAgain()
    known = _EXTENDED.get(code) or _ERRORS.get(code & _PRIMARY, StorageError)
    return known(_located(_reason_of(error, code), path))


def _mapped_of_driver(error: sqlite3.Error) -> StorageError:
    """Translate an error that the driver itself raised."""
    if isinstance(
        error, sqlite3.ProgrammingError
    ):  # a closed connection, one of another thread, a value that cannot be bound
        return Unavailable("the connection is closed, or cannot be used so")
    return StorageError("the driver refused")


def undecodable(error: DriverError, statement: str) -> Corrupt | None:
    """Return the error for text that is not UTF-8, or None if the driver refused something else.

    The driver's own message shows the text, so its error must not be the cause that tracebacks show.
    """
    if not isinstance(error, sqlite3.OperationalError) or hasattr(error, "sqlite_errorcode"):
        return None
    column = re.match(r"Could not decode to UTF-8 column '(\w+)'", str(error))
    tables = dict.fromkeys(re.findall(r"\busercore_\w+", statement))
    return Corrupt(f"{' or '.join(tables)}: {column[1] if column else 'a text'} is not UTF-8")


def _reason_of(error: sqlite3.Error, code: int) -> str:
    """Return the driver's reason; of a constraint only its name, as triggers may put values into their messages."""
    if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        return "a trigger refuses to write: the store was copied, or is about to be; usercore reopen undoes this"
    name = getattr(error, "sqlite_errorname", f"code {code}")
    return name if code & _PRIMARY == sqlite3.SQLITE_CONSTRAINT else f"{error} ({name})"


def with_lack_of_room(error: Exception, path: Path) -> Exception:
    """Return ``Full`` instead of an error of SQLite that a quota or a limit of sizes caused, else the error itself.

    SQLite reports those as it reports any other write that failed. So another file beside the store is written at the
    same place: the end of its longest file.
    """
    if getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_IOERR_WRITE:
        return error
    try:
        end = max(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")))
        with TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.seek(end)
            probe.write(bytes(_PROBE_BYTES))
            os.fsync(probe.fileno())
    except OSError as refused:
        reason = translate_os_error(refused, path)
        return reason if isinstance(reason, Full) else error
    return error


def translate_os_error(error: OSError, path: Path | None = None) -> StorageError:
    """Translate an error of the operating system."""
    reason = os.strerror(error.errno) if error.errno else "the system refused"
    return _OF_SYSTEM.get(error.errno or 0, Unavailable)(_located(reason, path))


def _located(reason: str, path: Path | None) -> str:
    return reason if path is None else f"{reason}: {str(path)!r}"
