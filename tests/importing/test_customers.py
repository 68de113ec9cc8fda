"""The ten thousand customers of the example, on every storage: good ones are imported, bad ones reported."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.importing.helpers import counts
from tests.services.helpers import unchanged
from usercore import BadRecord, Email, ExternalId, UserCore
from usercore.importing.files import read_csv

pytestmark = pytest.mark.rule("R7")

EXAMPLES = Path(__file__).parents[2] / "examples"

REASONS: dict[str, set[str]] = {
    "access_id_repeated": {"access_ids: repeated"},
    "access_id_taken": {"access_ids: taken"},
    "bytes_broken": {"first_name: not_unicode"},
    "columns_too_few": {"record: too_few_columns"},
    "columns_too_many": {"record: too_many_columns"},
    "date_unknown": {"created_at: malformed"},
    "date_without_time": {"created_at: malformed"},
    "email_malformed": {"email: malformed"},
    "email_too_long": {"email: too_long"},
    "external_id_blank_ends": {"external_id: white_space"},
    "external_id_taken": {"external_id: taken"},
    "external_id_too_long": {"external_id: too_long"},
    "instant_without_zone": {"created_at: no_zone"},
    "language_malformed": {"language: malformed"},
    "name_control": {"first_name: control_character"},
    "name_direction": {"last_name: direction_mark"},
    "name_nul": {"last_name: control_character"},
    "no_identifier": {"record: no_identifier"},
    "note_too_long": {"note: too_long"},
    "two_users": {"record: two_users"},
    "username_invisible": {"username: forbidden_character"},
    "username_not_own_email": {"username: not_own_email"},
    "username_taken": {"username: taken"},
    "username_two_scripts": {"username: mixed_scripts"},
}


def import_customers(core: UserCore, **told: Any) -> tuple[int, int, int, int]:
    with (EXAMPLES / "customers.csv").open("rb") as file:
        return counts(core.registration.import_users(read_csv(file), **told))


def test_good_customers_are_imported_and_bad_lines_reported(core: UserCore) -> None:
    told: list[BadRecord] = []
    assert import_customers(core, on_bad=told.append) == (9915, 8, 8, 69)
    kinds = {int(line): kind for line, kind in json.loads((EXAMPLES / "customers.bad.json").read_bytes()).items()}
    reasons = {bad.line: {f"{fault.field}: {fault.reason}" for fault in bad.errors} for bad in told}
    assert reasons == {line: REASONS[kind] for line, kind in kinds.items()}
    assert Counter(kinds.values()).keys() == REASONS.keys()

    with unchanged(core):
        assert import_customers(core) == (0, 0, 9931, 69)

    assert core.users.get(ExternalId("K-2019-33523")).full_name == "Тарас Їжакевич"
    assert core.users.get(Email("CAGRI.yilmaz343044@xn--ktphane-n2ab.example.com")).language == "tr"
    assert import_customers(core.tenant("system"), all_or_nothing=True) == (0, 0, 0, 69)
