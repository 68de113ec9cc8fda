"""A server that pretends to be of another kind: its version text, and functions that record how they are called.

The functions are in the schema of the tables, which comes before the server's own in the ``search_path``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from scripts.postgres_server import Server
from usercore_storage.postgres.profiles import AURORA_DSQL, CITUS, COCKROACHDB, POSTGRESQL, YUGABYTEDB

VERSIONS: Final = {
    POSTGRESQL.name: "PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
    CITUS.name: "Citus 13.2.0 on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit",
    COCKROACHDB.name: "CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu, built 2025/06/04 15:29:03, go1.23.7)",
    YUGABYTEDB.name: "PostgreSQL 15.12-YB-2025.1.0.1-b0 on x86_64-pc-linux-gnu, compiled by clang version 17, 64-bit",
    AURORA_DSQL.name: "PostgreSQL 16",
}

_CITUS: Final = """
CREATE FUNCTION citus_version() RETURNS text LANGUAGE sql AS $$ SELECT 'VERSION'::text $$;
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL);
CREATE TABLE citus_calls (no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, call text NOT NULL);
CREATE FUNCTION create_reference_table(one regclass) RETURNS void LANGUAGE sql AS $$
  INSERT INTO pg_dist_partition VALUES (one, 'n');
  INSERT INTO citus_calls (call) VALUES (format('reference %s', one)) $$;
CREATE FUNCTION create_distributed_table(
  one regclass, shard text, kind text DEFAULT 'hash', colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
  INSERT INTO pg_dist_partition VALUES (one, 'h');
  INSERT INTO citus_calls (call) VALUES (format('distributed %s %s %s %s', one, shard, colocate_with, shard_count)) $$;
CREATE FUNCTION truncate_local_data_after_distributing_table(one regclass) RETURNS void LANGUAGE sql AS $$
  INSERT INTO citus_calls (call) VALUES (format('truncated %s', one)) $$
"""


def pretend(server: Server, database: str, kind: str) -> None:
    """Have a database pretend to be one of this kind of server."""
    text = VERSIONS[kind]
    made = _CITUS.replace("VERSION", text)
    if kind != CITUS.name:
        made = f"CREATE FUNCTION version() RETURNS text LANGUAGE sql AS $$ SELECT '{text}'::text $$"
    server.ask(made.replace("%", "%%"), database=database)
    server.ask(f"ALTER DATABASE {database} SET search_path = public, pg_catalog")


def calls_in(server: Server, database: str) -> list[str]:
    """Return the calls of Citus' functions, in their order."""
    return [call for (call,) in server.ask("SELECT call FROM citus_calls ORDER BY no", database=database)]


@contextmanager
def pretended(server: Server, kind: str, template: str = "template1") -> Iterator[str]:
    """Create a database that pretends to be one of this kind of server, for the duration of a ``with``."""
    name = server.make_database(template)
    pretend(server, name, kind)
    yield name
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")
