"""The schema comes about in frozen steps, once, however many processes open a new database."""

import re
import subprocess
import sys
from contextlib import ExitStack
from time import monotonic
from typing import Final

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.architecture.source import ROOT
from tests.postgres.helpers import opened
from usercore import Corrupt, NewerSchema, Unavailable
from usercore_storage import postgres
from usercore_storage.postgres.migrations import LOCK, STEPS, TYPES, VERSION, options_of, text_of
from usercore_storage.sql import tables

PROCESSES: Final = 8

OPEN: Final = """
import sys
from usercore_storage import postgres
print(postgres.open_storage(sys.argv[1]).secret.hex())
"""

COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'usercore_schema' ORDER BY table_name, ordinal_position"
)
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


def test_the_steps_make_the_tables_that_the_entities_describe(server: Server, database: str) -> None:
    described = server.make_database()
    statements = [statement for table in tables.ALL for statement in table.ddl(TYPES, options_of)]
    server.ask("; ".join(statements), database=described)
    for question in (COLUMNS, INDEXES):
        assert server.ask(question, database=database) == server.ask(question, database=described)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_makes_what_shards_cannot_keep(step: str) -> None:
    assert not re.search(r"\b(serial|sequence|generated|trigger|deferrable|references)\b", text_of(step), re.IGNORECASE)


def test_processes_that_open_a_new_database_at_once_take_turns_and_agree(server: Server) -> None:
    database = server.make_database()
    with psycopg.connect(server.url(database)) as first, ExitStack() as stack:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        children = [stack.enter_context(opening(server.url(database))) for _ in range(PROCESSES)]
        wait_for_all_in_line(server, database)
        first.rollback()
        secrets = {child.communicate(timeout=60)[0].strip() for child in children}
    (kept,) = server.ask("SELECT version, encode(secret, 'hex') FROM usercore_schema", database=database)
    assert kept == (VERSION, *secrets)


def wait_for_all_in_line(server: Server, database: str) -> None:
    """Look until all processes wait for their turn."""
    until = monotonic() + 60
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'advisory'"
    while server.ask(waiting, database) != [(PROCESSES,)]:
        assert monotonic() < until, "somebody does not wait"


def opening(url: str) -> "subprocess.Popen[str]":
    """Start a process that opens a store and says its secret."""
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
    server.ask("CREATE TABLE usercore_deliveries (id bigint)", database=database)  # the last one of the step
    with pytest.raises(Unavailable):
        postgres.open_storage(server.url(database))
    assert server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=database) == [
        ("usercore_deliveries",)
    ]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_keep_all_text_is_refused(server: Server, encoding: str) -> None:
    server.ask(f"CREATE DATABASE of_{encoding} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(ValueError, match="UTF-8"):
        postgres.open_storage(server.url(f"of_{encoding}".lower()))
