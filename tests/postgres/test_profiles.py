"""Other servers than PostgreSQL: how they are recognised, and that usercore works with the settings made for them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.postgres_server import Server
from tests.architecture.statements import statements
from tests.postgres.helpers import call_before_statements, core_over, opened
from tests.postgres.pretended import VERSIONS, pretended
from tests.profiles import IS_NIGHTLY, IS_THOROUGH
from tests.storages.checking import fill
from usercore import StorageError
from usercore.storage import Storage
from usercore.testing import StorageContract
from usercore.testing.contracts.claims import ClaimRepositoryContract
from usercore.testing.contracts.users import UserRepositoryContract
from usercore_storage import check, postgres
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import STEPS, VERSION, migrate, text_of
from usercore_storage.postgres.profiles import (
    AURORA_DSQL,
    CITUS,
    COCKROACHDB,
    POSTGRESQL,
    PROFILES,
    YUGABYTEDB,
    ServerProfile,
    adapted,
    ddl_of,
    profile_by,
)
from usercore_storage.postgres.storage import connected

STEP: Final = text_of(STEPS[0])

WITH_ROW_LOCK: Final = (COCKROACHDB.name, YUGABYTEDB.name)
"""Those whose migrations a PostgreSQL server can run: it knows no INDEX ASYNC."""

PROCESSES: Final = 8 if IS_THOROUGH else 4

STOP_EVERY: Final = 1 if IS_NIGHTLY else 12


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_server_is_recognised_by_its_version_text(profile: ServerProfile) -> None:
    assert profile_by(VERSIONS[profile.name]) is profile


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("PostgreSQL 11.2-YB-2.25.2.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 17, 64-bit", YUGABYTEDB),
        ("CockroachDB OSS v22.1.0 (x86_64-apple-darwin19, built 2022/05/23, go1.17.6)", COCKROACHDB),
        ("PostgreSQL 17.6", POSTGRESQL),
        ("PostgreSQL 18beta1 on aarch64-apple-darwin, compiled by Apple clang, 64-bit", POSTGRESQL),
        ("PostgreSQL 16.9 on x86_64-pc-linux-gnu, compiled by Citus Data Inc., 64-bit", POSTGRESQL),
        ("", POSTGRESQL),
    ],
)
def test_version_texts_of_other_releases_are_recognised_too(text: str, profile: ServerProfile) -> None:
    assert profile_by(text) is profile


@given(st.integers(10, 99), st.integers(0, 99), st.text(st.characters(exclude_characters="-")))
def test_a_text_without_a_mark_is_that_of_postgresql(major: int, minor: int, rest: str) -> None:
    assert profile_by(f"PostgreSQL {major}.{minor} ({rest})".replace("DSQL", "").replace("Cockroach", "")) is POSTGRESQL


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_step_is_written_as_the_server_takes_it(profile: ServerProfile) -> None:
    made = ddl_of(STEP, profile)
    text = "\n".join(made)
    assert len(made) == STEP.count("CREATE ")
    assert ("COLLATE" in text) == bool(profile.collation)
    assert ("fillfactor" in text) == profile.has_fill_factors
    assert text.count("INDEX ASYNC ") == (STEP.count(" INDEX ") if profile is AURORA_DSQL else 0)
    assert text.count("IF NOT EXISTS usercore_") == (len(made) if profile.is_ddl_alone else 0)
    assert not any(statement.rstrip().endswith(";") for statement in made)


def test_a_step_for_postgresql_stays_as_it_is() -> None:
    assert ";\n\n".join(ddl_of(STEP, POSTGRESQL)) + ";\n" == STEP


@pytest.mark.parametrize("name", statements())
def test_no_value_of_an_insert_is_a_subquery_where_the_server_takes_none(name: str) -> None:
    text = adapted(statements()[name], CITUS)
    _, _, values = text.partition(" VALUES ")
    assert not (text.startswith("INSERT ") and "SELECT" in values)
    assert text.count("?") == statements()[name].count("?")


@pytest.mark.parametrize("kind", WITH_ROW_LOCK)
def test_a_store_is_created_checked_and_used_with_the_settings_of_another_server(server: Server, kind: str) -> None:
    with pretended(server, kind) as database:
        with opened(server.url(database)) as storage:
            assert storage._location.profile.name == kind
            fill(storage)
        report = check(server.url(database))
        assert report.is_clean
        assert report.rows > 0


@pytest.mark.parametrize("kind", WITH_ROW_LOCK)
def test_threads_opening_a_new_database_at_once_create_one_store_without_an_advisory_lock(
    server: Server, kind: str
) -> None:
    def secret_of(url: str) -> bytes:
        with opened(url) as storage:
            return storage.secret

    with pretended(server, kind) as database:
        with ThreadPoolExecutor(PROCESSES) as pool:
            secrets = set(pool.map(secret_of, [server.url(database)] * PROCESSES))
        kept = server.ask("SELECT version, secret FROM usercore_schema", database=database)
        assert kept == [(VERSION, *secrets)]
        assert check(server.url(database)).is_clean


@pytest.mark.parametrize("kind", WITH_ROW_LOCK)
def test_a_migration_that_ends_at_any_statement_is_completed_by_the_next(server: Server, kind: str) -> None:
    for stop in count(1, STOP_EVERY):
        with pretended(server, kind) as database:
            left = iter(range(stop - 1, -1, -1))

            def end_session(_: bytes) -> None:
                if next(left, -1) == 0:  # noqa: B023 - used at once
                    server.end_sessions(database)

            with suppress(StorageError), connected(location_of(server.url(database))) as connection:
                call_before_statements(connection, end_session)
                migrate(connection)
            with opened(server.url(database)):
                assert check(server.url(database)).is_clean
            if next(left, None) is not None:  # fewer statements were run
                break


def test_a_later_step_of_single_statements_may_be_run_again(server: Server) -> None:
    later = [STEP, "ALTER TABLE usercore_users ADD COLUMN later text;\nUPDATE usercore_users SET later = first_name"]
    with pretended(server, YUGABYTEDB.name) as database:
        with opened(server.url(database)) as storage:
            core_over(storage).registration.register_external("ann@example.com", first_name="Ann")
        server.ask("ALTER TABLE usercore_users ADD COLUMN later text", database=database)
        with connected(location_of(server.url(database))) as connection:
            migrate(connection, steps=later)
        assert server.ask("SELECT later FROM usercore_users", database=database) == [("Ann",)]


@pytest.fixture(scope="module")
def cockroachdb(server: Server) -> Iterator[str]:
    with pretended(server, COCKROACHDB.name) as database:
        yield database


class TestPretendedCockroachDB(ClaimRepositoryContract):
    """At SERIALIZABLE, with the row lock."""

    @pytest.fixture
    def storage(self, server: Server, cockroachdb: str) -> Iterator[Storage]:
        storage = postgres.open_storage(server.url(cockroachdb))
        server.empty(cockroachdb)
        yield storage
        storage.close()


@pytest.fixture(scope="module")
def yugabytedb(server: Server) -> Iterator[str]:
    with pretended(server, YUGABYTEDB.name) as database:
        yield database


@contextmanager
def emptied(server: Server, database: str) -> Iterator[Storage]:
    """Open the store of a database, without rows of a case before."""
    with opened(server.url(database)) as storage:
        server.empty(database)
        yield storage


@pytest.fixture
def on_yugabytedb(server: Server, yugabytedb: str) -> Iterator[Storage]:
    """Return a store created by single statements, with the row lock."""
    with emptied(server, yugabytedb) as storage:
        yield storage


@pytest.mark.thorough
class TestPretendedYugabyteDB(UserRepositoryContract):
    @pytest.fixture
    def storage(self, on_yugabytedb: Storage) -> Storage:
        return on_yugabytedb


@pytest.mark.nightly
class TestPretendedYugabyteDBWhole(StorageContract):
    @pytest.fixture
    def storage(self, on_yugabytedb: Storage) -> Storage:
        return on_yugabytedb


@pytest.fixture(scope="module")
def aurora_dsql(server: Server, template: str) -> Iterator[str]:
    with pretended(server, AURORA_DSQL.name, template) as database:
        yield database


@pytest.fixture
def on_aurora_dsql(server: Server, aurora_dsql: str) -> Iterator[Storage]:
    """Return a store at REPEATABLE READ, in tables that PostgreSQL made: it knows no INDEX ASYNC."""
    with emptied(server, aurora_dsql) as storage:
        yield storage


@pytest.mark.thorough
class TestPretendedAuroraDSQL(UserRepositoryContract):
    @pytest.fixture
    def storage(self, on_aurora_dsql: Storage) -> Storage:
        return on_aurora_dsql


@pytest.mark.nightly
class TestPretendedAuroraDSQLWhole(StorageContract):
    @pytest.fixture
    def storage(self, on_aurora_dsql: Storage) -> Storage:
        return on_aurora_dsql


@pytest.fixture(scope="module")
def of_language(server: Server) -> str:
    """Return the name of an empty database whose text is ordered as in English, not by code points."""
    server.ask("CREATE DATABASE of_language TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'")
    return "of_language"


def collations_in(server: Server, database: str) -> set[str]:
    rows = server.ask(
        "SELECT DISTINCT c.collname FROM pg_attribute AS a JOIN pg_class AS t ON t.oid = a.attrelid"
        " JOIN pg_collation AS c ON c.oid = a.attcollation WHERE t.relname LIKE 'usercore\\_%%' AND t.relkind = 'r'",
        database=database,
    )
    return {name for (name,) in rows}


def test_columns_have_a_collation_only_where_the_database_has_another(
    server: Server, template: str, of_language: str
) -> None:
    with opened(server.url(of_language)) as storage:
        assert storage._location.profile == POSTGRESQL
    assert (collations_in(server, of_language), collations_in(server, template)) == ({"C"}, {"default"})
    assert check(server.url(of_language)).is_clean
    server.ask('ALTER TABLE usercore_users ALTER note TYPE text COLLATE "default"', database=of_language)
    assert {one.problem for one in check(server.url(of_language)).findings} == {"the column note is made otherwise"}


def test_a_store_with_explicit_collations_is_clean_where_they_are_not_needed(server: Server, template: str) -> None:
    database = server.make_database(template)
    server.ask('ALTER TABLE usercore_users ALTER note TYPE text COLLATE "C"', database=database)
    assert check(server.url(database)).is_clean


def test_profiles_differ_from_one_another_in_more_than_their_names() -> None:
    assert len({attrs.astuple(attrs.evolve(profile, name="")) for profile in PROFILES}) == len(PROFILES)
