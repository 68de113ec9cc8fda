"""Calls with JSON as input: whatever it is, a use-case runs or refuses by field."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.helpers import faults_of
from tests.profiles import few_examples
from tests.samples import FilledStore
from usercore import Email, FieldError, UserCore, UsercoreError, forms
from usercore_storage import memory

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=10), parts, max_size=3),
    max_leaves=6,
)
"""Any JSON."""

NOT_JSON = {
    "compliance.check.on_progress",
    "compliance.check.store",
    "core.atomic.work",
    "core.bind.actor",
    "core.cleanup.on_progress",
    "registration.import_users.on_bad",
    "registration.import_users.on_progress",
    "registration.import_users.records",  # whole records; a bad one is reported by line
    "sign_in.authenticate.credentials",
}
"""Parameters that JSON cannot express, or that take objects of the host's."""

PLACES = [(call, name) for call in CALLS for name in call.kinds() if f"{call}.{name}" not in NOT_JSON]


@pytest.fixture
def core() -> UserCore:
    return build(memory.open_storage("memory://")).core


@pytest.fixture(scope="module")
def filled() -> FilledStore:
    return build(memory.open_storage("memory://"))


@pytest.mark.rule("Y2")
@pytest.mark.parametrize(("call", "name"), PLACES, ids=lambda value: str(value))  # noqa: PLW0108 - pytest asks for a function
@few_examples(8)  # for each of hundreds of parameters
@given(value=JSON)
def test_any_json_is_read_or_refused_by_field(filled: FilledStore, call: Call, name: str, value: Any) -> None:
    others = {other: sample for other, sample in call.arguments(filled).items() if other != name}
    with suppress(UsercoreError):
        forms.call(call.of(filled), {name: value}, fields=[name], **others)


@pytest.mark.parametrize(
    ("method", "body", "fault"),
    [
        (lambda core: core.registration.register_external, {"email": 7}, FieldError("email", "wrong_type")),
        (lambda core: core.registration.register_external, {"email": None}, FieldError("email", "wrong_type")),
        (lambda core: core.registration.register_external, {}, FieldError("email", "missing")),
        (lambda core: core.registration.register, [], FieldError("body", "wrong_type")),
        (lambda core: core.registration.register, None, FieldError("body", "wrong_type")),
        (
            lambda core: core.registration.register,
            {"email": "new@example.com", "note": "hello"},
            FieldError("note", "unknown"),
        ),
    ],
)
@pytest.mark.rule("Y2")
def test_a_fault_names_its_field(
    core: UserCore, method: Callable[[UserCore], Callable[..., object]], body: object, fault: FieldError
) -> None:
    assert faults_of(lambda: forms.call(method(core), body, fields=["email", "first_name"])) == (fault,)


@pytest.mark.rule("Y2", "A9")
@pytest.mark.parametrize("text", ["2026-3-1", "20260301", "2026-02-30", "2026-03-01T00:00:00Z", "tomorrow", ""])
def test_dates_are_read_as_iso_8601_writes_them(core: UserCore, text: str) -> None:
    assert faults_of(lambda: forms.call(core.addresses.get, {"on": text}, fields=["on"], ref=1, address="invoice")) == (
        FieldError("on", "wrong_type"),
    )
    body = {"on": "2026-03-01", "address": "invoice", "ref": {"email": "ann@example.com"}}
    assert forms.call(core.addresses.get, body, fields=["on", "address", "ref"]) is None


@pytest.mark.rule("Y2", "A4")
def test_a_state_is_read_by_its_name(core: UserCore) -> None:
    body = {"state": "rejected", "ref": {"email": "ann@example.com"}}
    assert forms.call(core.addresses.requests, body, fields=["state", "ref"]).rows == ()
    wrongs: tuple[object, ...] = ("REJECTED", "", 1, [])
    for wrong in wrongs:
        fault = faults_of(lambda: forms.call(core.addresses.requests, {"state": wrong}, fields=["state"], ref=1))  # noqa: B023
        assert fault == (FieldError("state", "wrong_type"),)


@pytest.mark.rule("Y2")
def test_all_faults_are_told_at_once_and_nothing_is_called(core: UserCore) -> None:
    body = {"first_name": 1, "name": [], "is_institution": 1, "more\0": 2}
    fields = ["email", "first_name", "name", "is_institution"]
    expected = (
        FieldError("is_institution", "unknown"),
        FieldError("more?", "unknown"),
        FieldError("email", "missing"),
        FieldError("name", "wrong_type"),  # in the order of the parameters
        FieldError("first_name", "wrong_type"),
    )
    del fields[-1]
    assert faults_of(lambda: forms.call(core.registration.register_external, body, fields=fields)) == expected


@pytest.mark.rule("Y2")
def test_fields_and_what_is_given_reach_the_use_case(core: UserCore) -> None:
    body = json.loads('{"email": "new@example.com", "first_name": "New", "password": "a long enough password"}')
    registered = forms.call(
        core.registration.register,
        body,
        fields=["email", "first_name", "password", "last_name"],
        source="shop",
        send_email=False,
    )
    assert (registered.user.first_name, registered.user.last_name, registered.user.source) == ("New", None, "shop")


@pytest.mark.rule("Y2")
def test_a_given_argument_need_not_be_in_the_body(core: UserCore) -> None:
    user = forms.call(core.users.update, {"first_name": "Zoë"}, fields=["first_name"], ref=Email("ann@example.com"))
    assert user.first_name == "Zoë"


@pytest.mark.rule("Y2", "I3")
def test_users_are_named_by_id_uuid_or_an_object(core: UserCore) -> None:
    ann = core.users.get(Email("ann@example.com"))
    names: list[Any] = [ann.id, str(ann.uuid), {"email": "ann@example.com"}, {"username": "ann"}]
    names += [{"external_id": "x-1"}, {"access_id": "a-1"}, {"any_id": "a-2"}]
    for name in names:
        assert forms.call(core.users.get, {"ref": name}, fields=["ref"]) == ann
    for name in ("ann@example.com", "ann", 1.5, True, None, [], {}, {"email": 1}, {"email": "a", "username": "b"}):
        assert faults_of(lambda name=name: forms.call(core.users.get, {"ref": name}, fields=["ref"])) == (  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
            FieldError("ref", "wrong_type"),
        )


@pytest.mark.rule("Y2")
def test_instants_are_read_as_rfc_3339_writes_them(core: UserCore) -> None:
    ann = core.users.get(Email("ann@example.com"))

    def issue(valid_to: object) -> Any:
        return forms.call(core.autologin_tokens.issue, {"valid_to": valid_to}, fields=["valid_to"], ref=ann.id)

    at = core.autologin_tokens.list(ann.id).rows[0].expires_at
    there = at.astimezone(timezone(timedelta(hours=-4))).isoformat()
    for text in (at.isoformat(), at.isoformat().replace("+00:00", "z"), there, at.isoformat().replace("T", "t")):
        issue(text)
    assert {token.expires_at for token in core.autologin_tokens.list(ann.id)} == {at}
    wrong: list[object] = [7, None, "", "2026-13-01T00:00:00Z", "2026-03-01", "20260301T000000Z"]
    for value in (*wrong, at.isoformat().removesuffix("+00:00"), f"{at.isoformat()} ", at.isoformat() + "\0"):
        assert faults_of(lambda value=value: issue(value)) == (FieldError("valid_to", "wrong_type"),)  # type: ignore[misc]  # as above


@pytest.mark.rule("Y2", "U9")
def test_slots_are_named_by_numbers_as_json_writes_them(core: UserCore) -> None:
    def set_ids(ids: object) -> Any:
        body = {"access_ids": ids}
        ref = Email("ann@example.com")
        return forms.call(core.users.set_access_ids, body, fields=["access_ids"], ref=ref).access_ids

    assert set_ids(["b-1", None, 3]) == ("b-1", None, "3", None)
    assert set_ids({"2": "b-2", "3": None}) == ("b-1", "b-2", None, None)
    wrongs: list[Any] = [{"two": "b"}, {"²": "b"}, {"1": {}}, [[]], "abc", {"1" * 5000: "b"}]
    for wrong in wrongs:
        assert faults_of(lambda wrong=wrong: set_ids(wrong)) == (FieldError("access_ids", "wrong_type"),)  # type: ignore[misc]  # mypy cannot infer lambdas with defaults


@pytest.mark.parametrize(
    ("method", "field"),
    [("register", "no_such_field"), ("register", "self"), ("import_users", "on_progress")],
)
def test_a_field_that_the_use_case_cannot_have_is_the_programmers_fault(
    core: UserCore, method: str, field: str
) -> None:
    with pytest.raises(TypeError, match=f"no parameter '{field}' that JSON can express"):
        forms.call(getattr(core.registration, method), {}, fields=[field])
