"""Each field of a user is declared once: its type, its rule and its visibility agree everywhere."""

from typing import Any, get_type_hints

import pytest
from hypothesis import given

from tests.fields import OWN_FIELDS, attribute_of
from tests.helpers import fault_of
from usercore.kernel.errors import FieldError
from usercore.kernel.text import FieldErrors
from usercore.kernel.unset import UNSET, Unset
from usercore.testing.strategies import names
from usercore.users.fields import (
    CLEAN,
    FIELDS,
    NAME_LIMIT,
    NOTE_LIMIT,
    REFERER_LIMIT,
    ExternalRegistrationFields,
    RegistrationFields,
    UserFields,
    check_names,
    clean_own_fields,
    types_of,
)
from usercore.users.model import KINDS, OPERATOR_ONLY, PERSONAL, REGISTERED, UPDATED, User
from usercore.users.model import OWN_FIELDS as ATTRIBUTES

TEXTS = [name for name in FIELDS if str in types_of(name)]
LINES = [name for name in TEXTS if name not in ("language", "date_format")]
FLAGS = [name for name in FIELDS if bool in types_of(name)]
LIMITS = {"note": NOTE_LIMIT, "referer": REFERER_LIMIT}


@pytest.mark.rule("U1")
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_an_attribute_of_a_user_of_the_same_type(name: str) -> None:
    kind = get_type_hints(User)[attribute_of(name)]
    stored = {str if issubclass(one, str) else one for one in getattr(kind, "__args__", (kind,))}
    optional = {type(None)} if attribute_of(name) not in ("source", "is_institution") else set()
    assert stored == set(types_of(name)) - {Unset, type(None)} | optional


def test_the_fields_of_a_user_are_those_that_are_declared() -> None:
    assert sorted(ATTRIBUTES) == sorted(map(attribute_of, FIELDS))
    assert list(ATTRIBUTES) == [name for name in get_type_hints(User) if name in ATTRIBUTES]


@pytest.mark.rule("X2")
def test_history_has_every_field_and_marks_the_personal_ones_and_those_for_operators_only() -> None:
    for kind in (REGISTERED, UPDATED):
        assert set(kind.fields) >= set(ATTRIBUTES)
    for name, spec in FIELDS.items():
        assert (attribute_of(name) in PERSONAL) == spec.personal
        assert (attribute_of(name) in OPERATOR_ONLY) == spec.operator_only


@pytest.mark.rule("U1", "M6")
def test_every_kind_marks_exactly_its_own_fields_for_operators_only() -> None:
    own = set(map(attribute_of, FIELDS))
    for kind in KINDS:
        assert kind.operator_only & own == OPERATOR_ONLY & set(kind.fields)


@pytest.mark.rule("U1")
@pytest.mark.parametrize("name", LINES)
def test_a_text_may_be_as_long_as_its_limit(name: str) -> None:
    most = LIMITS.get(name, NAME_LIMIT)
    assert CLEAN[name]("é" * most) == "é" * most
    assert fault_of(lambda: CLEAN[name]("é" * (most + 1))) == FieldError(name, "too_long")


@pytest.mark.rule("U1", "U13")
@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("source", *FLAGS)])
def test_none_and_empty_text_clear_a_field(name: str) -> None:
    assert CLEAN[name](None) is None
    assert name not in TEXTS or CLEAN[name]("") is None


@pytest.mark.rule("U1")
@pytest.mark.parametrize(("typed", "stored"), [(None, "unknown"), ("", "unknown"), (" ", "unknown"), (" web ", "web")])
def test_a_source_is_unknown_if_there_is_none(typed: str | None, stored: str) -> None:
    assert CLEAN["source"](typed) == stored


@pytest.mark.rule("U1")
def test_line_ends_and_spaces_of_a_note_are_preserved() -> None:
    assert CLEAN["note"](" one\n\ttwo\r\n ") == " one\n\ttwo\r\n "


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", [None, 0, 1, "", "true", b""], ids=repr)
@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_must_be_a_bool(name: str, value: object) -> None:
    for flag in (True, False):
        assert CLEAN[name](flag) is flag
    with pytest.raises(TypeError, match=f"{name} must be bool"):
        CLEAN[name](value)


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", [b"x", ["x"], {"x": 1}, 1.5, True], ids=repr)
@pytest.mark.parametrize("name", [name for name in FIELDS if name not in FLAGS])
def test_a_value_of_another_type_is_refused_with_the_name_of_its_field(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        CLEAN[name](value)


@pytest.mark.rule("U1", "U13")
@given(names())
def test_fields_that_are_unset_are_left_out(text: str) -> None:
    errors = FieldErrors()
    given: dict[str, Any] = dict.fromkeys(FIELDS, UNSET) | {"public_name": text}
    assert clean_own_fields(given, errors) == {"chosen_public_name": text}
    assert clean_own_fields(OWN_FIELDS, errors) == {attribute_of(name): value for name, value in OWN_FIELDS.items()}
    errors.check()


@pytest.mark.parametrize("taken", [ExternalRegistrationFields, RegistrationFields, UserFields])
def test_names_that_a_call_does_not_take_are_refused_by_name(taken: type) -> None:
    check_names(dict.fromkeys(taken.__annotations__), taken, call="call")
    with pytest.raises(TypeError, match=r"call\(\) got unexpected keyword arguments: 'email', 'frist_name'"):
        check_names({"frist_name": "Ann", "first_name": "Ann", "email": "ann@example.com"}, taken, call="call")
