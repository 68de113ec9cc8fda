"""The writing connection: one for the process, one writer at a time between processes."""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import Unavailable
from usercore.workflows.recording import Origin
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.files import MODE

T = TypeVar("T")


class Writer:
    """Runs units one after another, each in a transaction of its own.

    Processes wait for one another on a side file: ``flock`` waits in the kernel, in order, and ends with its process.
    ``BEGIN IMMEDIATE`` stands behind it for writers that do not know the file.
    """

    def __init__(self, path: Path) -> None:
        """Open the connection and the side file."""
        self._turn = threading.Lock()
        self._connection = Connection(path)
        self._side = os.open(path.with_name(path.name + "-line"), os.O_CREAT | os.O_RDWR, MODE)

    def run(self, work: Callable[[SqlUnit], T], origin: Origin) -> tuple[T, Sequence[Entry]]:
        """Run ``work`` and keep all of it or nothing; give its result and what it recorded.

        Raises:
            StorageError: it could not be kept.
        """
        with self._turn:
            if self._side < 0:
                raise Unavailable
            fcntl.flock(self._side, fcntl.LOCK_EX)
            try:
                return self._run(work, origin)
            finally:
                fcntl.flock(self._side, fcntl.LOCK_UN)

    def _run(self, work: Callable[[SqlUnit], T], origin: Origin) -> tuple[T, Sequence[Entry]]:
        connection, unit = self._connection, self._connection.unit
        try:
            connection("BEGIN IMMEDIATE")
            unit.begin(origin)
            result = work(unit)
            connection("COMMIT")
        except BaseException:
            connection.roll_back()
            raise
        return result, unit.entries

    def close(self) -> None:
        """Wait for the unit that is running and close; closing again does nothing."""
        with self._turn:
            self._connection.close()
            if self._side >= 0:
                os.close(self._side)
                self._side = -1
