"""Batches: a writing unit sends together what it need not wait for.

A statement that returns rows is sent at once, with all those before it that return none: BEGIN and its settings travel
with the first statement, INSERTs with the next SELECT or with COMMIT. Each batch ends with a Sync, so that the server
runs it as far as its first error, and limits the pause after it. So the error of a statement is raised by the one that
took it along, or by the commit. It ends the unit.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, Protocol

from usercore_storage.postgres.copy_in import as_one, copy_for
from usercore_storage.postgres.two_phase import PREPARE_ON_ALL, WrittenTables
from usercore_storage.sql.executor import Executor, Statement
from usercore_storage.sql.table import Row
from usercore_storage.sql.unit import SqlUnit

LONGEST: Final = 256
"""Statements after which a batch is sent, so that it does not grow with the rows of a unit."""


class BatchExecutor(Executor, Protocol):
    """A connection that runs several statements in one round trip."""

    @abstractmethod
    def together(self, batch: Sequence[Statement], /) -> list[Row]:
        """Run statements, and return the rows of the last one. After the first error none is run."""

    @abstractmethod
    def commit(self, batch: Sequence[Statement], /) -> None:
        """Run statements, and commit the transaction unless one of them failed."""


@cache
def returns_rows(statement: str) -> bool:
    """Return whether a statement returns rows."""
    return statement.startswith("SELECT ") or " RETURNING " in statement


class WriteTransaction(Executor):
    """The transaction of a writing unit on a connection of usercore's, and the unit."""

    def __init__(self, connection: BatchExecutor, begin: Sequence[str], *, is_on_cluster: bool = False) -> None:
        """Use this connection; ``begin`` are the statements that begin a transaction."""
        self._connection = connection
        self._written = WrittenTables() if is_on_cluster else None
        self._begin: list[Statement] = [(statement, ()) for statement in begin]
        self._waiting: list[Statement] = []
        self.unit = SqlUnit(self)

    def begin(self, *settings: str) -> None:
        """Begin a transaction with more settings, once its first statement is sent."""
        self._waiting = [*self._begin, *((setting, ()) for setting in settings)]
        if self._written is not None:
            self._written.forget()

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        if statement.startswith("ROLLBACK "):
            self._send()  # the driver then forgets what is prepared, which it can do between batches only
            return self._connection(statement)
        self._note(statement)
        self._waiting.append((statement, values))
        return self._send() if returns_rows(statement) or len(self._waiting) >= LONGEST else []

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        several = list(rows)
        one = as_one(statement, several)
        if one is not None:
            self(*one)
        elif several and copy_for(statement) is not None:
            self._note(statement)
            self._send()
            self._connection.many(statement, several)
        else:
            self._note(statement)
            for row in several:
                self._waiting.append((statement, row))
                if len(self._waiting) >= LONGEST:
                    self._send()

    def _note(self, statement: str) -> None:
        if self._written is not None:
            self._written.note(statement)

    def _send(self) -> list[Row]:
        batch, self._waiting = self._waiting, []
        return self._connection.together(batch) if batch else []

    def commit(self) -> None:
        """Send what waits, and commit. A unit without statements sends nothing."""
        if self._written is not None and self._written.must_agree:
            self._waiting.append((PREPARE_ON_ALL, ()))
        batch, self._waiting = self._waiting, []
        if batch != self._begin:
            self._connection.commit(batch)
