"""Each statement of the SQL storages is understood by both engines, stays on one shard, and scans no table.

Exceptions are listed here, with their reasons. Source: design, 4.11.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.statements import CLEANING, TABLES, astray, parsed, set_columns, statements
from usercore_storage import sqlite
from usercore_storage.postgres import sharding
from usercore_storage.sql.table import Table
from usercore_storage.sqlite.connections import Connection

REFERENCES: Final = frozenset(sharding.REFERENCES)

CHECKING: Final = {f"checking.PAGES[{name}]" for name in TABLES.keys() - REFERENCES} | {"integrity.WITHOUT_ENTRY"}
"""A check reads everything once, page by page in the order of the key; each page is a search."""

LOOKUPS: Final = frozenset(
    {"lookups.FIND_BY_CLAIM", "users.FIND_BY_CLAIM", "users.FIND_BY_UUID", "users.ID_BY_CLAIM", "users.ID_BY_UUID"}
)
"""They name two shards: first that of the claim, by its digest, then that of the user, by the id that was found."""

STATEMENTS: Final = statements()

DECLARED: Final = frozenset(name for name in STATEMENTS if ".from_all_shards[" in name)
"""The attribute in which a repository holds statements that read all shards, with the reason."""

FAN_OUTS: Final = (
    CLEANING
    | DECLARED
    | CHECKING
    | LOOKUPS
    | {
        "checking.VERSION_ROWS",  # a table of one row
        "users.OTHER_ACTIVE",  # the users of the tenant ``system``, who are few
        "lookups.ABLE",  # the same
        "outbox.FAR",  # as DUE
        "outbox.DUE",  # the relay reads the next delivery of all subjects
        "outbox.LIST",  # operators list the failed ones
    }
)

SCANS: Final = frozenset({"checking.VERSION_ROWS"})

FEATURES: Final = frozenset(
    """Add And Between BitwiseAnd Case Column Count Delete EQ Exists From GT GTE Group Identifier If In Insert Is Join
    LT LTE Limit Literal NEQ Not Null OnConflict Or Order Ordered Paren Parameter Placeholder Returning Schema Select
    Star Sub Subquery Table TableAlias Tuple Update Values Var Where""".split()  # noqa: SIM905 - easier to read than a list
)
"""The syntax of the statements. No functions but COUNT, no casts or types, because engines differ there."""


@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_uses_only_syntax_of_all_engines(name: str, dialect: str) -> None:
    assert {type(node).__name__ for node in parsed(STATEMENTS[name], dialect).walk()} <= FEATURES


@pytest.mark.parametrize("name", STATEMENTS)
def test_question_marks_are_used_for_values_only(name: str) -> None:
    states = "erased active pending done account second_factor unknown_login host".split()  # noqa: SIM905 - as above
    assert "'" not in re.sub("|".join(f"'{state}'" for state in states), "", STATEMENTS[name])


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_key_contains_the_shard(table: Table[object]) -> None:
    unique = [definition for definition in table.indexes.values() if definition.startswith("UNIQUE")]
    if table.name not in REFERENCES:
        assert table.shard in table.key
        assert not [definition for definition in unique if table.shard not in definition]


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_its_shard_or_is_declared_a_fan_out(name: str) -> None:
    assert bool(astray(parsed(STATEMENTS[name], "postgres"), REFERENCES)) == (name in FAN_OUTS)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT email FROM usercore_users WHERE email = ?",
        "SELECT email FROM usercore_users WHERE id = ? OR email = ?",
        "SELECT email FROM usercore_users WHERE id > ?",
        "SELECT email FROM usercore_users WHERE id = version",
        "UPDATE usercore_users SET email = ?",
        "DELETE FROM usercore_claims WHERE holder_id = ?",
        "INSERT INTO usercore_claims (key) VALUES (?)",
        "SELECT t.ip FROM usercore_access_tokens AS t JOIN usercore_users AS u ON u.email = t.ip WHERE t.user_id = ?",
        "SELECT hash FROM usercore_credentials WHERE user_id IN (SELECT id FROM usercore_users WHERE id = ?)",
    ],
)
def test_a_statement_that_does_not_name_its_shard_is_found(statement: str) -> None:
    assert astray(parsed(statement, "postgres"), REFERENCES)


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_sets_a_column_that_never_changes(name: str) -> None:
    columns = set_columns(parsed(STATEMENTS[name], "postgres"))
    assert not [column for table, column in columns if column in TABLES[table].fixed]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "store.db"
    sqlite.open_storage(f"sqlite:///{path}").close()
    connection = Connection(path)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_scans_a_table_unless_it_is_declared(name: str, connection: Connection) -> None:
    statement = STATEMENTS[name]
    plan = connection(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
    scans = [detail for *_, detail in plan if detail.startswith("SCAN") and detail != "SCAN CONSTANT ROW"]
    assert bool(scans) == (name in SCANS), plan


def test_inactive_users_are_counted_by_their_own_index(connection: Connection) -> None:
    statement = STATEMENTS["registration_counts.from_all_shards[inactive]"]
    ((*_, detail),) = connection(f"EXPLAIN QUERY PLAN {statement}", [None])
    assert "usercore_users_inactive" in detail  # by the index of all registrations it would read every user


@pytest.mark.parametrize("name", ["outbox.DUE", "outbox.FAR"])
def test_deliveries_are_found_by_their_subscriber_and_time(name: str, connection: Connection) -> None:
    statement = STATEMENTS[name]
    plan = connection(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
    used = [detail for *_, detail in plan if "usercore_deliveries_due" in detail]
    assert [detail.partition(" (")[2].partition(" AND ")[0] for detail in used] == ["subscriber=?"], plan
    assert not [detail for *_, detail in plan if "TEMP B-TREE" in detail]


BY_ID: Final = [name for name in STATEMENTS if re.match(r"users\.(GET|STATES|FIND_BY|ID_BY|LOCK|REPLACE)", name)]


@pytest.mark.parametrize("name", BY_ID)
def test_users_are_read_and_changed_by_their_primary_key(name: str, connection: Connection) -> None:
    statement = STATEMENTS[name]
    plan = connection(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
    used = [detail for *_, detail in plan if detail.startswith("SEARCH usercore_users")]
    assert used == ["SEARCH usercore_users USING INTEGER PRIMARY KEY (rowid=?)"]


def test_every_declared_exception_exists() -> None:
    assert STATEMENTS.keys() >= FAN_OUTS | SCANS
