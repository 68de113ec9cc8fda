"""Glances: reads of one statement, which are most, without a transaction.

One SELECT sees one state anyway, and BEGIN and its end would cost a quarter as much again as it does, between threads
twice that, over a network three times the wait. When a second statement comes, a transaction begins, and the first runs
once more in it: if it gives the same rows, all that was seen belongs to one state; if not, somebody came between, and
the look starts over in a transaction.
"""

from collections.abc import Callable, Iterable, Sequence

from usercore.kernel.errors import RunAgain
from usercore.storage.recording import UnitContext
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row, Rows
from usercore_storage.sql.unit import SqlUnit


class LazyTransaction(Executor):
    """The statements of a look, and the unit that it works with."""

    def __init__(self, run: Executor, begin: Callable[[], object]) -> None:
        """Look through ``run``; ``begin`` opens a transaction that sees one state."""
        self._run, self._open = run, begin
        self._first: tuple[str, Sequence[object], Rows] | None = None
        self._has_begun = False
        self.unit = SqlUnit(self)

    def begin(self, origin: UnitContext, *, at_once: bool) -> None:
        """Start a look for this origin; in a transaction ``at_once``, or when it is needed.

        Nobody commits it: it ends when the connection is given back.
        """
        self._first, self._has_begun = None, False
        self.unit.begin(origin)
        if at_once:
            self._begin()

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> Rows:
        if not self._has_begun:
            if self._first is None and statement.startswith("SELECT"):
                rows = self._run(statement, values)
                self._first = statement, values, rows
                return rows
            self._begin()
        return self._run(statement, values)

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        for row in rows:
            self(statement, row)

    def _begin(self) -> None:
        self._open()
        self._has_begun = True
        if self._first is not None:
            statement, values, rows = self._first
            if self._run(statement, values) != rows:
                raise RunAgain
