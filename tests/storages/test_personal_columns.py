"""Every column of every table is declared, and what history stores of a personal column is personal, too."""

from typing import Any

import pytest

from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.personal import Erasure
from usercore.storage import CATALOGUE, KINDS, ROWS
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL, HISTORY

WHERE = "usercore/{}/model.py: ROWS"


@pytest.mark.rule("X5", "X6")
@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_every_column_of_a_table_is_declared_once(table: Table[Any]) -> None:
    package = table.entity.__module__.split(".")[1]
    assert table.entity in ROWS, f"usercore/{package}/model.py: ROWS lack {table.entity.__name__} of {table.name}"
    rows = ROWS[table.entity]
    names = [column.name for column in table.columns]
    missing = [name for name in names if name not in rows.columns]
    assert not missing, f"usercore/{package}/model.py: ROWS of {table.name} do not say what {missing} are about"
    assert sorted(rows.columns) == sorted(names)


@pytest.mark.rule("X6")
@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_rows_with_something_personal_are_removed_or_blanked(table: Table[Any]) -> None:
    rows = ROWS[table.entity]
    assert (rows.erasure is Erasure.REMOVES) == (rows.user is not None)
    if rows.personal or rows.secret:
        assert rows.erasure is not Erasure.KEEPS, f"{table.name} keeps {rows.personal + rows.secret}"
    assert rows.section is None or rows.user is not None
    hidden = {column.name for column in table.columns if column.codec.column == "blob" and column.once is None}
    assert rows.erasure is Erasure.KEEPS or hidden <= set(rows.secret), "exports would contain bytes"


def test_sections_have_different_names() -> None:
    sections = [rows.section for rows in ROWS.values() if rows.section is not None]
    assert len(set(sections)) == len(sections) > 10


PERSONAL = {
    capability.name: {name for rows in capability.rows if rows.entity is not HISTORY.entity for name in rows.personal}
    for capability in CATALOGUE
}
OF_PEOPLE = [kind for kind in KINDS.values() if kind.subject in {Subject.USER, Subject.REGISTRATION}]


def capability_of(kind: ChangeKind) -> str:
    return next(one.name for one in CATALOGUE if kind in one.kinds)


@pytest.mark.rule("X6")
@pytest.mark.parametrize("kind", OF_PEOPLE, ids=lambda kind: kind.name)
def test_a_field_of_a_change_that_is_a_personal_column_is_personal(kind: ChangeKind) -> None:
    personal = PERSONAL[capability_of(kind)] - {"email_verified_at"}  # an instant, which says nothing alone
    missing = personal.intersection(kind.fields) - kind.personal
    if kind.name == "user.erased":
        missing.discard("reason")
    assert not missing, f"{kind.name} must declare {sorted(missing)} as personal"
