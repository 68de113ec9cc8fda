"""History keeps of a change what its kind declares and what differs, as JSON, and never a secret."""

import json
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.history.model import Entry
from usercore.history.rules import LONGEST, entry_of, is_empty, plain
from usercore.kernel.changes import Change, ChangeKind, Subject
from usercore.kernel.context import Actor, Context
from usercore.kernel.ids import TenantId
from usercore.storage import KINDS
from usercore.testing import NOON
from usercore.testing.samples import ANN, USER, a_user
from usercore.testing.strategies import instants, users
from usercore.users import model
from usercore.users.model import PERSONAL, REGISTERED, UPDATED, User

KINDS_OF_USERS = [kind for kind in model.KINDS if all(hasattr(USER, field) for field in kind.fields)]


def entry(kind: ChangeKind, *, old: object = None, new: object = None, context: Context | None = None) -> Entry:
    """Make the entry of a change of Ann's."""
    change = Change(kind=kind, subject_id=ANN, old=old, new=new)
    return entry_of(change, change_no=5, position=2, context=context or Context(), at=NOON)


@pytest.mark.rule("X2")
def test_an_entry_has_actor_subject_kind_time_and_origin() -> None:
    context = Context(
        tenant_id=TenantId(3), actor=Actor.operator("Zoë"), ip="192.0.2.7", source="app", user_agent="Lynx"
    )
    made = entry(UPDATED, old=a_user(), new=a_user(last_name="Poe"), context=context)
    assert (made.actor, made.ip, made.source, made.tenant_id) == ("operator:Zoë", "192.0.2.7", "app", 3)
    assert (made.subject, made.subject_id, made.kind, made.at) == (Subject.USER, ANN, "user.updated", NOON)
    assert (made.change_no, made.position) == (5, 2)
    assert (made.old, made.new) == ({"last_name": "Lee-Őry"}, {"last_name": "Poe"})


@pytest.mark.rule("X2")
@pytest.mark.parametrize("kind", KINDS_OF_USERS, ids=[kind.name for kind in KINDS_OF_USERS])
@given(old=users(), new=users())
def test_of_two_states_only_the_values_that_differ_are_stored(kind: ChangeKind, old: User, new: User) -> None:
    made = entry(kind, old=old, new=new)
    differing = {name for name in kind.fields if getattr(old, name) != getattr(new, name)}
    assert set(made.old) == set(made.new) == differing
    for name in differing:
        assert made.old[name] == plain(getattr(old, name))
        assert made.new[name] == plain(getattr(new, name))


@pytest.mark.rule("X2")
def test_two_equal_states_leave_no_values() -> None:
    made = entry(UPDATED, old=USER, new=a_user(version=99, email="other@example.com"))
    assert (made.old_text, made.new_text) == (None, None)
    assert (made.old, made.new) == ({}, {})


@pytest.mark.rule("X2")
@given(users())
def test_of_a_new_entity_only_the_values_that_are_not_empty_are_stored(user: User) -> None:
    made = entry(REGISTERED, new=user)
    assert made.old_text is None
    assert set(made.new) == {name for name in REGISTERED.fields if not is_empty(getattr(user, name))}


@pytest.mark.rule("X2")
def test_of_a_removed_entity_the_old_values_are_stored() -> None:
    made = entry(REGISTERED, old=USER)
    assert made.old["email"] == USER.email
    assert made.new_text is None


@pytest.mark.rule("X2")
def test_a_change_without_values_makes_an_entry() -> None:
    made = entry(REGISTERED)
    assert (made.kind, made.old_text, made.new_text) == ("user.registered", None, None)


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (None, True),
        (False, True),
        ((None, None), True),
        ((), True),
        (0, False),
        ("", False),
        (True, False),
        ((None, "a"), False),
    ],
)
def test_zero_and_the_empty_string_are_values_and_none_and_false_are_empty(value: object, empty: bool) -> None:  # noqa: FBT001 - an outcome
    assert is_empty(value) is empty


@pytest.mark.rule("X2", "X3")
@pytest.mark.parametrize("kind", KINDS_OF_USERS, ids=[kind.name for kind in KINDS_OF_USERS])
def test_only_declared_fields_are_stored(kind: ChangeKind) -> None:
    made = entry(kind, new=USER)
    assert set(made.new) <= set(kind.fields)
    undeclared = {"email", "username", "note", "referer", "first_name", "last_sign_in_ip"} - set(kind.fields)
    assert not any(json.dumps(getattr(USER, name)) in str(made.new_text) for name in undeclared)


@pytest.mark.rule("X2")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_personal_fields_are_declared_and_no_kind_stores_a_secret(kind: ChangeKind) -> None:
    of_users = PERSONAL if kind.subject is not Subject.TENANT else PERSONAL - {"supplied_uuid"}
    assert kind.personal >= of_users & set(kind.fields)
    assert set(kind.fields).isdisjoint({"hash", "digest", "secret", "password", "pepper_id"})


@pytest.mark.rule("X2")
@given(users())
def test_values_survive_as_json(user: User) -> None:
    made = entry(REGISTERED, new=user)
    for name, value in made.new.items():
        assert value == json.loads(json.dumps(plain(getattr(user, name))))


@pytest.mark.rule("X2")
def test_a_text_of_up_to_a_thousand_characters_is_stored_whole() -> None:
    assert plain("é" * LONGEST) == "é" * 1000
    longer = "é" * 999 + "ab"
    assert plain(longer) == "é" * 100 + "... sha256:" + sha256(longer.encode()).hexdigest()


@pytest.mark.rule("X2")
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1001, max_size=1100))
def test_long_texts_are_told_apart_by_their_digest(text: str) -> None:
    assert plain(text) != plain(text + "x")
    assert plain(text).startswith(text[:100])
    assert len(plain(text)) < 200


@pytest.mark.rule("X2")
def test_a_long_note_is_not_stored_whole_in_history() -> None:
    made = entry(UPDATED, old=USER, new=a_user(note="secret plan " * 5000))
    assert len(str(made.new_text)) < 300


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (NOON, "2026-03-01T12:00:00+00:00"),
        (NOON.astimezone(timezone(timedelta(hours=1))), "2026-03-01T13:00:00+01:00"),
        (USER.supplied_uuid, "8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11"),
        (USER.state, "deactivated"),
        (("a", None, NOON), ["a", None, "2026-03-01T12:00:00+00:00"]),
    ],
    ids=str,
)
def test_a_value_becomes_what_json_has(value: object, kept: Any) -> None:
    assert plain(value) == kept
    assert json.loads(json.dumps(plain(value))) == kept


@pytest.mark.rule("X2")
@given(instants())
def test_an_instant_can_be_read_again(at: datetime) -> None:
    assert datetime.fromisoformat(plain(at)) == at


@attrs.frozen
class Thing:
    """Part of a subject that is named by its key."""

    key: str
    value: str | None
    public: bool = False


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("old", "new", "stored"),
    [
        (Thing("k", "a"), Thing("k", "b"), ({"key": "k", "value": "a"}, {"key": "k", "value": "b"})),
        (None, Thing("k", None), ({}, {"key": "k"})),
        (Thing("k", "a"), None, ({"key": "k", "value": "a"}, {})),
    ],
    ids=["changed", "new", "removed"],
)
def test_what_names_a_part_of_the_subject_is_stored_even_where_it_did_not_change(
    old: Thing | None, new: Thing | None, stored: tuple[dict[str, str], dict[str, str]]
) -> None:
    kind = ChangeKind("thing.changed", ("key", "value", "public"), always=frozenset({"key"}))
    change = Change(kind=kind, subject_id=ANN, old=old, new=new)
    made = entry_of(change, change_no=2, position=0, context=Context(), at=NOON)
    assert (made.old, made.new) == stored
