"""Where rows without a user are stored: each has a key of its own, so that no shard of a cluster has all of them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures import empty_sqlite
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.storage import Storage, Unit
from usercore.testing.contracts.base import units_of
from usercore.testing.samples import ACTION, ANN, ATTEMPT, REGISTRATION_ATTEMPT
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ACTIONS, ALL, ATTEMPTS, REGISTRATION_ATTEMPTS
from usercore_storage.sql.unit import SqlUnit

WITHOUT_USER: Final = (ATTEMPTS, REGISTRATION_ATTEMPTS, ACTIONS)
SAMPLES: Final[dict[Table[Any], Any]] = {
    ATTEMPTS: ATTEMPT,
    REGISTRATION_ATTEMPTS: REGISTRATION_ATTEMPT,
    ACTIONS: ACTION,
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with closing(empty_sqlite(tmp_path)) as storage:
        yield storage


def keys_in(unit: Unit, table: Table[Any]) -> list[tuple[int, int]]:
    assert isinstance(unit, SqlUnit)
    return unit.credentials._run(f"SELECT user_id, id FROM {table.name} ORDER BY id")  # noqa: S608 - our own name


@pytest.mark.rule("S6", "R1")
@pytest.mark.parametrize("table", WITHOUT_USER, ids=lambda table: table.name)
def test_rows_without_a_user_are_all_on_shards_of_their_own(storage: Storage, table: Table[Any]) -> None:
    def add(unit: Unit) -> None:
        repository = getattr(unit, table.name.removeprefix("usercore_"))
        for number in (1, 2, 3):
            repository.add(evolve(SAMPLES[table], id=number, user_id=None))
        repository.add(evolve(SAMPLES[table], id=4, user_id=ANN))

    people = units_of(storage)
    people.write(add)
    assert people.read(lambda unit: keys_in(unit, table)) == [(-1, 1), (-2, 2), (-3, 3), (ANN, 4)]


@given(st.integers(1, LIMIT - 1), st.none() | st.integers(1, LIMIT - 1))
def test_a_row_is_read_as_it_was_written(number: int, user_id: int | None) -> None:
    for table, sample in SAMPLES.items():
        entity = evolve(sample, id=number, user_id=user_id)
        row = dict(zip([column.name for column in (*table.extra, *table.columns)], table.row(entity), strict=True))
        assert (row["user_id"] > 0) == (user_id is not None)
        assert table.read(tuple(row[column.name] for column in table.columns)).user_id == user_id


def test_only_these_tables_have_rows_without_their_user() -> None:
    found = {table.name for table in ALL for column in table.columns if column.none_as is not None}
    assert found == {table.name for table in WITHOUT_USER}


@pytest.mark.rule("X4")
def test_a_page_of_actions_goes_on_after_one_without_a_user(storage: Storage) -> None:
    actions = [
        evolve(ACTION, id=7, user_id=None),
        evolve(ACTION, id=7, user_id=ANN),
        evolve(ACTION, id=6, user_id=None),
    ]
    people = units_of(storage)
    people.write(lambda unit: [unit.actions.add(action) for action in actions])
    pages, before = [], None
    for _ in range(4):
        page = people.read(
            lambda unit, before=before: unit.actions.list_before(before, user_id=None, action=None, limit=1)  # type: ignore[misc]  # a bound loop variable
        )
        pages.append([(one.id, one.user_id) for one in page])
        before = (page[0].id, page[0].user_id or 0) if page else before
    assert pages == [[(7, ANN)], [(7, None)], [(6, None)], []]
