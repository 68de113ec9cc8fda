"""What tests of PostgreSQL share: cores over fakes, and what they see in the database itself."""

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

GENEROUS = Policy(registration=RegistrationPolicy(per_email_pause=timedelta(0), per_email=10**9))
"""Nobody has to pause between two registrations."""


def core_over(storage: Storage) -> UserCore:
    """Give a core that hashes at once."""
    return UserCore.over(storage, Host(hasher=FakeHasher(), policy=GENEROUS))


@contextmanager
def opened(url: str) -> Iterator[PostgresStorage]:
    """Open a store for a while."""
    storage = postgres.open_storage(url)
    try:
        yield storage
    finally:
        storage.close()


def call_before_statements(connection: Connection, hear: Callable[[bytes], object]) -> None:
    """Call ``hear`` with the text of each statement that is run on a connection from now on, before it is sent."""

    class Listening(psycopg.RawCursor[TupleRow]):
        def execute(self, query: Any, params: Any = None, **given: Any) -> Self:
            hear(query)
            return super().execute(query, params, **given)

    connection._cursors.clear()
    connection.raw.cursor_factory = Listening
    connection._commands = connection._cursor(binary=False)


def emails_in(server: Server, database: str) -> list[str]:
    """Give the emails of all users, sorted."""
    rows = server.ask("SELECT email FROM usercore_users ORDER BY email", database=database)
    return [email for (email,) in rows]


def halves_in(server: Server, database: str) -> list[tuple[int]]:
    """Give who lacks the user, the claim, the history or the attempt that one unit made together."""
    return server.ask(
        "SELECT coalesce(u.id, c.holder_id, h.subject_id, a.user_id) FROM usercore_users AS u"
        " FULL JOIN usercore_claims AS c ON c.holder_id = u.id"
        " FULL JOIN (SELECT * FROM usercore_history WHERE subject = 'user') AS h ON h.subject_id = u.id"
        " FULL JOIN (SELECT * FROM usercore_registration_attempts WHERE status = 'ok') AS a ON a.user_id = u.id"
        " WHERE u.id IS NULL OR c.holder_id IS NULL OR h.subject_id IS NULL OR a.user_id IS NULL",
        database=database,
    )
