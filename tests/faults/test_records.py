"""An import accepts any record: it reports bad ones, raises nothing, and stores nothing of them."""

from collections.abc import Iterator
from typing import Any, Final, get_type_hints

import pytest

from tests.faults.filled_stores import both
from tests.faults.hostile import TEXTS, WRONG, Hostile
from tests.samples import FilledStore
from tests.services.helpers import unchanged
from usercore.importing.records import Given

FIELDS: Final = [*get_type_hints(Given), "unknown", "a\ud800"]
BAD: Final = {"email": "bad"}


@pytest.fixture(scope="module")  # nothing in this file changes the store
def filled_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FilledStore]]:
    with both(tmp_path_factory.mktemp("filled_stores")) as filled_stores:
        yield filled_stores


@pytest.mark.rule("R7", "ERR")
@pytest.mark.parametrize("field", FIELDS, ids=ascii)
def test_a_field_of_a_record_may_hold_anything(field: str, filled_stores: list[FilledStore]) -> None:
    memory, file = filled_stores
    with unchanged(memory.core), unchanged(file.core):
        for value in (*WRONG.values(), *TEXTS.values(), Hostile(), 10**400, -1, 1 << 63):
            records: list[Any] = [{"email": "carl@example.com", field: value}, BAD]
            reports = [filled.core.registration.import_users(records, all_or_nothing=True) for filled in filled_stores]
            assert reports[0] == reports[1]
            assert reports[0].bad_count in {1, 2}


@pytest.mark.rule("R7", "ERR")
@pytest.mark.parametrize("name", [*WRONG, *TEXTS])
def test_a_record_may_be_anything(name: str, filled_stores: list[FilledStore]) -> None:
    record: Any = {**WRONG, **TEXTS}[name]
    for filled in filled_stores:
        with unchanged(filled.core):
            assert filled.core.registration.import_users([record]).bad_count == 1
