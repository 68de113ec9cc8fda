"""JSON Schemas of bodies: they allow what ``forms.call`` reads, and nothing else."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, Unpack
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.forms.test_reading import JSON, NOT_JSON
from tests.samples import FilledStore
from usercore import UNSET, AnyId, Email, Invalid, Secret, forms
from usercore.kernel.unset import Unset
from usercore_storage import memory


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def exact(
    *,
    text: str,
    number: int,
    part: float,
    flag: bool,
    anything: object,
    optional: str | None = None,
    unset: int | Unset = UNSET,
    secret: str | Secret = "",
    names: Sequence[str] = (),
    mixed: Collection[int | bool] = (),
    levels: Mapping[str, int | None] | None = None,
    by_number: Mapping[int, str] | None = None,
    colour: Colour = Colour.RED,
    ref: int | Email | AnyId = 0,
    response: Mapping[str, Any] | None = None,
) -> None:
    """Take a value of each type whose values JSON Schema can tell apart."""


def written(*, uuid: UUID, instant: datetime | None, day: date) -> None:
    """Take a value of each type that JSON writes as text of a format."""


class Options(TypedDict):
    name: str
    age: NotRequired[int]


def unpacked(ref: int, **options: Unpack[Options]) -> None:
    """Take options that a dictionary declares."""


EXACT = ["text", "number", "part", "flag", "anything", "optional", "unset", "secret"]
EXACT += ["names", "mixed", "levels", "by_number", "colour", "ref", "response"]
NEAR = st.sampled_from(["red", "blue", "12", "1234567890", {"email": "a"}, {"any_id": "a"}, {"email": 1}, {"1": "a"}])
FRACTIONS = st.recursive(
    JSON.filter(lambda value: not isinstance(value, float) or not value.is_integer()) | NEAR,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text("1a", max_size=2), parts, max_size=2),
    max_leaves=3,
)
"""Any JSON, without numbers such as 1.0, which is an integer in JSON Schema and a float in Python."""


def is_read(method: Callable[..., object], name: str, value: object, **others: object) -> bool:
    try:
        forms.call(method, {name: value}, fields=[name], **others)
    except Invalid:
        return False
    return True


def allows(method: Callable[..., object], fields: Collection[str], body: object) -> bool:
    schema = dict(forms.schema(method, fields))
    return bool(jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(body))


@pytest.mark.rule("Y2")
@pytest.mark.parametrize("name", EXACT)
@given(value=FRACTIONS)
def test_a_schema_allows_what_is_read(name: str, value: Any) -> None:
    required = {"text": "", "number": 0, "part": 0.5, "flag": True, "anything": None}
    others = {key: sample for key, sample in required.items() if key != name}
    assert allows(exact, [name], {name: value}) == is_read(exact, name, value, **others)


@pytest.mark.rule("Y2")
@given(day=st.dates(), instant=st.datetimes(timezones=st.timezones()), uuid=st.uuids())
def test_a_schema_names_the_formats_of_text(day: date, instant: datetime, uuid: UUID) -> None:
    instant = instant.replace(tzinfo=None)
    body = {"day": day.isoformat(), "instant": f"{instant.isoformat()}Z", "uuid": str(uuid)}
    assert allows(written, list(body), body)
    forms.call(written, body, fields=list(body))
    for name in body:
        assert not allows(written, list(body), body | {name: "another text"})


@pytest.mark.rule("Y2")
def test_a_schema_has_the_required_fields_and_no_others() -> None:
    schema = forms.schema(unpacked, ["name", "age"])
    assert schema["required"] == ["name"]
    assert schema["properties"] == {"name": {"type": "string"}, "age": {"type": "integer"}}
    assert not allows(unpacked, ["name"], {"name": "Ann", "age": 7})
    with pytest.raises(TypeError, match="no parameter 'size'"):
        forms.schema(unpacked, ["size"])


@pytest.fixture(scope="module")
def filled() -> FilledStore:
    return build(memory.open_storage("memory://"))


@pytest.mark.rule("Y2")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_each_use_case_has_a_schema(filled: FilledStore, call: Call) -> None:
    fields = [name for name in call.kinds() if f"{call}.{name}" not in NOT_JSON]
    schema = forms.schema(call.of(filled), fields)
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    assert set(schema["properties"]) == set(fields)
