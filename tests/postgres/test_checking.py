"""Check a store in a database."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import opened
from tests.storages.checking import CheckedStore, CheckingCases, fill
from usercore import Corrupt, Unavailable
from usercore_storage import FindingKind, check
from usercore_storage.postgres import checking, migrations

SPY: Final = (
    "CREATE TRIGGER spy BEFORE UPDATE ON usercore_users FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
)


class PostgresEngine(CheckedStore):
    """A database of the test's own."""

    def __init__(self, server: Server, database: str) -> None:
        self.server, self.database = server, database
        self.url = self.writable_url = server.url(database)

    def run(self, script: str) -> None:
        self.server.ask(script.replace("%", "%%"), database=self.database)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return self.server.ask(question, database=self.database)


@pytest.fixture
def engine(server: Server, full: str) -> Iterator[PostgresEngine]:
    """Return a full store that may be damaged."""
    engine = PostgresEngine(server, server.make_database(full))
    yield engine
    server.ask(f"DROP DATABASE {engine.database} WITH (FORCE)")


class TestPostgresChecking(CheckingCases):
    @pytest.fixture
    def engine(self, server: Server, full: str) -> Iterator[CheckedStore]:
        engine = PostgresEngine(server, server.make_database(full))
        engine.url += "?options=-c%20default_transaction_read_only%3Don"  # for the check, not for what damages
        yield engine
        server.ask(f"DROP DATABASE {engine.database} WITH (FORCE)")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('ALTER TABLE usercore_users ALTER note TYPE text COLLATE "ucs_basic"', "the column note is made otherwise"),
        ("ALTER TABLE usercore_users ALTER email SET NOT NULL", "the column email is made otherwise"),
        ("ALTER TABLE usercore_users ALTER version TYPE integer", "the column version is made otherwise"),
        ("ALTER TABLE usercore_users ALTER version SET DEFAULT 1", "the column version is made otherwise"),
        (
            "ALTER TABLE usercore_users DROP CONSTRAINT usercore_users_pkey",
            "the index or trigger usercore_users_pkey is missing",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'usercore_users_pkey'::regclass",
            "the index or trigger usercore_users_pkey is made otherwise",
        ),
        (SPY, "no such index or trigger is known: spy"),
        ("UPDATE usercore_schema SET secret = ''", "there is no secret of 32 bytes"),
    ],
)
def test_a_schema_that_only_this_engine_takes_is_found(engine: PostgresEngine, script: str, problem: str) -> None:
    engine.run("ALTER TABLE usercore_users DROP COLUMN note; ALTER TABLE usercore_users ADD COLUMN note text")
    engine.run('ALTER TABLE usercore_users ALTER note TYPE text COLLATE "C"')
    assert check(engine.url).is_clean
    engine.run("UPDATE usercore_users SET email = 'x@example.com' WHERE email IS NULL")
    engine.run(script)
    assert problem in {one.problem for one in check(engine.url).findings if one.kind is FindingKind.SCHEMA}


def test_a_store_in_another_schema_is_checked_there(server: Server) -> None:
    database = server.make_database()
    for statement in ('CREATE SCHEMA "the users"', f"ALTER DATABASE {database} SET search_path = 'the users'"):
        server.ask(statement, database=database)
    with opened(server.url(database)) as storage:
        fill(storage)
    server.ask("CREATE TABLE public.usercore_words (word text)", database=database)
    report = check(server.url(database))
    assert report.is_clean
    assert report.rows > 0


def test_a_database_without_a_store_and_an_older_one_are_reported_and_not_changed(
    server: Server, engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = server.make_database()
    monkeypatch.setattr(checking, "VERSION", migrations.VERSION + 1)
    for url in (server.url(empty), engine.url):
        (behind,) = check(url).findings
        assert (behind.kind, behind.table) == (FindingKind.SCHEMA, "usercore_schema")
    assert server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=empty) == []


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("script", ["DELETE FROM usercore_schema", "INSERT INTO usercore_schema VALUES (1, '', 2)"])
def test_a_store_without_one_version_is_refused(engine: PostgresEngine, script: str) -> None:
    engine.run(script)
    with pytest.raises(Corrupt):
        check(engine.url)


@pytest.mark.rule("ERR")
def test_an_absent_server_is_reported_at_once() -> None:
    with pytest.raises(Unavailable):
        check("postgresql://usercore@127.0.0.1:1/people")
