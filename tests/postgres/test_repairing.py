"""Repair a store in a database, beside transactions that are open."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.postgres.test_checking import PostgresEngine
from tests.storages.checking import CheckedStore
from tests.storages.repairing import RepairingCases
from usercore_storage import RepairReport, repair

RENAME = "UPDATE usercore_users SET username = 'bob' WHERE username = 'una'"
CLAIM = "UPDATE usercore_claims SET {} WHERE key = 'una'"
TAKE = CLAIM.format("key = 'bob', digest = %s")


@pytest.fixture
def engine(server: Server, full: str) -> Iterator[PostgresEngine]:
    """Return a full store that may be damaged."""
    engine = PostgresEngine(server, server.make_database(full))
    yield engine
    server.ask(f"DROP DATABASE {engine.database} WITH (FORCE)")


class TestPostgresRepairing(RepairingCases):
    @pytest.fixture
    def engine(self, engine: PostgresEngine) -> CheckedStore:
        return engine


@pytest.mark.parametrize("commits", [True, False])
def test_a_key_that_a_writer_claims_at_the_same_time_is_the_writers(engine: PostgresEngine, *, commits: bool) -> None:
    ((digest,),) = engine.ask("SELECT digest FROM usercore_claims WHERE key = 'bob'")
    engine.run("DELETE FROM usercore_claims WHERE key = 'bob'")
    reports = list[RepairReport]()
    repairer = threading.Thread(target=lambda: reports.append(repair(engine.url)))
    with psycopg.connect(engine.url) as writer:
        writer.execute(RENAME)
        writer.execute(TAKE, [digest])
        repairer.start()
        while not engine.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            pass  # until the repair waits for the writer
        if commits:
            writer.commit()
        else:
            writer.rollback()
    repairer.join()
    (report,) = reports
    ((username,),) = engine.ask(
        "SELECT u.username FROM usercore_users AS u JOIN usercore_claims AS c ON c.holder_id = u.id WHERE c.key = 'bob'"
        " AND u.username IS NOT NULL"
    )
    assert username == "bob"
    assert report.check.is_clean != commits


def test_a_user_who_is_being_registered_is_not_seen_in_half(engine: PostgresEngine) -> None:
    with psycopg.connect(engine.url) as writer:
        writer.execute("CREATE TEMPORARY TABLE one AS SELECT * FROM usercore_users WHERE username = 'bob'")
        writer.execute("CREATE TEMPORARY TABLE its AS SELECT * FROM usercore_claims WHERE key = 'bob'")
        writer.commit()
        engine.run("DELETE FROM usercore_claims WHERE key = 'bob'")
        engine.run("UPDATE usercore_users SET username = NULL WHERE username = 'bob'")
        repair(engine.url)
        writer.execute("INSERT INTO usercore_claims SELECT * FROM its")
        writer.execute("UPDATE usercore_users SET username = 'bob' WHERE id = (SELECT id FROM one)")
        assert repair(engine.url, dry_run=True).repairs == ()
        writer.commit()
    assert [one.table for one in repair(engine.url).repairs] == ["usercore_users"]  # the words, which the test left out


def test_a_user_who_is_renamed_while_the_repair_waits_is_read_again(engine: PostgresEngine) -> None:
    engine.run("UPDATE usercore_claims SET uses = 3 WHERE key = 'bob'")
    repairer = threading.Thread(target=lambda: repair(engine.url))
    with psycopg.connect(engine.url) as writer:
        writer.execute("UPDATE usercore_users SET username = NULL WHERE username = 'bob'")
        writer.execute("DELETE FROM usercore_claims WHERE key = 'bob'")
        repairer.start()
        while not engine.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            pass  # until the repair waits for the writer
        writer.commit()
    repairer.join()
    assert engine.ask("SELECT 1 FROM usercore_claims WHERE key = 'bob'") == []
