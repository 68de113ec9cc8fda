"""The writing connection: one for the process, one writer at a time between processes."""

import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import StorageError
from usercore.storage.recording import UnitContext
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.commit_queue import LONGEST_WAIT, CommitQueue, QueuedUnit, Take
from usercore_storage.sqlite.connections import BUSY_TIMEOUT_MS, WAL_LIMIT
from usercore_storage.sqlite.errors import with_lack_of_room
from usercore_storage.sqlite.identity import StoreFile
from usercore_storage.sqlite.process_lock import ProcessLock
from usercore_storage.sqlite.wal import WalBound

T = TypeVar("T")


class Writer:
    """Runs units in groups: each in a savepoint, all in one transaction, and reports to all of them after its commit.

    Processes wait for the process lock; ``BEGIN IMMEDIATE`` also excludes writers that do not know that lock.
    """

    def __init__(
        self, path: Path, *, file: StoreFile | None = None, max_wait: float = LONGEST_WAIT, wal_limit: int = WAL_LIMIT
    ) -> None:
        """Open the connection and the side file; ``file`` is the one at the path, if it is known already."""
        self._file = file or StoreFile(path)
        self._process_lock = ProcessLock(path)
        try:
            self._connection = self._file.connect()
        except BaseException:
            self._process_lock.close()
            raise
        self._wal = WalBound(self._file, limit=wal_limit)
        self._record: bytes | None = None
        self._longest_wait = max_wait
        self._busy_timeout = BUSY_TIMEOUT_MS
        self._queue = CommitQueue(self._lead)
        self._sent: Sequence[QueuedUnit] = ()

    def run(self, work: Callable[[SqlUnit], T], origin: UnitContext, *, wait: bool = True) -> tuple[T, Sequence[Entry]]:
        """Run ``work`` and commit all or nothing of it; return its result and its history entries.

        Raises:
            Busy: other units were written for too long, or at all if it is not to ``wait``.
            StorageError: it could not be committed.
        """
        queued = QueuedUnit(work, origin, max_wait=self._longest_wait if wait else 0.0)
        self._queue.submit(queued)
        if queued.error is not None:
            raise queued.error
        return queued.result, queued.entries

    def _lead(self, take: Take) -> None:
        self._process_lock.run(lambda: self._run(take), max_wait=self._queue.left())

    def _run(self, take: Take) -> None:
        try:
            self._settle()  # complete what an interrupted leader began
            self._begin()
            group = take()
            if not self._run_group(group):
                self._run_alone(group)
            self._wal.enforce()  # under the process lock: no writer of another process waits in SQLite meanwhile
        except BaseException:
            try:
                self._settle()
            except BaseException:
                self._settle()
                raise
            raise

    def _run_alone(self, group: Sequence[QueuedUnit]) -> None:
        """Run units again, each in a transaction of its own, so that only the failing one fails."""
        for number, queued in enumerate(group):
            try:
                self._begin()
            except StorageError as error:  # the others need not wait as long as this one did
                _finish(group[number:], error)
                return
            self._run_group([queued])

    def _begin(self) -> None:
        """Begin a transaction in the store's own file.

        Raises:
            StoreMoved: another file is at the path, or another process opened another one there since.
            StorageError: it could not begin.
        """
        self._limit_wait()
        self._connection("BEGIN IMMEDIATE")
        self._connection.unit.begin_transaction()
        self._file.check_path()
        if self._record is None:
            record = self._file.record()
            self._process_lock.remember(record)
            self._record = record
        elif not self._process_lock.remembers(self._record):
            self._file.move(f"another process opened another store at {str(self._file.path)!r}")
            self._file.check()

    def _limit_wait(self) -> None:
        """Make SQLite wait for other writers only as long as the leader may still wait."""
        timeout = min(BUSY_TIMEOUT_MS, int(self._queue.left() * 1000))
        if timeout != self._busy_timeout:
            self._connection(f"PRAGMA busy_timeout = {timeout}")
            self._busy_timeout = timeout

    def _run_group(self, group: Sequence[QueuedUnit]) -> bool:
        """Run units in the open transaction and commit it; return whether they are done.

        A single unit is then done, whatever its outcome. Of several, all are done or none is.
        """
        alone = len(group) == 1
        try:
            for queued in group:
                self._try(queued, alone=alone)
            self._commit(group)
            self._settle()
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits for the unit
            self._settle()
            if alone:
                _finish(group, with_lack_of_room(error, self._file.path))
            return alone
        return True

    def _try(self, queued: QueuedUnit, *, alone: bool) -> None:
        connection, unit = self._connection, self._connection.unit
        queued.error = None
        unit.begin(queued.origin)
        if alone:
            _work(queued, unit)
            return
        connection("SAVEPOINT unit")
        try:
            _work(queued, unit)
        except BaseException as error:
            if _is_interrupt(error) or not connection.raw.in_transaction:
                raise  # SQLite may have rolled back the transaction; the next savepoint would then commit by itself
            connection("ROLLBACK TO unit")
            queued.error = error
        connection("RELEASE unit")

    def _commit(self, group: Sequence[QueuedUnit]) -> None:
        outer = sys.exception()
        self._sent = group
        try:
            self._connection("COMMIT")
        except BaseException as error:
            if _is_of_driver(error, outer):  # and not an interrupt after the commit
                self._sent = ()
            raise

    def _settle(self) -> None:
        """Finish units whose commit succeeded, or roll back what is open. Repeating it is harmless.

        A commit counts only if the file is still at its path: the check before it may be as old as the units.
        """
        if self._connection.raw.in_transaction:
            self._sent = ()
            self._connection.roll_back()
        if self._sent:
            moved = self._file.difference()
            if moved is None:
                self._connection.unit.committed()
            _finish(self._sent, moved)
        self._sent = ()

    def abandon(self) -> None:
        """Close, in a child, the side file through which the parent holds its lock; see ``forks``."""
        self._process_lock.close()

    def close(self) -> None:
        """Wait for the running group and close; closing it again does nothing."""
        with self._process_lock.lock:
            self._connection.close()
            self._process_lock.close()


def _work(queued: QueuedUnit, unit: SqlUnit) -> None:
    queued.result = queued.work(unit)
    unit.finish()
    queued.entries = unit.entries


def _finish(group: Sequence[QueuedUnit], error: Exception | None = None) -> None:
    for queued in group:
        queued.error = error or queued.error
        queued.done = True
        queued.call()


def _is_interrupt(error: BaseException) -> bool:
    """Return whether it came from outside, as an interrupt of the main thread does, and not from the unit."""
    return not isinstance(error, Exception) and threading.current_thread() is threading.main_thread()


def _is_of_driver(error: BaseException | None, outer: BaseException | None) -> bool:
    """Return whether the driver raised it, even if an interrupt followed; ``outer`` was being handled before."""
    while error is not None and error is not outer:
        if isinstance(error, sqlite3.Error):
            return True
        error = error.__cause__ or error.__context__
    return False
