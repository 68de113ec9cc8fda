"""Each statement of a clean-up can find its rows in the order of an index."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.architecture.statements import CLEANING, statements
from tests.faults.filled_stores import build
from tests.postgres.helpers import opened
from tests.storages.cleaning import statements_of_cleanup
from usercore_storage.postgres.connections import numbered
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.storage import connected

WITHOUT_SCANS = (
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)
"""On tables as small as a test's the server prefers what costs in proportion to all rows."""


def is_removal(statement: str) -> bool:
    """Return whether a statement removes or blanks rows; the others read small tables, such as that of tenants."""
    return statement.startswith("DELETE") or (statement.startswith("UPDATE") and " LIMIT " in statement)


def wasteful_nodes_of(plan: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
    """Iterate over the nodes that read rows which the statement does not remove, as a sort before a limit does."""
    kind = plan["Node Type"]
    if kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in plan) or (kind == "Sort" and limited):
        yield kind
    for part in plan.get("Plans", ()):
        yield from wasteful_nodes_of(part, limited=limited or kind == "Limit")


@pytest.mark.rule("K8")
def test_each_statement_of_a_clean_up_finds_its_rows_in_the_order_of_an_index(server: Server, database: str) -> None:
    url = server.url(database)
    with opened(url) as storage:
        build(storage)
        with connected(location_of(url)) as connection:
            connection.command("BEGIN")
            ran = dict(statements_of_cleanup(storage, connection))
            connection.command("ROLLBACK")
    with psycopg.connect(url) as raw, psycopg.RawCursor(raw) as cursor:
        cursor.execute(WITHOUT_SCANS.encode())
        plans = {text: plan_of(cursor, text, values) for text, values in ran.items() if is_removal(text)}
    assert plans.keys() >= {text for name, text in statements().items() if name in CLEANING}
    assert {text: nodes for text, plan in plans.items() if (nodes := [*wasteful_nodes_of(plan)])} == {}


def plan_of(cursor: "psycopg.RawCursor[Any]", statement: str, values: tuple[object, ...]) -> dict[str, Any]:
    """Return the plan of a statement."""
    rows = cursor.execute(b"EXPLAIN (FORMAT JSON) " + numbered(statement), values).fetchall()
    found = rows[0][0]
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan
