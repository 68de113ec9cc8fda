"""A record is accepted with all its values, or all its errors are reported."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fields import OWN_FIELDS, attribute_of
from usercore import UNSET, FieldError, Invalid
from usercore.importing.records import FIELDS, ImportRecord, clean_record
from usercore.testing import strategies

pytestmark = pytest.mark.rule("R7")

BORN = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")


def faults_of(values: dict[Any, object]) -> list[FieldError]:
    with pytest.raises(Invalid) as refused:
        clean_record({"email": "ann@example.com"} | values)
    return list(refused.value.errors)


def clean(**values: object) -> ImportRecord:
    return clean_record({"email": "ann@example.com"} | values)


@pytest.mark.rule("U13")
def test_a_field_that_is_left_out_is_unset() -> None:
    record = clean_record({"external_id": "K-1"})
    assert (record.email, record.username, record.uuid, record.email_verified) == (UNSET, UNSET, UNSET, UNSET)
    assert (record.id, record.created_at, dict(record.slots), dict(record.fields)) == (None, None, {}, {})


@pytest.mark.rule("U13")
@pytest.mark.parametrize("name", sorted(FIELDS - {"external_id", "access_ids"}))
def test_none_clears_every_field(name: str) -> None:
    record = clean_record({"external_id": "K-1", name: None})
    emptied = {"source": "unknown", "email_verified": False}.get(name, False if OWN_FIELDS.get(name) is True else None)
    if name in OWN_FIELDS:
        assert record.fields == {attribute_of(name): emptied}
    elif name.startswith("access_id_"):
        assert record.slots == {int(name[-1]): None}
    else:
        assert getattr(record, name) == emptied


@pytest.mark.rule("U13")
@pytest.mark.parametrize("name", ["email", "username", "uuid", "created_at"])
def test_an_empty_text_clears_a_field_as_none_does(name: str) -> None:
    assert clean_record({"external_id": "K-1", name: ""}) == clean_record({"external_id": "K-1", name: None})


@pytest.mark.rule("U9")
def test_none_as_access_ids_clears_every_slot() -> None:
    assert clean(access_ids=None).slots == {1: None, 2: None, 3: None, 4: None}


@pytest.mark.rule("U9")
def test_access_ids_are_a_list_a_dict_by_slot_or_single_fields() -> None:
    assert clean(access_ids=["a", 2, None]).slots == {1: "a", 2: "2", 3: None}
    assert clean(access_ids={4: "d"}).slots == {4: "d"}
    assert clean(access_id_1="a", access_id_4=7).slots == {1: "a", 4: "7"}


def test_all_errors_are_reported_at_once_by_field() -> None:
    values = {
        "email": "ann@",
        "language": "e",
        "first_name": 7,
        "public_name": b"Ann",
        "note": "x" * 70_000,
        "access_id_2": " b",
        "is_institution": "yes",
        "id": 0,
        "shoe_size": 42,
        5: "five",
    }
    assert set(faults_of(values)) == {
        FieldError("email", "malformed"),
        FieldError("language", "malformed"),
        FieldError("first_name", "wrong_type"),
        FieldError("public_name", "wrong_type"),
        FieldError("note", "too_long"),
        FieldError("access_id_2", "white_space"),
        FieldError("is_institution", "wrong_type"),
        FieldError("id", "out_of_range"),
        FieldError("shoe_size", "unknown_field"),
        FieldError("5", "unknown_field"),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", 5),
        ("email", ["ann@example.com"]),
        ("external_id", True),
        ("external_id", 1.5),
        ("access_ids", "a"),
        ("access_ids", {"1": "a"}),
        ("id", "7"),
        ("id", True),
        ("email_verified", 1),
        ("timestamp_offset_minutes", "60"),
        ("uuid", 5),
        ("created_at", 1_700_000_000),
        ("created_at", datetime(2024, 5, 1, tzinfo=UTC).date()),
        ("username", {}),
    ],
)
def test_no_value_is_coerced(name: str, value: object) -> None:
    assert FieldError(name, "wrong_type") in faults_of({name: value})


def test_a_long_or_unprintable_field_name_is_shortened() -> None:
    (fault,) = faults_of({"\x1b[31m" + "x" * 1000 + "\ud800": 1})
    assert fault == FieldError("?[31m" + "x" * 59, "unknown_field")


@pytest.mark.parametrize(
    "values",
    [
        {"first_name": "Ann"},
        {"access_ids": None},
        {"access_id_1": None},
        *({name: None} for name in ("id", "email", "username", "external_id", "uuid")),
    ],
)
def test_a_record_without_any_identifier_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        clean_record(values)
    assert refused.value.errors == (FieldError("record", "no_identifier"),)


def test_access_ids_together_and_one_by_one_contradict_each_other() -> None:
    assert faults_of({"access_ids": ["a"], "access_id_2": "b"}) == [FieldError("access_ids", "given_twice")]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01 10:00:00.5+05:30", datetime(2024, 5, 1, 4, 30, 0, 500_000, tzinfo=UTC)),
        ("2024-05-01t10:00:00.123456789z", datetime(2024, 5, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-05-01 10:00:00+00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01 10:00:00.25-03", datetime(2024, 5, 1, 13, 0, 0, 250_000, tzinfo=UTC)),
        ("2024-05-01T10:00:00+0000", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00-0330", datetime(2024, 5, 1, 13, 30, tzinfo=UTC)),
        ("1932-05-01 10:00:00+00:19:32", datetime(1932, 5, 1, 9, 40, 28, tzinfo=UTC)),
        ("2024-05-01T10:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("20240501T100000,5Z", datetime(2024, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_from_iso_8601_and_as_postgresql_writes_it(text: str, instant: datetime) -> None:
    assert clean(created_at=text).created_at == instant
    assert clean(created_at=instant.astimezone(timezone(timedelta(hours=9)))).created_at == instant


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2024-05-01", "malformed"),
        ("2024-05-01 10:00:00 +00", "malformed"),
        ("2024-05-01T24:00:00Z", "malformed"),
        ("2024-05-01T10:60:00Z", "malformed"),
        ("infinity", "malformed"),
        ("0044-03-15 10:00:00+00 BC", "malformed"),
        ("2024-W18-3T10:00:00Z", "malformed"),
        ("2023-02-29T08:00:00Z", "malformed"),
        ("2024-05-01T10:00:00+25:00", "malformed"),
        ("٢٠٢٤-05-01T10:00:00Z", "malformed"),
        ("2024-05-01T10:00:00", "no_zone"),
        (datetime(2024, 5, 1), "no_zone"),  # noqa: DTZ001 - that is the fault
        ("1899-12-31T23:59:59Z", "out_of_range"),
        ("2300-01-01T00:00:00Z", "out_of_range"),
        ("0001-01-01T00:00:00+14:00", "out_of_range"),
        ("9999-12-31T23:59:59-14:00", "out_of_range"),
    ],
)
def test_an_instant_that_cannot_be_stored_is_refused(value: object, reason: str) -> None:
    assert faults_of({"created_at": value}) == [FieldError("created_at", reason)]


@pytest.mark.rule("I2")
def test_a_uuid_object_or_its_canonical_text_is_accepted() -> None:
    assert clean(uuid=BORN).uuid == clean(uuid=str(BORN).upper()).uuid == BORN


@pytest.mark.rule("I2")
@pytest.mark.parametrize("text", ["nil", BORN.hex, f"{{{BORN}}}", BORN.urn, f"{BORN.hex}----"])
def test_a_uuid_in_another_form_is_refused(text: str) -> None:
    assert faults_of({"uuid": text}) == [FieldError("uuid", "malformed")]


@pytest.mark.rule("U7")
def test_a_username_with_an_at_must_be_an_email() -> None:
    assert clean(username="bob@example.com").username == "bob@example.com"  # its owner is known later
    assert [fault.field for fault in faults_of({"username": "bob@"})] == ["username"]


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | strategies.hostile_text() | st.binary(max_size=9)
NESTED = st.recursive(VALUES, lambda parts: st.lists(parts, max_size=5) | st.dictionaries(VALUES, parts, max_size=3))


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=9), NESTED, max_size=6))
def test_every_input_is_a_record_or_raises_invalid(values: dict[str, object]) -> None:
    record, errors = None, tuple[FieldError, ...]()
    try:
        record = clean_record(values)
    except Invalid as refused:
        errors = refused.errors
    assert all(fault.field.isprintable() for fault in errors)
    assert errors if record is None else record.id or record.external_id or record.email
