"""Helpers of the PostgreSQL tests: cores with fakes, and queries on the database itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow

from scripts.postgres_server import Server
from usercore import Host, Policy, RegistrationPolicy, UserCore
from usercore.storage import Storage
from usercore.testing import FakeHasher
from usercore_storage import postgres
from usercore_storage.postgres import PostgresStorage
from usercore_storage.postgres.connections import Connection
from usercore_storage.sql import tables

GENEROUS = Policy(registration=RegistrationPolicy(per_email_pause=timedelta(0), per_email=10**9))
"""Registrations of one email need no pause."""


def core_over(storage: Storage) -> UserCore:
    """Return a core that hashes without delay."""
    return UserCore.over(storage, Host(hasher=FakeHasher(), policy=GENEROUS))


@contextmanager
def opened(url: str) -> Iterator[PostgresStorage]:
    """Open a store for the duration of a ``with``."""
    storage = postgres.open_storage(url)
    try:
        yield storage
    finally:
        storage.close()


def call_before_statements(connection: Connection, notify: Callable[[bytes], object]) -> None:
    """Call ``notify`` with the text of each statement that is run on a connection from now on, before it is sent."""

    class Listening(psycopg.RawCursor[TupleRow]):
        def execute(self, query: Any, params: Any = None, **given: Any) -> Self:
            notify(query)
            return super().execute(query, params, **given)

    connection._cursors.clear()
    connection.raw.cursor_factory = Listening
    connection._commands = connection._cursor(binary=False)


def emails_in(server: Server, database: str) -> list[str]:
    """Return the emails of all users, sorted."""
    rows = server.ask("SELECT email FROM usercore_users ORDER BY email", database=database)
    return [email for (email,) in rows]


def effect_counts(server: Server, database: str) -> Counter[str]:
    """Return the number of rows of each table, and of all changes of users."""
    counts = " UNION ALL ".join(f"SELECT '{table.name}', count(*) FROM {table.name}" for table in tables.ALL)  # noqa: S608 - our names
    changes = "SELECT 'changes', sum(change_no)::bigint FROM usercore_users"
    return Counter(dict(server.ask(f"{counts} UNION ALL {changes}", database=database)))


def halves_in(server: Server, database: str) -> list[tuple[int]]:
    """Return users without their claim, history or attempt, and such rows without their user."""
    return server.ask(
        "SELECT coalesce(u.id, c.holder_id, h.subject_id, a.user_id) FROM usercore_users AS u"
        " FULL JOIN usercore_claims AS c ON c.holder_id = u.id"
        " FULL JOIN (SELECT * FROM usercore_history WHERE subject = 'user') AS h ON h.subject_id = u.id"
        " FULL JOIN (SELECT * FROM usercore_registration_attempts WHERE status = 'ok') AS a ON a.user_id = u.id"
        " WHERE u.id IS NULL OR c.holder_id IS NULL OR h.subject_id IS NULL OR a.user_id IS NULL",
        database=database,
    )
