"""Forms of errors: a status for every class, fields that JSON knows, and no secret."""

import json
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.make_errors import find_errors
from usercore import (
    FieldError,
    Invalid,
    NewerSchema,
    RateLimited,
    Rejected,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    Secret,
    Taken,
    Unavailable,
    UsercoreError,
    forms,
)
from usercore.gates.errors import Vetoed
from usercore.testing.strategies import instants

ERRORS = find_errors()

BY_TYPE: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    Secret: st.text(max_size=20).map(Secret),
    int: st.integers(0, 2**53),
    datetime: instants(),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=1)),
    tuple[str, ...]: st.lists(st.text(max_size=5), max_size=3).map(tuple),
    tuple[FieldError, ...]: st.lists(st.builds(FieldError, st.text(), st.text()), max_size=3).map(tuple),
}


def drawn(error: type[UsercoreError]) -> st.SearchStrategy[UsercoreError]:
    """Draw errors of a class with any fields."""
    fields = attrs.fields(attrs.resolve_types(error)) if attrs.has(error) else ()
    return st.builds(error, **{field.name: BY_TYPE[field.type] for field in fields})


@pytest.mark.rule("Y2", "ERR")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_class_has_a_status_or_that_of_a_specific_base(error: type[UsercoreError]) -> None:
    listed = next(base for base in error.__mro__ if base in forms.HTTP_STATUSES)
    assert listed is error or listed not in {UsercoreError, Rejected}, "add it to usercore/forms/errors.py"
    assert 400 <= forms.http_status(error) < 600
    assert forms.http_status(error) == forms.HTTP_STATUSES[listed]


def test_the_table_has_no_other_classes() -> None:
    assert set(forms.HTTP_STATUSES) <= set(ERRORS)


def test_an_error_of_a_host_has_the_status_of_its_base() -> None:
    class OfficeClosed(Vetoed):
        code = "office.closed"

    assert forms.http_status(OfficeClosed("office")) == 403
    assert forms.error(OfficeClosed("office"), "user") == {
        "code": "office.closed",
        "status": 403,
        "fields": {"gate": "office"},
    }


@pytest.mark.rule("Y2")
@pytest.mark.parametrize("kind", ERRORS, ids=lambda error: error.__name__)
@given(data=st.data())
def test_a_form_survives_json(kind: type[UsercoreError], data: st.DataObject) -> None:
    error = data.draw(drawn(kind))
    for audience in ("user", "operator"):
        form: Any = forms.error(error, audience)
        assert json.loads(json.dumps(form)) == form
        assert form["code"] == kind.code
        assert form["fields"].keys() == error.fields().keys()


@pytest.mark.rule("F2", "Y2")
@pytest.mark.parametrize("kind", [SecondFactorRequired, SecondFactorSetupRequired])
def test_the_challenge_of_a_missing_factor_is_for_its_user(kind: type[SecondFactorRequired]) -> None:
    error = kind(Secret("challenge"))
    assert forms.error(error, "user")["fields"] == {"challenge": "challenge"}
    assert forms.error(error, "operator")["fields"] == {"challenge": None}


@pytest.mark.rule("Y2")
@given(wait=st.timedeltas(timedelta(microseconds=1), timedelta(days=1)))
def test_a_wait_is_whole_seconds_and_never_too_short(wait: timedelta) -> None:
    seconds = forms.error(RateLimited(wait), "user")["fields"]["retry_after"]
    assert type(seconds) is int
    assert timedelta(0) <= timedelta(seconds=seconds) - wait < timedelta(seconds=1)


def test_faults_are_listed_by_field() -> None:
    form = forms.error(Invalid((FieldError("email", "malformed"), FieldError("name", "empty"))), "user")
    assert form["fields"] == {
        "errors": [{"field": "email", "reason": "malformed"}, {"field": "name", "reason": "empty"}]
    }


@pytest.mark.rule("Y2", "Y4")
def test_the_reason_of_a_storage_is_for_operators() -> None:
    error = Unavailable("the server at db.internal does not answer")
    assert "db.internal" not in json.dumps(forms.error(error, "user"))
    assert forms.error(error, "operator")["reason"] == error.reason
    assert forms.error(NewerSchema(2, 1), "operator")["reason"] is None
    assert forms.error(Taken("login", "email"), "operator")["reason"] is None


def test_another_audience_is_refused() -> None:
    with pytest.raises(ValueError, match="audience"):
        forms.error(Unavailable(), "everyone")  # type: ignore[call-overload]
