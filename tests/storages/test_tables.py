"""The declarations of tables are complete, and a damaged value of any column is named but not shown."""

import shutil
import sqlite3
import typing
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import NoneType
from typing import Any, Final

import pytest

from tests.storages.checking import BAD, bad_value, fill
from usercore import Corrupt, Email, Host, UserCore
from usercore.kernel.ids import TenantId, UserId
from usercore.testing import FakeHasher
from usercore.testing.contracts.base import units_of
from usercore_storage import sqlite
from usercore_storage.sql import tables
from usercore_storage.sql.table import Column, Table
from usercore_storage.sql.tables import ALL, CLAIMS, TENANTS, USERS
from usercore_storage.sqlite.connections import Connection

OWN_IDS: Final = {(USERS.name, "id"), (TENANTS.name, "id")}

each_table = pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)


def columns_of(table: Table[Any], kind: object) -> set[str]:
    """Return the columns of a table whose fields have this type, perhaps with None."""
    hints = typing.get_type_hints(table.entity)
    found = {
        column.name for column in table.columns if kind in (hints[column.name], *typing.get_args(hints[column.name]))
    }
    return {name for name in found if (table.name, name) not in OWN_IDS}


def test_every_table_is_among_those_that_are_made_and_checked() -> None:
    assert {one.name for one in vars(tables).values() if isinstance(one, Table)} == {table.name for table in ALL}
    assert len(ALL) > 12


@each_table
def test_a_table_declares_every_column_that_names_a_user_or_a_tenant(table: Table[Any]) -> None:
    names = {column.name for column in table.columns}
    assert columns_of(table, UserId) | names & {"holder_id", "user_id"} == {table.user} - {None}
    assert columns_of(table, TenantId) == {table.tenant} - {None}
    assert ("subject_id" in names) == (table.by_subject is not None)


@each_table
def test_declared_columns_exist(table: Table[Any]) -> None:
    subject = table.by_subject
    declared = {table.user, table.tenant, *([subject.subject, subject.subject_id] if subject else [])} - {None}
    assert declared <= {column.name for column in table.columns}
    assert [column.name for column in table.extra] == list(table.derived)


def test_a_table_that_does_not_declare_its_tenant_is_refused() -> None:
    make: Any = Table
    with pytest.raises(TypeError, match="'tenant'"):
        make("usercore_more", CLAIMS.entity, key=["tenant_id"], shard="tenant_id")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with rows in every table."""
    path = tmp_path_factory.mktemp("full") / "store.db"
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        fill(storage)
    return path


@pytest.fixture
def path(full: Path, tmp_path: Path) -> Path:
    """Return a full store that may be damaged."""
    return Path(shutil.copyfile(full, tmp_path / "store.db"))


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    """Return a connection to a full store that may be damaged."""
    connection = Connection(path)
    yield connection
    connection.close()


def names_of(cases: list[tuple[Table[Any], Column]]) -> list[str]:
    return [f"{table.name}.{column.name}" for table, column in cases]


def check_corrupt(table: Table[Any], column: Column, connection: Connection) -> None:
    with pytest.raises(Corrupt) as corrupt:
        [table.read(row) for row in connection(f"SELECT {table.select} FROM {table.name}")]  # noqa: S608 - our own names
    assert table.name in str(corrupt.value)
    assert column.name in str(corrupt.value)
    assert "nonsense" not in str(corrupt.value)
    assert corrupt.value.__suppress_context__, "a traceback would show the value"
    assert corrupt.value.__cause__ is None


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(("table", "column"), BAD, ids=names_of(BAD))
def test_a_value_that_its_field_cannot_have_is_corrupt(
    table: Table[Any], column: Column, connection: Connection
) -> None:
    bad = f"UPDATE {table.name} SET {column.name} = {bad_value(column)}"  # noqa: S608 - our own names
    connection(bad + ONE.format(table.name, ", ".join(table.key)))
    check_corrupt(table, column, connection)


ONE: Final = " WHERE ({1}) IN (SELECT {1} FROM {0} LIMIT 1)"

TEXTS: Final = [
    (table, column) for table in ALL for column in table.columns if column.codec.column in {"text", "tuple"}
]


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(("table", "column"), TEXTS, ids=names_of(TEXTS))
def test_a_text_that_is_not_utf_8_is_corrupt(table: Table[Any], column: Column, connection: Connection) -> None:
    bad = f"UPDATE {table.name} SET {column.name} = CAST(x'6e6f6e73656e7365ff' AS TEXT)"  # noqa: S608 - our own names
    connection(bad + ONE.format(table.name, ", ".join(table.key)))
    check_corrupt(table, column, connection)


TUPLES: Final = [(table, column) for table, column in TEXTS if column.codec.column == "tuple"]


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("text", ["7", "null", "{", "[" * 100_000])
@pytest.mark.parametrize(("table", "column"), TUPLES, ids=names_of(TUPLES))
def test_json_of_another_shape_is_corrupt(table: Table[Any], column: Column, connection: Connection, text: str) -> None:
    connection(f"UPDATE {table.name} SET {column.name} = ?", [text])  # noqa: S608 - our own names
    check_corrupt(table, column, connection)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("text", ["nonsense", "[]", "7", '{"a":', "[" * 100_000])
@pytest.mark.parametrize("column", ["old_text", "new_text"])
def test_values_of_history_that_are_no_object_are_corrupt(column: str, text: str, connection: Connection) -> None:
    connection(f"UPDATE usercore_history SET {column} = ?", [text])  # noqa: S608 - our own names
    row = connection(f"SELECT {tables.HISTORY.select} FROM usercore_history")[0]  # noqa: S608 - our own names
    entry = tables.HISTORY.read(row)
    with pytest.raises(Corrupt, match=rf"{column} of an entry of history") as corrupt:
        getattr(entry, column.removesuffix("_text"))
    assert "nonsense" not in str(corrupt.value)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(
    "bad", ["state = 'nonsense'", "email_verified_at = 9000000000000000000", "access_ids = 'nonsense'"]
)
def test_a_call_that_meets_a_damaged_row_raises_corrupt(path: Path, bad: str) -> None:
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        core = UserCore.over(storage, Host(hasher=FakeHasher()))
        found = core.users.find(Email("ann@example.com"))
        assert found is not None
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE usercore_users SET {bad}")  # noqa: S608 - our own names
        for call in (
            lambda: core.users.find(Email("ann@example.com")),
            lambda: core.users.update(Email("ann@example.com"), first_name="Anna"),
            lambda: core.sign_in.trusted(found.id),
        ):
            with pytest.raises(Corrupt, match=r"usercore_users\." + bad.partition(" ")[0]):
                call()


@pytest.mark.rule("ERR")
def test_a_damaged_state_is_corrupt_where_nothing_else_of_a_user_is_read(path: Path) -> None:
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        core = UserCore.over(storage, Host(hasher=FakeHasher()))
        found = core.users.find(Email("ann@example.com"))
        assert found is not None
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE usercore_users SET state = 'nonsense'")
        units = units_of(storage)
        for call in (
            lambda: units.write(lambda unit: unit.users.lock_state(found.id)),
            lambda: units.read(lambda unit: unit.users.states_of([found.id])),
            lambda: core.sign_in.with_password("ann@example.com", "a password"),
        ):
            with pytest.raises(Corrupt, match=r"usercore_users\.state") as corrupt:
                call()
            assert corrupt.value.__suppress_context__, "a traceback would show the value"


def test_the_type_of_a_missing_value_is_known() -> None:
    assert columns_of(tables.ATTEMPTS, NoneType) > {"ip"}
