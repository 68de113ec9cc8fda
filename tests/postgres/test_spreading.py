"""Spreading a store over a cluster, whose functions record their calls."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from scripts.postgres_server import Server
from tests.architecture.source import ROOT
from tests.cli.running import run
from tests.postgres.helpers import opened
from tests.postgres.pretended import calls_in, pretended
from usercore import Unsupported
from usercore_storage import check, spread
from usercore_storage.postgres.distribution import SPREADABLE, distribution_of
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import STEPS, migrate, text_of
from usercore_storage.postgres.profiles import CITUS
from usercore_storage.postgres.sharding import GROUPS, REFERENCES
from usercore_storage.postgres.storage import connected
from usercore_storage.sql.tables import ALL

STEP: Final = text_of(STEPS[0])
REMOVALS: Final = [f"truncated {name}" for name in SPREADABLE]


@pytest.fixture
def cluster(server: Server) -> Iterator[str]:
    """Return the name of an empty database that pretends to be Citus."""
    with pretended(server, CITUS.name) as database:
        yield database


def test_small_tables_are_copied_to_each_node_and_the_others_live_beside_their_users(
    server: Server, cluster: str
) -> None:
    numbers = list[int]()
    report = spread(server.url(cluster), shards=8, on_progress=numbers.append)
    assert report.tables == ("usercore_schema", *(table.name for table in ALL))
    assert numbers == list(range(1, len(report.tables) + 1))
    calls = calls_in(server, cluster)
    made = dict(zip(report.tables, calls, strict=False))
    assert calls[len(report.tables) :] == REMOVALS
    assert made["usercore_schema"] == "reference usercore_schema"
    assert made["usercore_tenants"] == "reference usercore_tenants"
    assert made["usercore_users"] == "distributed usercore_users id none 8"
    assert made["usercore_history"] == "distributed usercore_history subject_id usercore_users "
    assert made["usercore_credentials"] == "distributed usercore_credentials user_id usercore_users "
    assert made["usercore_claims"] == "distributed usercore_claims digest none 8"
    assert made["usercore_address_types"] == (
        "distributed usercore_address_types tenant_id usercore_registration_counts "
    )
    assert check(server.url(cluster)).is_clean


def test_a_store_with_users_is_spread(server: Server, cluster: str) -> None:
    with opened(server.url(cluster)):
        pass
    assert set(spread(server.url(cluster)).tables) == set(SPREADABLE)
    assert "distributed usercore_users id none 32" in calls_in(server, cluster)


def test_limits_of_waits_are_sent_to_the_nodes_in_later_sessions(server: Server, cluster: str) -> None:
    spread(server.url(cluster))
    assert server.ask("SHOW citus.propagate_set_commands", database=cluster) == [("local",)]


def test_spreading_again_spreads_nothing(server: Server, cluster: str) -> None:
    spread(server.url(cluster))
    before = calls_in(server, cluster)
    assert spread(server.url(cluster)).tables == ()
    assert calls_in(server, cluster) == [*before, *REMOVALS]


@pytest.mark.parametrize("stop", [1, 2, 7, len(SPREADABLE) - 1])
def test_a_call_that_was_interrupted_is_completed_by_the_next(server: Server, cluster: str, stop: int) -> None:
    def interrupt(done: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spread(server.url(cluster), on_progress=interrupt)
    assert spread(server.url(cluster)).tables == SPREADABLE[stop:]
    spreading = [call for call in calls_in(server, cluster) if not call.startswith("truncated")]
    assert len(spreading) == len(set(spreading)) == len(SPREADABLE)


def test_of_two_calls_at_once_each_table_is_spread_by_one(server: Server, cluster: str) -> None:
    with opened(server.url(cluster)):
        pass
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(spread, [server.url(cluster)] * 2))
    assert sorted(name for report in reports for name in report.tables) == sorted(SPREADABLE)


def test_a_table_that_a_migration_adds_to_a_spread_store_is_spread_with_its_step(server: Server, cluster: str) -> None:
    *first, last = STEP.split("CREATE TABLE usercore_deliveries")
    url = server.url(cluster)
    steps = ["CREATE TABLE usercore_deliveries".join(first), f"CREATE TABLE usercore_deliveries{last}"]
    with connected(location_of(url)) as connection:
        migrate(connection, steps=steps[:1])
        assert calls_in(server, cluster) == []
        for name in SPREADABLE[:-1]:
            connection.command(distribution_of(name))
        before = calls_in(server, cluster)
        migrate(connection, steps=steps)
    assert calls_in(server, cluster) == [*before, "distributed usercore_deliveries subject_id usercore_users "]


def test_a_migration_of_a_store_that_is_not_spread_spreads_nothing(server: Server, cluster: str) -> None:
    with opened(server.url(cluster)):
        pass
    assert calls_in(server, cluster) == []


@pytest.mark.rule("ERR")
def test_a_server_that_is_no_cluster_is_refused(server: Server, database: str) -> None:
    with pytest.raises(Unsupported, match="PostgreSQL has no nodes"):
        spread(server.url(database))


@pytest.mark.rule("ERR")
def test_an_isolation_that_a_cluster_does_not_have_is_refused(server: Server, cluster: str) -> None:
    with pytest.raises(Unsupported, match="serializable"):
        spread(f"{server.url(cluster)}?isolation=serializable")
    assert calls_in(server, cluster) == []


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(
    ("url", "shards", "error"),
    [
        ("sqlite:///people.db", 8, ValueError),
        ("memory://", 8, ValueError),
        (5, 8, TypeError),
        ("postgresql://h/d", 1, ValueError),
        ("postgresql://h/d", 1025, ValueError),
        ("postgresql://h/d", True, TypeError),
        ("postgresql://h/d", "8", TypeError),
        ("mysql://h/d", 8, ValueError),
    ],
)
def test_arguments_that_do_not_fit_are_refused(url: str, shards: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        spread(url, shards=shards)


def test_each_group_begins_with_the_table_that_its_others_name() -> None:
    places = {name: place for place, name in enumerate(SPREADABLE)}
    assert all(places[group] <= places[name] for name, group in GROUPS.items())
    assert GROUPS.keys().isdisjoint(REFERENCES)


def test_the_example_of_the_page_spreads_a_store(server: Server, cluster: str) -> None:
    page = (ROOT / "docs" / "how-to" / "spread-over-a-cluster.md").read_text("utf-8")
    (example,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    url = "postgresql://crm@coordinator.example.com/people"
    exec(example.replace(url, server.url(cluster)), {})  # noqa: S102 - our own page
    (command,) = re.findall(r"^usercore (spread .*)$", page, re.MULTILINE)
    assert run(*command.replace(url, server.url(cluster)).split()).out == "0 tables spread\n"
    assert "distributed usercore_users id none 32" in calls_in(server, cluster)


def test_the_command_says_how_many_tables_were_spread(server: Server, cluster: str) -> None:
    done = run("spread", "--shards", "8", "--store", server.url(cluster))
    assert (done.status, done.out) == (0, f"{len(SPREADABLE)} tables spread\n")
    assert run("spread", "--store", server.url()).status == 2
