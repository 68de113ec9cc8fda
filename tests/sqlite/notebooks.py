"""A writing connection over a table of the tests' own, with its groups formed as a test wants them."""

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
"""Seconds after which somebody who does not come is given up: a fault."""

ORIGIN: Final = UnitContext(context=Context(), clock=FakeClock())

TABLES: Final = (
    "CREATE TABLE notes (name TEXT NOT NULL, part INTEGER NOT NULL) STRICT",
    "CREATE TABLE keys (name TEXT PRIMARY KEY) STRICT",
    "CREATE TABLE leaning (name TEXT REFERENCES keys (name) DEFERRABLE INITIALLY DEFERRED) STRICT",
)

Work = Callable[[Executor], Any]


def note(name: str) -> Work:
    """Make a unit that writes a name down in two statements, and gives it."""

    def work(run: Executor) -> str:
        for part in (1, 2):
            run("INSERT INTO notes VALUES (?, ?)", (name, part))
        return name

    return work


def kinds(outcomes: Sequence[object]) -> list[object]:
    """Show errors by their class."""
    return [type(one) if isinstance(one, BaseException) else one for one in outcomes]


class WaitingLine(list[QueuedUnit]):
    """The jobs that wait, which says whenever one more does, and is told when to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Semaphore(0)
        self.go_on = threading.Event()

    def append(self, job: QueuedUnit) -> None:
        super().append(job)
        self.came.release()


class Notebook:
    """A writer, what ran on it, and what is found afterwards.

    ``statements`` is what SQLite was asked, ``groups`` how many units each leader took; both without the unit that held
    the line up. ``at_commit`` is called when a group is about to commit.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.raw = self.writer._connection.raw
        self.statements: list[str] = []
        self.groups: list[int] = []
        self.at_commit: Callable[[], object] = lambda: None
        self.is_held_up = False
        for table in TABLES:
            self.raw.execute(table)
        self.raw.set_trace_callback(self._trace)
        self.line = self.writer._queue
        self._lead, self.line._lead = self.line._lead, self._noted

    def _noted(self, take: Take) -> None:
        def taken() -> Sequence[QueuedUnit]:
            jobs = take()
            self.groups.append(len(jobs))
            return jobs

        self._lead(taken)

    def _trace(self, statement: str) -> None:
        if statement != "COMMIT":
            self.statements.append(statement)
        elif self.is_held_up:
            self.is_held_up = False
            self.forget()
        else:
            self.statements.append(statement)
            self.at_commit()

    def write(self, work: Callable[[Executor], T]) -> T:
        """Run a unit."""
        result, _ = self.writer.run(lambda _: work(self.writer._connection), ORIGIN)
        return result

    @contextmanager
    def held_up(self) -> Iterator[WaitingLine]:
        """Hold the line up by a unit of another thread, until the line is told to go on."""
        inside, line = threading.Event(), WaitingLine()

        def hold(_: Executor) -> None:
            self.line._waiting, self.is_held_up = line, True
            inside.set()
            assert line.go_on.wait(PATIENCE)

        with ThreadPoolExecutor(1) as pool:
            holder = pool.submit(self.write, hold)
            try:
                assert inside.wait(PATIENCE)
                yield line
            finally:
                line.go_on.set()
                holder.result(PATIENCE)

    def stand(self, pool: ThreadPoolExecutor, line: WaitingLine, works: Sequence[Work]) -> list[Future[Any]]:
        """Let these wait in the line, in their order."""
        futures = []
        for work in works:
            futures.append(pool.submit(self.write, work))
            assert line.came.acquire(timeout=PATIENCE)
        return futures

    def group(self, *works: Work, while_waiting: Callable[[list[Future[Any]]], object] = lambda _: None) -> list[Any]:
        """Run these in one group; give the result or the error of each."""
        with ThreadPoolExecutor(len(works)) as pool, self.held_up() as line:
            futures = self.stand(pool, line, works)
            while_waiting(futures)
        return [future.exception(PATIENCE) or future.result() for future in futures]

    def forget(self) -> None:
        """Forget what ran so far."""
        self.statements.clear()
        self.groups.clear()

    def found(self) -> list[str]:
        """Give the names that are there, each once for both of its parts; a half note is no note."""
        rows = self.raw.execute("SELECT name, part FROM notes ORDER BY rowid").fetchall()
        assert not self.raw.in_transaction
        assert rows == [(name, part) for name, _ in rows[::2] for part in (1, 2)], "half a unit, or a mixed one"
        return [name for name, _ in rows[::2]]


class Guarded(Notebook):
    """Writes as services do: through the store."""

    def __init__(self, store: SqliteStorage) -> None:
        super().__init__(store.writer())
        self.units = store.units(ORIGIN)

    def write(self, work: Callable[[Executor], T]) -> T:
        return self.units.write(lambda _: work(self.writer._connection))
