"""The detail that save takes: what is needed, and values of any kind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import UNSET, Email, EmailPolicy, UserDetail
from usercore.kernel.errors import FieldError
from usercore.kernel.text import FieldErrors
from usercore.registration.detail import NEEDED, clean_detail
from usercore.users.fields import ATTRIBUTES

GIVEN = {"username": "dwebb", "first_name": "David", "last_name": "Webb", "roles": ["Designer"]}
BLANK = st.sampled_from([None, UNSET, "", " ", "\n\u3000"])
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=9),
    st.uuids(),
    st.just(UNSET),
    st.floats(),
    st.binary(max_size=3),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=9), st.uuids()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(Email, st.text(max_size=9)),
)


@pytest.mark.rule("R4")
@given(st.dictionaries(st.sampled_from(NEEDED), BLANK), st.booleans())
def test_each_needed_field_without_a_value_is_a_fault_and_nothing_else(
    blank: dict[str, Any],
    is_admin: bool,  # noqa: FBT001 - drawn
) -> None:
    given = {**GIVEN, "roles": [] if is_admin else ["Designer"]} | blank
    detail = clean_detail(given, EmailPolicy(), is_admin=is_admin)
    assert detail.faults == tuple(FieldError(name, "missing") for name in NEEDED if name in blank)
    del given["roles"]
    detail = clean_detail(given, EmailPolicy(), is_admin=is_admin)
    assert (FieldError("roles", "missing") in detail.faults) is not is_admin


@pytest.mark.rule("R4")
@given(st.dictionaries(st.sampled_from(sorted(UserDetail.__annotations__)), ANYTHING), st.booleans())
def test_values_of_any_kind_are_faults_by_field_or_of_a_wrong_type(
    given: dict[str, Any],
    is_admin: bool,  # noqa: FBT001 - drawn
) -> None:
    try:
        detail = clean_detail(given, EmailPolicy(), is_admin=is_admin)
        detail.take_username(FieldErrors(), email=detail.email_of(None))
    except TypeError:
        return
    assert {fault.field.partition(".")[0] for fault in detail.faults} <= {*NEEDED, "roles", *given}
    assert detail.fields.keys() <= set(ATTRIBUTES.values())
    assert detail.blank <= detail.fields.keys()
