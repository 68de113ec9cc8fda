"""The writing connection: one for the process, one writer at a time between processes."""

import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import StorageError
from usercore.storage.recording import UnitContext
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.commit_queue import LONGEST_WAIT, CommitQueue, QueuedUnit, Take
from usercore_storage.sqlite.identity import StoreFile
from usercore_storage.sqlite.process_lock import ProcessLock

T = TypeVar("T")


class Writer:
    """Runs units in groups: each in a savepoint, all in one transaction, everybody told after its commit.

    Processes wait for their turn; ``BEGIN IMMEDIATE`` stands behind it for writers that know nothing of turns.
    """

    def __init__(self, path: Path, *, file: StoreFile | None = None, longest_wait: float = LONGEST_WAIT) -> None:
        """Open the connection and the side file; ``file`` is the one at the path, if it is noted already."""
        self._file = file or StoreFile(path)
        self._process_lock = ProcessLock(path)
        try:
            self._connection = self._file.connect()
        except BaseException:
            self._process_lock.close()
            raise
        self._record: bytes | None = None
        self._longest_wait = longest_wait
        self._queue = CommitQueue(self._lead, longest_wait=longest_wait)
        self._sent: Sequence[QueuedUnit] = ()

    def run(self, work: Callable[[SqlUnit], T], origin: UnitContext) -> tuple[T, Sequence[Entry]]:
        """Run ``work`` and keep all of it or nothing; give its result and what it recorded.

        Raises:
            StorageError: it could not be kept.
        """
        job = QueuedUnit(work, origin)
        self._queue.submit(job)
        if job.error is not None:
            raise job.error
        return job.result, job.entries

    def _lead(self, take: Take) -> None:
        self._process_lock.run(partial(self._run, take), longest_wait=self._longest_wait)

    def _run(self, take: Take) -> None:
        try:
            self._settle()  # what another leader was interrupted in
            self._begin()
            jobs = take()
            if not self._keeps(jobs):
                self._run_alone(jobs)
        except BaseException:
            try:
                self._settle()
            except BaseException:
                self._settle()
                raise
            raise

    def _run_alone(self, jobs: Sequence[QueuedUnit]) -> None:
        """Run jobs again, each in a transaction of its own, so that the guilty one fails alone."""
        for number, job in enumerate(jobs):
            try:
                self._begin()
            except StorageError as error:  # the rest need not wait as long as this one did
                _finish(jobs[number:], error)
                return
            self._keeps([job])

    def _begin(self) -> None:
        """Begin a transaction in the store's own file.

        Raises:
            StoreMoved: another file is at the path, or another process opened another one there since.
            StorageError: it could not begin.
        """
        self._connection("BEGIN IMMEDIATE")
        self._connection.unit.begin_transaction()
        self._file.check()
        if self._record is None:
            record = self._file.record()
            self._process_lock.remember(record)
            self._record = record
        elif not self._process_lock.remembers(self._record):
            self._file.move(f"another process opened another store at {str(self._file.path)!r}")
            self._file.check()

    def _keeps(self, jobs: Sequence[QueuedUnit]) -> bool:
        """Run jobs in the transaction that is open, and commit it.

        A job alone is done then, whatever came of it. Several are done together, or none is.
        """
        alone = len(jobs) == 1
        try:
            for job in jobs:
                self._try(job, alone=alone)
            self._commit(jobs)
            self._settle()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            self._settle()
            if alone:
                _finish(jobs, error)
            return alone
        return True

    def _try(self, job: QueuedUnit, *, alone: bool) -> None:
        connection, unit = self._connection, self._connection.unit
        job.error = None
        unit.begin(job.origin)
        if alone:
            _work(job, unit)
            return
        connection("SAVEPOINT unit")
        try:
            _work(job, unit)
        except BaseException as error:
            if _is_interrupt(error) or not connection.raw.in_transaction:
                raise  # SQLite may have given up the whole transaction; the next savepoint would commit by itself
            connection("ROLLBACK TO unit")
            job.error = error
        connection("RELEASE unit")

    def _commit(self, jobs: Sequence[QueuedUnit]) -> None:
        outer = sys.exception()
        self._sent = jobs
        try:
            self._connection("COMMIT")
        except BaseException as error:
            if _is_of_driver(error, outer):  # and not a Ctrl-C that came after the commit
                self._sent = ()
            raise

    def _settle(self) -> None:
        """Tell those whose commit is through, or take back what is open. Doing so again harms nothing.

        A commit is through only if the file is still at its path: the check before it may be as old as the units.
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
        """Give up, in a child, the side file by which the parent has its turn; see ``forks``."""
        self._process_lock.close()

    def close(self) -> None:
        """Wait for the group that is running and close; closing again does nothing."""
        with self._process_lock.lock:
            self._connection.close()
            self._process_lock.close()


def _work(job: QueuedUnit, unit: SqlUnit) -> None:
    job.result = job.work(unit)
    unit.finish()
    job.entries = unit.entries


def _finish(jobs: Sequence[QueuedUnit], error: Exception | None = None) -> None:
    for job in jobs:
        job.error = error or job.error
        job.done = True
        job.call()


def _is_interrupt(error: BaseException) -> bool:
    """Say whether it came from outside, as a Ctrl-C to the main thread does, and not from the unit."""
    return not isinstance(error, Exception) and threading.current_thread() is threading.main_thread()


def _is_of_driver(error: BaseException | None, outer: BaseException | None) -> bool:
    """Say whether the driver refused, also when a Ctrl-C came on top; ``outer`` was being handled before."""
    while error is not None and error is not outer:
        if isinstance(error, sqlite3.Error):
            return True
        error = error.__cause__ or error.__context__
    return False
