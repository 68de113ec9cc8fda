"""Two-phase commit on a cluster, for units whose rows must agree although they live on several nodes.

Citus commits on one node after the other if no statement has written to several shards. A crash or a refusal between
two of these commits leaves claims without their user, or a user without claims.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from usercore_storage.postgres.sharding import GROUPS
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row
from usercore_storage.sql.tables import CLAIMS, USERS

PREPARE_ON_ALL: Final = "DELETE FROM usercore_users WHERE id IN (-1, -2, -3, -4)"
"""A statement that matches no row, on several shards: after it, the transaction is prepared on each of its nodes before
it is committed on any. The ids live on at least two shards, however many there are; a test computes their hashes."""

OF_USERS: Final = frozenset(name for name, group in GROUPS.items() if group == USERS.name)
"""The tables whose rows live on the shard of their user."""

_WRITTEN: Final = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@lru_cache(maxsize=1024)
def table_written(statement: str) -> str | None:
    """Return the table that a statement writes, or None if it only reads."""
    found = _WRITTEN.match(statement)
    return None if found is None else found[1]


class WrittenTables:
    """The tables that a transaction has written."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self._names: set[str] = set()

    def forget(self) -> None:
        """Begin with a new transaction."""
        self._names.clear()

    def note(self, statement: str) -> None:
        """Note the table that a statement writes."""
        name = table_written(statement)
        if name is not None:
            self._names.add(name)

    @property
    def must_agree(self) -> bool:
        """Whether claims and rows of users were written, which live on different shards."""
        return CLAIMS.name in self._names and not self._names.isdisjoint(OF_USERS)


class NotingExecutor(Executor):
    """Statements in a transaction of the host on a cluster, and what they wrote."""

    def __init__(self, run: Executor) -> None:
        """Run statements through ``run``."""
        self._run = run
        self._written = WrittenTables()

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        self._written.note(statement)
        return self._run(statement, values)

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        self._written.note(statement)
        self._run.many(statement, rows)

    def finish(self) -> None:
        """Have the host's transaction prepared on all nodes, if a unit in it wrote rows that must agree."""
        if self._written.must_agree:
            self._run(PREPARE_ON_ALL)
            self._written.forget()
