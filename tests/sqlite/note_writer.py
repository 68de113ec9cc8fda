"""A writing connection over a table of the tests' own, with groups formed as a test needs them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from usercore.kernel.context import Context
from usercore.storage.recording import UnitContext
from usercore.testing import FakeClock
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.commit_queue import QueuedUnit, Take
from usercore_storage.sqlite.writer import Writer

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds after which a missing thread is a fault."""

ORIGIN: Final = UnitContext(context=Context(), clock=FakeClock())

TABLES: Final = (
    "CREATE TABLE notes (name TEXT NOT NULL, part INTEGER NOT NULL) STRICT",
    "CREATE TABLE keys (name TEXT PRIMARY KEY) STRICT",
    "CREATE TABLE leaning (name TEXT REFERENCES keys (name) DEFERRABLE INITIALLY DEFERRED) STRICT",
)

Work = Callable[[Executor], Any]


def note(name: str) -> Work:
    """Return a unit that writes a name in two statements and returns it."""

    def work(run: Executor) -> str:
        for part in (1, 2):
            run("INSERT INTO notes VALUES (?, ?)", (name, part))
        return name

    return work


def kinds(outcomes: Sequence[object]) -> list[object]:
    """Return the outcomes with errors replaced by their classes."""
    return [type(one) if isinstance(one, BaseException) else one for one in outcomes]


class ObservedQueue(list[QueuedUnit]):
    """The queued units; it signals each addition, and waits to be released."""

    def __init__(self) -> None:
        super().__init__()
        self.added = threading.Semaphore(0)
        self.released = threading.Event()

    def append(self, queued: QueuedUnit) -> None:
        super().append(queued)
        self.added.release()


class NoteWriter:
    """A writer, the statements and groups that it ran, and the rows in its table.

    ``statements`` are those that SQLite ran, ``groups`` the numbers of units that each leader took; both without the
    unit that blocked the queue. ``at_commit`` is called when a group is about to commit.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.raw = self.writer._connection.raw
        self.statements: list[str] = []
        self.groups: list[int] = []
        self.at_commit: Callable[[], object] = lambda: None
        self.is_blocked = False
        for table in TABLES:
            self.raw.execute(table)
        self.raw.set_trace_callback(self._trace)
        self.queue = self.writer._queue
        self._lead, self.queue._lead = self.queue._lead, self._noted

    def _noted(self, take: Take) -> None:
        def taken() -> Sequence[QueuedUnit]:
            group = take()
            self.groups.append(len(group))
            return group

        self._lead(taken)

    def _trace(self, statement: str) -> None:
        if statement != "COMMIT":
            self.statements.append(statement)
        elif self.is_blocked:
            self.is_blocked = False
            self.forget()
        else:
            self.statements.append(statement)
            self.at_commit()

    def write(self, work: Callable[[Executor], T]) -> T:
        """Run a unit."""
        result, _ = self.writer.run(lambda _: work(self.writer._connection), ORIGIN)
        return result

    @contextmanager
    def blocked(self) -> Iterator[ObservedQueue]:
        """Block the queue by a unit of another thread, until the queue is released."""
        inside, queue = threading.Event(), ObservedQueue()

        def hold(_: Executor) -> None:
            self.queue._waiting, self.is_blocked = queue, True
            inside.set()
            assert queue.released.wait(PATIENCE)

        with ThreadPoolExecutor(1) as pool:
            holder = pool.submit(self.write, hold)
            try:
                assert inside.wait(PATIENCE)
                yield queue
            finally:
                queue.released.set()
                holder.result(PATIENCE)

    def enqueue(self, pool: ThreadPoolExecutor, queue: ObservedQueue, works: Sequence[Work]) -> list[Future[Any]]:
        """Queue these units, in their order."""
        futures = []
        for work in works:
            futures.append(pool.submit(self.write, work))
            assert queue.added.acquire(timeout=PATIENCE)
        return futures

    def group(self, *works: Work, while_waiting: Callable[[list[Future[Any]]], object] = lambda _: None) -> list[Any]:
        """Run these units in one group; return the result or the error of each."""
        with ThreadPoolExecutor(len(works)) as pool, self.blocked() as queue:
            futures = self.enqueue(pool, queue, works)
            while_waiting(futures)
        return [future.exception(PATIENCE) or future.result() for future in futures]

    def forget(self) -> None:
        """Forget the statements and groups so far."""
        self.statements.clear()
        self.groups.clear()

    def found(self) -> list[str]:
        """Return the stored names, each once for both of its parts; half a note fails."""
        rows = self.raw.execute("SELECT name, part FROM notes ORDER BY rowid").fetchall()
        assert not self.raw.in_transaction
        assert rows == [(name, part) for name, _ in rows[::2] for part in (1, 2)], "half a unit, or a mixed one"
        return [name for name, _ in rows[::2]]


class StoreNoteWriter(NoteWriter):
    """Writes as services do: through the store."""

    def __init__(self, store: SqliteStorage) -> None:
        super().__init__(store.writer())
        self.units = store.units(ORIGIN)

    def write(self, work: Callable[[Executor], T]) -> T:
        return self.units.write(lambda _: work(self.writer._connection))
