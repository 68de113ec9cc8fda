"""Lazy transactions: a read of a single statement, which most are, runs without a transaction.

One SELECT sees one snapshot anyway; BEGIN and ROLLBACK would add a quarter to its time, twice that between threads, and
two round trips over a network. When a second statement follows, a transaction begins and repeats the first statement in
it. If it returns the same rows, everything read belongs to one snapshot; if not, another transaction has committed in
between, and the query starts over in a transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from usercore.kernel.errors import RunAgain
from usercore.storage.recording import UnitContext
from usercore_storage.sql.executor import Executor, Statement
from usercore_storage.sql.table import Row
from usercore_storage.sql.unit import SqlUnit

T = TypeVar("T")


class LazyTransaction(Executor):
    """The statements of one query and the unit that it works with."""

    def __init__(self, run: Executor, begin: Callable[[Sequence[Statement]], Sequence[list[Row]]]) -> None:
        """Run statements through ``run``.

        ``begin`` opens a transaction that sees one snapshot, runs one or two statements in it, and returns the rows of
        each.
        """
        self._run, self._begin_with = run, begin
        self._first: tuple[Statement, list[Row]] | None = None
        self._has_begun, self._may_be_single = False, True
        self.unit = SqlUnit(self)

    def read(self, query: Callable[[SqlUnit], T], origin: UnitContext, *, at_once: bool) -> T:
        """Run a query with this context; open the transaction with its first statement or when it is needed.

        It is never committed: it ends when the connection is released.
        """
        self._has_begun, self._may_be_single = False, not at_once
        self.unit.begin(origin)
        try:
            return query(self.unit)
        finally:
            self._first = None  # or a thousand rows would stay in memory until the next query

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        if self._has_begun:
            return self._run(statement, values)
        if self._may_be_single and self._first is None and statement.startswith("SELECT"):
            rows = self._run(statement, values)
            self._first = (statement, values), rows
            return rows
        return self._begin((statement, values))

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        for row in rows:
            self(statement, row)

    def _begin(self, second: Statement) -> list[Row]:
        if self._first is None:
            (rows,) = self._begin_with([second])
            self._has_begun = True
            return rows
        first, seen = self._first
        again, rows = self._begin_with([first, second])
        self._has_begun = True
        if again != seen:
            raise RunAgain
        return rows
