"""Both sides of the benchmarks on PostgreSQL store the same rows."""

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from benchmarks.databases import Databases
from benchmarks.figures import RAW, TRIP, USERCORE
from benchmarks.stores import StoreProvider
from benchmarks.workloads import POSTGRES, Workload
from scripts.postgres_server import Server
from tests.rows import masked

pytestmark = pytest.mark.benchmark

USERS = 12
SOME = 3


def rows_of(url: str) -> dict[str, list[str]]:
    """Return all rows of a store, masked."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'usercore_%'").fetchall()
        tables = [row["tablename"] for row in found]
        kept: dict[str, list[dict[str, Any]]] = {
            table: connection.execute(f"SELECT * FROM {table}".encode()).fetchall()  # noqa: S608 - our names
            for table in tables
        }
    return masked(kept)


@pytest.fixture(scope="module")
def places(server: Server) -> Databases:
    return Databases(server)


@pytest.mark.parametrize("workload", [one for one in POSTGRES if not one.leaves_rows], ids=str)
def test_workloads_that_store_no_rows_run(workload: Workload[StoreProvider], places: Databases) -> None:
    with workload.open(places, USERS) as sides:
        for side in sides.values():
            assert side.run(SOME).wall > 0


@pytest.mark.parametrize(("id_", "trips"), [("PG2w", [5, 9]), ("PG3w", [5, 11])])
def test_the_wire_counts_how_often_a_call_waits_for_the_server(places: Databases, id_: str, trips: list[int]) -> None:
    (workload,) = [one for one in POSTGRES if one.id == id_]
    with workload.open(places, USERS) as sides:
        for side in sides.values():
            side.run(SOME)  # prepares the statements
        counted = [sides[name].run(SOME) for name in (USERCORE, RAW, TRIP)]
    assert [cost.trips for cost in counted] == [trips[0] * SOME, trips[1] * SOME, SOME]


@pytest.mark.parametrize("workload", [one for one in POSTGRES if one.leaves_rows], ids=str)
def test_both_sides_store_the_same_rows(workload: Workload[StoreProvider], places: Databases) -> None:
    before = rows_of(places.copy(USERS, "untouched"))
    with workload.open(places, USERS) as sides:
        for side in sides.values():
            assert side.run(SOME).cpu > 0
    after = rows_of(places.server.url(f"store_of_{USERS}_usercore"))
    assert after == rows_of(places.server.url(f"store_of_{USERS}_raw"))
    assert after != before
