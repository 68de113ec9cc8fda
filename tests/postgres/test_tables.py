"""How rows are placed and found: updates of users write no index, and deliveries are found by their subscriber."""

import pytest

from scripts.postgres_server import Server
from tests.architecture.statements import statements
from tests.postgres.helpers import opened
from tests.postgres.test_statements import taken
from usercore.kernel.entity import evolve
from usercore.testing.contracts.base import units_of
from usercore.testing.samples import a_user
from usercore_storage.sql.users import LOCK

USERS = 300
"""They fill several pages."""

UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'usercore_users'"


def updates_of_each_user_once(server: Server, database: str) -> tuple[int, int]:
    """Lock all users, and return how many rows that updated, and how many of them without writing an index."""
    with opened(f"{server.url(database)}?pool_max=1") as store:
        users = [evolve(a_user(), id=number, email=f"{number}@example.com") for number in range(1, USERS + 1)]
        units_of(store).write(lambda unit: unit.users.add_many(users))
        with taken(store) as connection:
            for user in users:
                connection.command("BEGIN")
                connection(LOCK, (user.id, user.tenant_id))
                connection.commit()
            connection("SELECT pg_stat_force_next_flush()")
            ((updated, without_index),) = connection(UPDATES)
    return updated, without_index


def test_the_next_change_of_every_user_fits_into_the_page(server: Server, database: str) -> None:
    assert updates_of_each_user_once(server, database) == (USERS, USERS)


@pytest.mark.parametrize("name", ["outbox.DUE", "outbox.FAR"])
def test_deliveries_are_found_by_their_subscriber(server: Server, database: str, name: str) -> None:
    others = (
        "INSERT INTO usercore_deliveries (subject_id, subject, change_no, position, subscriber, tenant_id, kind,"
        " ordering_key, state, made_at, due_at, tries, lease_no)"
        " SELECT n, 'user', 1, 0, 'crm', 1, 'user.registered', 0, 'pending', n, n, 0, 0"
        " FROM generate_series(1, 500) AS n"
    )
    server.ask(others, database=database)
    server.ask("ANALYZE usercore_deliveries", database=database)
    statement = statements()[name]
    values = (10**6, "mailer", 9) if name == "outbox.DUE" else ("mailer", 0, 9)
    with opened(f"{server.url(database)}?pool_max=1") as store, taken(store) as connection:
        plan = "\n".join(line for (line,) in connection(f"EXPLAIN {statement}", values))
    assert "Index Cond" in plan
    (condition,) = (line for line in plan.splitlines() if "due_at" in line and "Cond" in line)
    assert "usercore_deliveries_due" in plan
    assert "subscriber" in condition
