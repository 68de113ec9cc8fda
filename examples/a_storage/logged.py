"""A storage that wraps another one and appends each committed change to a file, as a line of JSON.

The line is written after the commit, so a process that dies in between omits it. Use a durable subscriber if no change
may be missed.
"""

import json
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import attrs

from usercore.history.model import Entry
from usercore.kernel.errors import Unavailable
from usercore.kernel.units import Units
from usercore.opening import open_storage as open_inner
from usercore.storage import Storage, Unit, UnitSource
from usercore.storage.recording import UnitContext

PREFIX: Final = "logged+"

Observe = Callable[[Sequence[Entry]], None]

_log: Final = logging.getLogger(__name__)


def open_storage(url: str) -> "LoggedStorage":
    """Open ``logged+sqlite:///people.db#changes.jsonl``: any URL of usercore, and the file of the log.

    Raises:
        ValueError: the URL has another form.
        StorageError: the store cannot be used.
    """
    inner, _, path = url.removeprefix(PREFIX).partition("#")
    if not url.startswith(PREFIX) or not path:
        msg = f"the URL is {PREFIX}<the URL of a store>#<the file of the log>"
        raise ValueError(msg)
    storage = open_inner(inner)
    try:
        return LoggedStorage(storage, ChangeLog(path))
    except OSError as error:
        storage.close()
        raise Unavailable from error


class ChangeLog:
    """A file of lines, readable by its owner only. Safe to share between threads and processes."""

    def __init__(self, path: str) -> None:
        """Open the file for appending; create it if it is missing."""
        self._file = open(path, "ab", buffering=0, opener=_open_private)  # noqa: SIM115 - closed by `close`

    def write(self, entries: Sequence[Entry]) -> None:
        """Append the entries in one write. Never raises: the unit is committed already."""
        try:
            self._file.write("".join(map(line_of, entries)).encode())
        except (OSError, ValueError):  # ValueError: the file was closed
            _log.exception("%d changes are not in the log", len(entries))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def line_of(entry: Entry) -> str:
    """Return the line of a change: actor, change and time, without values, which may be personal."""
    line = {
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "subject": f"{entry.subject}:{entry.subject_id}",
        "change_no": entry.change_no,
        "actor": entry.actor,
    }
    return json.dumps(line) + "\n"


class LoggedStorage(Storage):
    """Wraps a storage. All behaviour but the log is the inner one's."""

    def __init__(self, storage: Storage, log: ChangeLog) -> None:
        """Wrap the storage; ``close`` closes both."""
        self._storage = storage
        self._changes = log

    @property
    def capabilities(self) -> frozenset[str]:
        """What the inner storage implements."""
        return self._storage.capabilities

    @property
    def features(self) -> frozenset[str]:
        """What the inner storage has."""
        return self._storage.features

    @property
    def secret(self) -> bytes:
        """The inner storage's secret."""
        return self._storage.secret

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return the inner storage's units, which notify the log before the core."""
        return self._storage.units(attrs.evolve(origin, observe=partial(self._observe, origin.observe)))

    def join(self, connection: object) -> UnitSource:
        """Return the inner storage's units, which do not notify the log: the commit is the host's."""
        return self._storage.join(connection)

    def purge(self, *, thorough: bool) -> None:
        """Purge the inner storage's files; the log has no values."""
        self._storage.purge(thorough=thorough)

    def close(self) -> None:
        """Close the store, then the log."""
        self._storage.close()
        self._changes.close()

    def _observe(self, observe: Observe | None, entries: Sequence[Entry]) -> None:
        self._changes.write(entries)
        if observe is not None:
            observe(entries)
