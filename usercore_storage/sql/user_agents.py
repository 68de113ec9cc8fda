"""User agents in SQL: each text is stored once, and attempts and access tokens have its digest."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from usercore.attempts.ports import UserAgentRepository
from usercore.kernel.time import LAST, MICROSECOND, to_micros
from usercore_storage.sql.digests import digest_of_user_agent
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import ALL, USER_AGENTS

STORE: Final = (
    f"INSERT INTO usercore_user_agents (digest, {USER_AGENTS.select}) SELECT ?, ?, ? WHERE NOT EXISTS"
    " (SELECT 1 FROM usercore_user_agents AS u WHERE u.digest = ? AND u.used_until >= ?)"
    " ON CONFLICT (digest) DO UPDATE SET used_until = excluded.used_until"
    " WHERE usercore_user_agents.used_until < excluded.used_until"
)
"""A row that needs no change is not locked: a host's transaction would hold the lock until its own commit."""

REMOVE: Final = (
    "DELETE FROM usercore_user_agents WHERE digest IN (SELECT digest FROM usercore_user_agents"
    " WHERE used_until < ? ORDER BY used_until LIMIT ?) AND used_until < ? RETURNING digest"
)

REMOVE_ONE: Final = "DELETE FROM usercore_user_agents WHERE digest = ?"
"""It names no other table, of which a cluster has no copies beside this one."""

NAMING: Final = tuple((table.name, column.name) for table in ALL for column in table.columns if column.once is not None)
"""The columns that have the digests of user agents."""

ROUNDED_TO: Final = timedelta(days=7) // MICROSECOND
"""``used_until`` is rounded up to whole weeks, so that the row of a frequent user agent changes once a week."""

_LATEST: Final = to_micros(LAST - MICROSECOND)

MOST_KNOWN: Final = 1024
"""Digests that one connection knows to be committed. Source: usercore; a popular site sees a few hundred a day."""


class SqlUserAgents(UserAgentRepository):
    """Stores user agents in the transaction of the executor, and remembers those that were committed.

    What a unit stored is remembered only after its transaction's commit: a unit that failed, a group that was taken
    back and a host's transaction leave nothing to believe in. A remembered digest stays true until ``used_until``,
    because no process removes a user agent before.
    """

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run
        self.from_all_shards = {  # rows of any user may have the digest
            table: f"SELECT 1 FROM {table} WHERE {column} = ? AND {column} IS NOT NULL LIMIT 1"
            for table, column in NAMING
        }
        self._committed: dict[bytes, int] = {}
        self._of_transaction: dict[bytes, int] = {}
        self._of_unit: dict[bytes, int] = {}

    def store(self, text: str | None, *, until: datetime) -> None:
        """Store a user agent, if there is one and it is not known to be stored; a row names it until this instant."""
        if text is None:
            return
        digest = digest_of_user_agent(text)
        instant = to_micros(until)
        committed = self._committed.get(digest)
        if committed is not None and committed > instant:
            return
        rounded = min((instant // ROUNDED_TO + 1) * ROUNDED_TO, _LATEST)
        self._run(STORE, (digest, text, rounded, digest, rounded))
        self._of_unit[digest] = rounded

    def remove_unused(self, before: datetime, *, limit: int) -> int:
        instant = to_micros(before)
        return len(self._run(REMOVE, (instant, limit, instant)))

    def remove_unused_of(self, digests: Iterable[bytes | None]) -> None:
        """Remove those of these user agents that no row names.

        Another connection may take a removed one for stored until its week is over; the rows that it adds meanwhile
        have no user agent, because an INSERT takes only digests that are stored.
        """
        for digest in {bytes(digest) for digest in digests if digest is not None}:
            if any(self._run(statement, (digest,)) for statement in self.from_all_shards.values()):
                continue
            self._run(REMOVE_ONE, (digest,))
            for known in (self._committed, self._of_transaction, self._of_unit):
                known.pop(digest, None)

    def begin_transaction(self) -> None:
        """Note that a transaction of the storage's own begins; forget what an earlier one did not commit."""
        self._of_transaction.clear()

    def begin_unit(self) -> None:
        """Forget what a unit stored that did not finish."""
        self._of_unit.clear()

    def finish_unit(self) -> None:
        """Note that the unit is part of the transaction now."""
        if self._of_unit:
            self._of_transaction |= self._of_unit
            self._of_unit.clear()

    def commit(self) -> None:
        """Remember what the transaction stored: it was committed, with all units that finished in it."""
        if not self._of_transaction:
            return
        self._committed |= self._of_transaction
        self._of_transaction.clear()
        while len(self._committed) > MOST_KNOWN:
            del self._committed[next(iter(self._committed))]
