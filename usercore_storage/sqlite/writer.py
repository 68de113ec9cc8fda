"""The writing connection: one for the process, one writer at a time between processes."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import Unavailable
from usercore.workflows.recording import Origin
from usercore_storage.sql.unit import SqlUnit
from usercore_storage.sqlite.connections import Connection
from usercore_storage.sqlite.files import open_side
from usercore_storage.sqlite.line import Job, Line

T = TypeVar("T")


class Writer:
    """Runs units in groups: each in a savepoint, all in one transaction, everybody told after its commit.

    Processes wait for one another on a side file: ``flock`` waits in the kernel, in order, and ends with its process.
    ``BEGIN IMMEDIATE`` stands behind it for writers that do not know the file.
    """

    def __init__(self, path: Path) -> None:
        """Open the connection and the side file."""
        self._side = open_side(path)
        try:
            self._connection = Connection(path)
        except BaseException:
            os.close(self._side)
            raise
        self._line = Line(self._run)
        self._running = threading.Lock()

    def run(self, work: Callable[[SqlUnit], T], origin: Origin) -> tuple[T, Sequence[Entry]]:
        """Run ``work`` and keep all of it or nothing; give its result and what it recorded.

        Raises:
            StorageError: it could not be kept.
        """
        job = Job(work, origin)
        self._line.stand(job)
        if job.error is not None:
            raise job.error
        return job.result, job.entries

    def _run(self, jobs: Sequence[Job]) -> None:
        with self._running:
            if self._side < 0:
                _finish(jobs, Unavailable())
                return
            try:
                fcntl.flock(self._side, fcntl.LOCK_EX)
                self._transact(jobs)
            finally:
                fcntl.flock(self._side, fcntl.LOCK_UN)

    def _transact(self, jobs: Sequence[Job]) -> None:
        """Run the jobs in one transaction; whoever fails is taken back alone."""
        connection, sent = self._connection, False
        try:
            connection("BEGIN IMMEDIATE")
            for job in jobs:
                self._try(job, alone=len(jobs) == 1)
            sent = True
            connection("COMMIT")
            _finish(jobs)
        except BaseException as error:
            if sent and not connection.raw.in_transaction and not _is_of_driver(error):
                _finish(jobs)  # committed, and only then interrupted
                raise
            connection.roll_back()  # some errors end the whole transaction; then there is nothing to take back
            if not isinstance(error, Exception):
                raise  # the others wait again and are led by the next
            if len(jobs) == 1:
                _finish(jobs, error)
            else:
                for job in jobs:  # each alone, so that the guilty one fails alone
                    self._transact([job])

    def _try(self, job: Job, *, alone: bool) -> None:
        connection, unit = self._connection, self._connection.unit
        job.error = None
        unit.begin(job.origin)
        if alone:
            job.result, job.entries = job.work(unit), unit.entries
            return
        connection("SAVEPOINT unit")
        try:
            job.result, job.entries = job.work(unit), unit.entries
        except BaseException as error:
            if _is_interrupt(error) or not connection.raw.in_transaction:
                raise
            connection("ROLLBACK TO unit")
            job.error = error
        connection("RELEASE unit")

    def close(self) -> None:
        """Wait for the group that is running and close; closing again does nothing."""
        with self._running:
            self._connection.close()
            if self._side >= 0:
                os.close(self._side)
                self._side = -1


def _finish(jobs: Sequence[Job], error: Exception | None = None) -> None:
    for job in jobs:
        job.error = error or job.error
        job.done = True
        job.call()


def _is_interrupt(error: BaseException) -> bool:
    """Say whether it is a Ctrl-C, which belongs to the main thread, and not something that the unit raised."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def _is_of_driver(error: BaseException | None) -> bool:
    """Say whether the driver refused, also when a Ctrl-C came on top of it."""
    while error is not None:
        if isinstance(error, sqlite3.Error):
            return True
        error = error.__cause__ or error.__context__
    return False
