"""Servers and databases that cannot be used as a store."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from scripts.postgres_server import GUARDED, ROLE, Server
from tests.postgres.proxy import proxied
from tests.storages.refusing import SECRET, RefusedStore, RefusedStoreCases, error_of
from usercore import Busy, Corrupt, NewerSchema, ReadOnly, Unavailable, Unsupported

FULL: Final = "full"
"""A role that may have no connection."""

HOST: Final = "127.0.0.1:{port}"
OWN: Final = f"{ROLE}:{SECRET}@{HOST}/{{database}}"
LIMITED: Final = f"{GUARDED}:{SECRET}@{HOST}/{{database}}"


@attrs.frozen
class Row:
    """What makes a database unusable, with the URL and the error."""

    error: type[Exception]
    reason: str
    url: str = OWN
    sql: str = ""
    """What is run in the database."""

    has_store: bool = True
    """Whether the database has usercore's tables."""

    cut_at: bytes = b""
    """A word at which the proxy cuts the wire."""


ROWS: Final = {
    "no server": Row(Unavailable, "Connection refused", f"{ROLE}:{SECRET}@127.0.0.1:1/people"),
    "no socket": Row(Unavailable, "/missing/folder", f"{ROLE}:{SECRET}@/people?host=/missing/folder"),
    "a wrong password": Row(
        Unavailable, "password authentication failed", f"{GUARDED}:wrong-{SECRET}@{HOST}/{{database}}"
    ),
    "no such role": Row(Unavailable, 'role "guest" does not exist', f"guest:{SECRET}@{HOST}/{{database}}"),
    "no such database": Row(Unavailable, 'database "missing" does not exist', f"{ROLE}:{SECRET}@{HOST}/missing"),
    "no privilege": Row(Unavailable, "permission denied for schema public", LIMITED, has_store=False),
    "no privilege on the tables": Row(Unavailable, "permission denied for table usercore_schema", LIMITED),
    "no connections": Row(
        Unavailable,
        "is not currently accepting connections",
        sql="UPDATE pg_database SET datallowconn = false WHERE datname = '{database}'",
    ),
    "no further connection": Row(
        Busy, f'too many connections for role "{FULL}"', f"{FULL}:{SECRET}@{HOST}/{{database}}"
    ),
    "a session that ends at once": Row(
        Unavailable, "server closed the connection", OWN.replace("port", "proxy"), cut_at=b"usercore_schema"
    ),
    "an empty database that is only read": Row(
        ReadOnly,
        "read-only transaction",
        sql="ALTER DATABASE {database} SET default_transaction_read_only = on",
        has_store=False,
    ),
    "a store that is only read": Row(
        ReadOnly, "read-only transaction", sql="ALTER DATABASE {database} SET default_transaction_read_only = on"
    ),
    "another encoding": Row(Unsupported, "a database that keeps UTF-8", f"{ROLE}:{SECRET}@{HOST}/latin"),
    "a newer schema": Row(NewerSchema, "found=99 known=1", sql="UPDATE usercore_schema SET version = 99"),
    "no version": Row(Corrupt, "usercore_schema has no version", sql="DELETE FROM usercore_schema"),
    "no table of users": Row(Unavailable, "usercore_users", sql="DROP TABLE usercore_users"),
    "an unknown option": Row(ValueError, "does not know one of its options", f"{OWN}?colour=red"),
    "a password with a slash": Row(ValueError, "a PostgreSQL URL is", OWN.replace(SECRET, f"{SECRET}/x")),
}


@pytest.fixture(scope="module")
def refusing(server: Server) -> Server:
    """Return the server, with a role that may create nothing, one without connections, and a database without UTF-8."""
    server.ask(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{SECRET}'")
    server.ask(f"CREATE ROLE {FULL} LOGIN CONNECTION LIMIT 0")
    server.ask("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    return server


@pytest.fixture(params=ROWS)
def refused(request: pytest.FixtureRequest, refusing: Server, template: str, tmp_path: Path) -> Iterator[RefusedStore]:
    """Return a database that cannot be used."""
    row = ROWS[request.param]
    database = refusing.make_database(template if row.has_store else "template1")
    if row.sql:
        refusing.ask(row.sql.format(database=database), database=database)
    with proxied(refusing.port) as proxy:
        yield RefusedStore(
            url=f"postgresql://{row.url.format(port=refusing.port, proxy=proxy.port, database=database)}",
            error=row.error,
            reason=row.reason,
            folder=tmp_path,
            prepare=partial(proxy.cut_at, row.cut_at, reaches=False) if row.cut_at else lambda: None,
        )
    refusing.ask(f"DROP DATABASE {database} WITH (FORCE)")


class TestRefusedDatabases(RefusedStoreCases):
    """Cases that only PostgreSQL has."""

    @pytest.mark.rule("ERR")
    def test_an_error_of_checking_it_names_the_same_reason(self, refused: RefusedStore) -> None:
        error = error_of("check", refused)
        assert error is None or refused.reason in str(error)
