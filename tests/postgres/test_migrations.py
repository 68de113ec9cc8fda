"""The schema is created in frozen steps, once, however many processes open a new database."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from time import monotonic
from typing import Final

import attrs
import psycopg
import pytest

from scripts.postgres_server import Server
from tests.architecture.source import ROOT
from tests.postgres.helpers import call_before_statements, core_over, opened
from tests.profiles import IS_THOROUGH
from usercore import Corrupt, NewerSchema, StorageError, Unavailable, Unsupported
from usercore_storage import postgres
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import LOCK, STEPS, TYPES, VERSION, migrate, options_of, text_of
from usercore_storage.postgres.profiles import POSTGRESQL, ddl_of
from usercore_storage.postgres.storage import connected
from usercore_storage.sql import tables

PROCESSES: Final = 8 if IS_THOROUGH else 4

OPEN: Final = """
import sys
from usercore_storage import postgres
print(postgres.open_storage(sys.argv[1]).secret.hex())
"""

SHIPPED: Final = [text_of(step) for step in STEPS]
SECOND: Final = (
    'ALTER TABLE usercore_users ADD COLUMN later_field text COLLATE "C"',
    "UPDATE usercore_users SET later_field = first_name",
)
THIRD: Final = (
    'CREATE TABLE usercore_words (id bigint NOT NULL, word text COLLATE "C" NOT NULL, PRIMARY KEY (id))',
    "INSERT INTO usercore_words SELECT id, later_field FROM usercore_users",
)
LATER: Final = [*SHIPPED, ";\n".join(SECOND), ";\n".join(THIRD)]
"""Future steps after the shipped ones."""

COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'usercore_schema' ORDER BY table_name, column_name"
)
INDEXES = (
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'usercore_schema' ORDER BY indexname"
)


def test_the_steps_make_the_tables_that_the_entities_describe(server: Server, database: str) -> None:
    described = server.make_database()
    statements = ";\n".join(statement for table in tables.ALL for statement in table.ddl(TYPES, options_of))
    server.ask("; ".join(ddl_of(statements, attrs.evolve(POSTGRESQL, collation=""))), database=described)
    for question in (COLUMNS, INDEXES):
        assert server.ask(question, database=database) == server.ask(question, database=described)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_creates_what_shards_cannot_have(step: str) -> None:
    assert not re.search(r"\b(serial|sequence|generated|trigger|deferrable|references)\b", text_of(step), re.IGNORECASE)


def test_processes_opening_a_new_database_at_once_apply_each_step_once(server: Server) -> None:
    database = server.make_database()
    with psycopg.connect(server.url(database)) as first, ExitStack() as stack:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        children = [stack.enter_context(opening(server.url(database))) for _ in range(PROCESSES)]
        wait_for_all_to_queue(server, database)
        first.rollback()
        secrets = {child.communicate(timeout=60)[0].strip() for child in children}
    (kept,) = server.ask("SELECT version, encode(secret, 'hex') FROM usercore_schema", database=database)
    assert kept == (VERSION, *secrets)


def wait_for_all_to_queue(server: Server, database: str) -> None:
    """Wait until all processes wait for the advisory lock."""
    until = monotonic() + 60
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'advisory'"
    while server.ask(waiting, database) != [(PROCESSES,)]:
        assert monotonic() < until, "somebody does not wait"


def opening(url: str) -> "subprocess.Popen[str]":
    """Start a process that opens a store and prints its secret."""
    return subprocess.Popen([sys.executable, "-c", OPEN, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_opening_again_changes_nothing(server: Server, database: str) -> None:
    with opened(server.url(database)) as first, opened(server.url(database)) as second:
        assert first.secret == second.secret


def test_a_newer_schema_is_refused(server: Server, database: str) -> None:
    server.ask("UPDATE usercore_schema SET version = 1000", database=database)
    with pytest.raises(NewerSchema) as refusal:
        postgres.open_storage(server.url(database))
    assert (refusal.value.found, refusal.value.known) == (1000, VERSION)


def test_a_schema_without_its_version_is_refused(server: Server, database: str) -> None:
    server.ask("DELETE FROM usercore_schema", database=database)
    with pytest.raises(Corrupt):
        postgres.open_storage(server.url(database))


def test_a_step_that_fails_leaves_nothing(server: Server) -> None:
    database = server.make_database()
    server.ask("CREATE TABLE usercore_deliveries (id bigint)", database=database)  # the last table of the step
    with pytest.raises(Unavailable):
        postgres.open_storage(server.url(database))
    assert server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=database) == [
        ("usercore_deliveries",)
    ]


def migrate_file(
    server: Server, database: str, steps: Sequence[str], hear: Callable[[bytes], object] | None = None
) -> None:
    """Apply steps as a process does that opens the store."""
    with connected(location_of(server.url(database))) as connection:
        if hear is not None:
            call_before_statements(connection, hear)
        migrate(connection, steps=steps)


def version_of(server: Server, database: str) -> int:
    """Return the version of the schema, or 0 if there is none."""
    if server.ask("SELECT to_regclass('usercore_schema')", database=database) == [(None,)]:
        return 0
    ((version,),) = server.ask("SELECT version FROM usercore_schema", database=database)
    return int(version)


@pytest.fixture
def old(server: Server, database: str) -> str:
    """Return the name of a database with one user in the shipped schema."""
    with opened(server.url(database)) as store:
        core_over(store).registration.register_external("ann@example.com", first_name="Ann")
    return database


def test_each_step_is_one_transaction_with_its_version(server: Server) -> None:
    database, ran = server.make_database(), list[str]()
    migrate_file(server, database, LATER, lambda text: ran.append(text.decode().split("(")[0]))
    commits = [location for location, statement in enumerate(ran) if statement == "COMMIT"]
    begins = [location for location, statement in enumerate(ran) if statement.startswith("BEGIN")]
    assert len(begins) == len(commits) == len(LATER)
    assert all(begin < commit for begin, commit in zip(begins, commits, strict=True))
    assert [ran[location - 1] for location in commits] == ["UPDATE usercore_schema SET version = $1"] * len(LATER)
    assert version_of(server, database) == len(LATER)


def test_later_steps_preserve_rows_and_secret(server: Server, old: str) -> None:
    secret = server.ask("SELECT secret FROM usercore_schema", database=old)
    for _ in range(2):
        migrate_file(server, old, LATER)
        assert server.ask("SELECT secret FROM usercore_schema", database=old) == secret
        assert server.ask("SELECT word FROM usercore_words", database=old) == [("Ann",)]
    assert version_of(server, old) == len(LATER)


@pytest.mark.parametrize("location", range(len(SECOND) + 1))
def test_a_failing_later_step_leaves_the_store_unchanged(server: Server, old: str, location: int) -> None:
    failing = ";\n".join([*SECOND[:location], "INSERT INTO nowhere VALUES (1)", *SECOND[location:]])
    with pytest.raises(StorageError):
        migrate_file(server, old, [*SHIPPED, failing])
    assert version_of(server, old) == VERSION
    opened_again = postgres.open_storage(server.url(old))
    opened_again.close()
    migrate_file(server, old, LATER)
    assert version_of(server, old) == len(LATER)


def test_a_store_with_later_steps_is_refused_and_not_changed(server: Server, old: str) -> None:
    migrate_file(server, old, LATER)
    with pytest.raises(NewerSchema) as refusal:
        postgres.open_storage(server.url(old))
    assert (refusal.value.found, refusal.value.known) == (len(LATER), VERSION)
    assert version_of(server, old) == len(LATER)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_session_that_ends_at_any_statement_leaves_complete_steps(
    server: Server, template: str, *, is_new: bool
) -> None:
    for location in count(1):
        database = server.make_database("template1" if is_new else template)
        left = iter(range(location - 1, -1, -1))

        def end_session(_: bytes) -> None:
            if next(left, -1) == 0:  # noqa: B023 - used at once
                server.end_sessions(database)  # noqa: B023 - used at once

        with suppress(StorageError):
            migrate_file(server, database, LATER, end_session)
        assert version_of(server, database) in {0, *range(0 if is_new else VERSION, len(LATER) + 1)}
        migrate_file(server, database, LATER)
        assert version_of(server, database) == len(LATER)
        assert server.ask("SELECT count(*) FROM usercore_words", database=database) == [(0,)]
        server.ask(f"DROP DATABASE {database} WITH (FORCE)")
        if next(left, None) is not None:  # fewer statements were run
            assert location > len(LATER) * 4
            break


def test_threads_opening_at_once_apply_later_steps_once(server: Server, old: str) -> None:
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(lambda _: migrate_file(server, old, LATER), range(PROCESSES)))
    assert version_of(server, old) == len(LATER)
    assert server.ask("SELECT word FROM usercore_words", database=old) == [("Ann",)]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_without_utf_8_is_refused(server: Server, encoding: str) -> None:
    server.ask(f"CREATE DATABASE of_{encoding} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(Unsupported, match="UTF-8"):
        postgres.open_storage(server.url(f"of_{encoding}".lower()))
