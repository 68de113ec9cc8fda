"""PostgreSQL with tables that are partitioned by their shards: the same contract, and nothing to report for a check."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import opened
from tests.storages.checking import fill
from usercore.storage import Storage
from usercore.testing import StorageContract
from usercore_storage import FindingKind, check, postgres
from usercore_storage.postgres.migrations import TYPES
from usercore_storage.postgres.sharding import REFERENCES
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

PARTS: Final = 8


def partitioned(table: Table[Any]) -> Iterator[str]:
    """Yield the statements that replace an empty table by one of several parts."""
    create, *indexes = table.ddl(TYPES, lambda table: f" PARTITION BY HASH ({table.shard})")
    yield f"DROP TABLE {table.name}"
    yield create
    for part in range(PARTS):
        values = f"WITH (MODULUS {PARTS}, REMAINDER {part})"
        yield f"CREATE TABLE {table.name}_{part} PARTITION OF {table.name} FOR VALUES {values}"
    yield from indexes


def make_partitioned(server: Server, template: str) -> str:
    """Return the name of a new database with partitioned tables."""
    name = server.make_database(template)
    for table in ALL:
        if table.name not in REFERENCES:
            server.ask("; ".join(partitioned(table)), database=name)
    return name


@pytest.fixture(scope="module")
def parts(server: Server, template: str) -> str:
    """Return the name of a database with partitioned tables, which the cases share."""
    return make_partitioned(server, template)


@pytest.mark.thorough
class TestPostgresPartitioned(StorageContract):
    @pytest.fixture
    def storage(self, server: Server, parts: str) -> Iterator[Storage]:
        server.empty(parts)
        storage = postgres.open_storage(server.url(parts))
        yield storage
        storage.close()


@pytest.mark.thorough
@pytest.mark.slow
def test_a_check_knows_partitions(server: Server, template: str) -> None:
    name = make_partitioned(server, template)
    with opened(server.url(name)) as storage:
        fill(storage)
    ((filled_parts,),) = server.ask(
        "SELECT count(DISTINCT tableoid) FROM usercore_history",
        database=name,
    )
    assert filled_parts > 1
    report = check(server.url(name))
    assert report.is_clean
    assert report.rows > 0
    server.ask("DROP INDEX usercore_deliveries_due", database=name)
    (finding,) = check(server.url(name)).findings
    assert (finding.kind, finding.table) == (FindingKind.SCHEMA, "usercore_deliveries")
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")
