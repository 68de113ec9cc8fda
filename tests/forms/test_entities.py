"""Forms of entities: what JSON knows, and for users nothing that only operators may see."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, get_args, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import (
    AddressChangeRequest,
    AddressValues,
    HeldRole,
    Identity,
    MetaValue,
    Page,
    Secret,
    SignedIn,
    forms,
)
from usercore.forms.form import Form, plain
from usercore.forms.users import OperatorUserForm
from usercore.kernel.changes import ChangeKind
from usercore.registration.steps import Registration
from usercore.storage import KINDS
from usercore.testing import NOON, samples, strategies
from usercore.testing.strategies import names, storable_text
from usercore.users.model import OPERATOR_ONLY

NOTE = "for operators only"
SECRET = Secret("uca_what_opens_something")
AUDIENCES = st.sampled_from(["user", "operator"])

TEXTS = st.dictionaries(st.sampled_from(["note", "first_name", "email"]), storable_text(), max_size=3).map(json.dumps)
CHANGES = st.one_of(st.none(), TEXTS)
EXTRAS = st.just({"door": {"floor": [1, None, {"note": NOTE}]}})
IDENTITIES = {
    "user": strategies.users(note=st.just(NOTE)),
    "roles": st.lists(names(), max_size=2).map(tuple),
    "permissions": st.frozensets(names(), max_size=2),
    "extras": EXTRAS,
}

ASSIGNMENTS = strategies.role_assignments(created_by=st.just(NOTE), modified_by=st.just(NOTE))

REQUEST = {
    "requested_by": st.just(NOTE),
    "decided_by": st.just(NOTE),
    "reason": st.just(NOTE),
    "old": st.none() | strategies.entities(AddressValues),
    "new": strategies.entities(AddressValues),
}

SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "address_change_request": strategies.entities(AddressChangeRequest, **REQUEST),
    "attempt": strategies.attempts(login=st.just(NOTE)),
    "entry": strategies.entries(old_text=CHANGES, new_text=CHANGES),
    "held_role": strategies.entities(HeldRole, role=strategies.roles(), assignment=ASSIGNMENTS),
    "identity": strategies.entities(Identity, **IDENTITIES),
    "meta_value": strategies.entities(MetaValue, value=st.just(NOTE), public=st.just(value=False)),
    "registration": strategies.entities(
        Registration, user=IDENTITIES["user"], access_token=st.sampled_from([None, SECRET])
    ),
    "signed_in": strategies.entities(SignedIn, **IDENTITIES, access_token=st.just(SECRET)),
    "tenant": strategies.tenants(description=st.just(NOTE)),
    "user": IDENTITIES["user"],
}
"""Entities of forms that show other forms, computed values, or texts of an operator."""


def _drawn() -> Iterator[tuple[str, st.SearchStrategy[Any]]]:
    """Draw the entities of the other forms by the types that these declare; texts that users do not see are a note."""
    modules = (import_module(found.name) for found in walk_packages(forms.__path__, f"{forms.__name__}."))
    hints = {name: hint for module in modules for name, hint in get_type_hints(module).items()}
    for name in hints.keys() & set(forms.__all__) - SPECIAL.keys():
        if isinstance(getattr(forms, name), Form):
            kind, user, operator = get_args(get_args(hints[name])[0])
            hidden = get_type_hints(operator).keys() - get_type_hints(user).keys()
            texts = [field.name for field in attrs.fields(kind) if field.name in hidden and field.type is str]
            yield name, strategies.entities(kind, **{text: st.just(NOTE) for text in texts})


DRAWN = SPECIAL | dict(_drawn())
FORMS: dict[str, Callable[..., Any]] = {name: getattr(forms, name) for name in DRAWN}
each_form = pytest.mark.parametrize("name", sorted(DRAWN))


def test_every_form_is_drawn() -> None:
    not_entities = {"error"}
    callables = {name for name in forms.__all__ if isinstance(getattr(forms, name), Form)}
    assert callables <= DRAWN.keys()
    assert {"signed_in", "registration"} | callables | not_entities == DRAWN.keys() | not_entities


@pytest.mark.rule("Y2")
@each_form
@given(data=st.data(), audience=AUDIENCES)
def test_a_form_survives_json(name: str, data: st.DataObject, audience: str) -> None:
    form = FORMS[name](data.draw(DRAWN[name]), audience)
    assert json.loads(json.dumps(form, allow_nan=False)) == form


@pytest.mark.rule("Y2", "U1")
@each_form
@given(data=st.data())
def test_the_form_for_users_has_nothing_for_operators_and_no_secret(name: str, data: st.DataObject) -> None:
    entity = data.draw(DRAWN[name])
    form = FORMS[name](entity, "user")
    text = json.dumps(form)
    assert NOTE not in text
    assert SECRET.reveal() not in text
    assert not OPERATOR_ONLY & set(_names_in(form))
    for digest in (getattr(entity, "digest", None), getattr(entity, "token_digest", None)):
        assert digest is None or digest.hex() not in text


def _names_in(form: Any) -> list[str]:
    if isinstance(form, list):
        return [name for part in form for name in _names_in(part)]
    if not isinstance(form, dict):
        return []
    return [*form, *(name for part in form.values() for name in _names_in(part))]


@pytest.mark.rule("Y2")
@each_form
@given(data=st.data())
def test_operators_see_all_that_users_see(name: str, data: st.DataObject) -> None:
    entity = data.draw(DRAWN[name])
    assert FORMS[name](entity, "user").keys() <= FORMS[name](entity, "operator").keys()


@each_form
def test_another_audience_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="audience"):
        FORMS[name](object(), "everyone")
    if isinstance(FORMS[name], Form):
        with pytest.raises(ValueError, match="audience"):
            FORMS[name].page(Page((), None), "everyone")  # type: ignore[attr-defined]


@pytest.mark.rule("Y2")
@pytest.mark.parametrize("audience", ["user", "operator"])
def test_the_secret_of_an_issued_token_is_shown_if_it_is_asked_for(audience: Any) -> None:
    registered = Registration(user=samples.USER, access_token=SECRET)
    assert "access_token" not in forms.registration(registered, audience)
    assert forms.registration(registered, audience, with_secret=True)["access_token"] == SECRET.reveal()
    without = Registration(user=samples.USER)
    assert "access_token" not in forms.registration(without, audience, with_secret=True)
    signed_in = SignedIn(
        user=samples.USER,
        authenticator="password",
        authenticated_at=NOON,
        token_digest=samples.ACCESS_TOKEN.digest,
        token_expires_at=NOON,
        access_token=SECRET,
    )
    assert forms.identity(signed_in, audience) == forms.signed_in(signed_in, audience)
    assert forms.signed_in(signed_in, audience, with_secret=True)["access_token"] == SECRET.reveal()


@pytest.mark.rule("Y2")
@given(users=st.lists(strategies.users(), max_size=3), cursor=st.none() | st.text(max_size=5), audience=AUDIENCES)
def test_a_page_has_the_forms_of_its_rows(users: list[Any], cursor: str | None, audience: Any) -> None:
    page = forms.user.page(Page(tuple(users), cursor), audience)
    assert page == {"rows": [forms.user(user, audience) for user in users], "cursor": cursor}
    assert json.loads(json.dumps(page)) == page


@pytest.mark.rule("X3")
@pytest.mark.parametrize(
    ("actor", "shown", "is_own"),
    [("user:101", "user", True), ("user:102", "user", False), ("operator:Zoë", "operator", False)],
)
def test_users_see_addresses_of_their_own_changes_only(actor: str, shown: str, is_own: bool) -> None:  # noqa: FBT001 - a parameter of the case
    change = samples.an_entry(actor=actor)
    form = forms.entry(change, "user")
    assert form["actor"] == shown
    assert (form["ip"], form["source"]) == ((change.ip, change.source) if is_own else (None, None))
    assert forms.entry(change, "operator")["actor"] == actor
    assert forms.entry(change, "operator")["ip"] == change.ip


@pytest.mark.rule("U1", "M6")
@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.operator_only], ids=lambda kind: kind.name)
def test_every_field_of_a_change_that_is_for_operators_is_left_out_for_users(kind: ChangeKind) -> None:
    text = json.dumps(dict.fromkeys(kind.fields, NOTE))
    change = samples.an_entry(kind=kind.name, old_text=text, new_text=text)
    form = forms.entry(change, "user")
    assert form["old"].keys() == form["new"].keys() == set(kind.fields) - kind.operator_only
    assert forms.entry(change, "operator")["new"] == json.loads(text)


@pytest.mark.rule("M6")
def test_users_see_the_keys_of_their_private_values_only() -> None:
    values = {"key": "rank", "value": "secret", "public": False}
    change = samples.an_entry(kind="meta.set", old_text=None, new_text=json.dumps(values))
    assert forms.entry(change, "user")["new"] == {"key": "rank", "public": False}
    assert forms.entry(change, "operator")["new"] == values


def test_the_fields_of_a_form_are_attributes_of_its_entity() -> None:
    form = forms.user(samples.USER, "operator")
    assert form["id"] == samples.USER.id
    assert form["uuid"] == str(samples.USER.uuid)
    assert form["created_at"] == samples.USER.created_at.isoformat()
    assert form["access_ids"] == ["a-1", None, "a-3", "a-4"]
    assert get_type_hints(OperatorUserForm).keys() == form.keys()


@pytest.mark.parametrize("value", [SECRET, object(), b"bytes", float("nan"), {1: "one"}])
def test_what_json_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(TypeError) as refusal:
        plain([value])
    assert SECRET.reveal() not in str(refusal.value)
