"""An import takes whatever stands in a record: it reports what is bad, raises nothing, and keeps nothing of it."""

from collections.abc import Iterator
from typing import Any, Final, get_type_hints

import pytest

from tests.faults.hostile import TEXTS, WRONG, Hostile
from tests.faults.worlds import World, both
from tests.services.helpers import unchanged
from usercore.importing.records import Given

FIELDS: Final = [*get_type_hints(Given), "unknown", "a\ud800"]
BAD: Final = {"email": "bad"}


@pytest.fixture(scope="module")  # nothing in this file changes anything
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    with both(tmp_path_factory.mktemp("worlds")) as worlds:
        yield worlds


@pytest.mark.rule("R7", "ERR")
@pytest.mark.parametrize("field", FIELDS, ids=ascii)
def test_a_field_of_a_record_may_hold_anything(field: str, worlds: list[World]) -> None:
    memory, file = worlds
    for value in (*WRONG.values(), *TEXTS.values(), Hostile(), 10**400, -1, 1 << 63):
        records: list[Any] = [{"email": "carl@example.com", field: value}, BAD]
        with unchanged(memory.core), unchanged(file.core):
            reports = [world.core.registration.import_users(records, all_or_nothing=True) for world in worlds]
        assert reports[0] == reports[1]
        assert reports[0].bad_count in {1, 2}


@pytest.mark.rule("R7", "ERR")
@pytest.mark.parametrize("name", [*WRONG, *TEXTS])
def test_a_record_may_be_anything(name: str, worlds: list[World]) -> None:
    record: Any = {**WRONG, **TEXTS}[name]
    for world in worlds:
        with unchanged(world.core):
            assert world.core.registration.import_users([record]).bad_count == 1
