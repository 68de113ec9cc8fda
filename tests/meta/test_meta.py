"""Meta: values of users by key, the rules that a host declares, and what events show."""

import json
from datetime import timedelta
from typing import Any, assert_type

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of
from tests.services.helpers import add_tenant, over, refused, register
from usercore import (
    Actor,
    ActorKind,
    Email,
    Event,
    Invalid,
    KeyUser,
    MetaPolicy,
    MetaRule,
    MetaType,
    MetaValue,
    NotAllowed,
    Page,
    Subscriber,
    UserCore,
    UserNotFound,
)
from usercore.meta.rules import breach_of, check_keeps, clean_key, clean_value
from usercore.testing import FakeClock
from usercore.testing.contracts.meta import value as stored

MOST = 65_536


def declaring(core: UserCore, *rules: MetaRule) -> UserCore:
    """Return a core over the same store whose policy declares these rules."""
    return over(core, policy=attrs.evolve(core.policy, meta=MetaPolicy(rules=rules)))


def meta_kinds(core: UserCore, user_id: int) -> list[str]:
    """Return the kinds of a user's changes of meta, oldest first."""
    rows = core.history.of_user(user_id).rows
    return [entry.kind for entry in reversed(rows) if entry.kind.startswith("meta.")]


# Keys and values


@pytest.mark.rule("M1")
def test_the_limits_are_255_characters_and_65536_bytes() -> None:
    assert len(clean_key("k" * 255)) == 255
    assert MetaPolicy().max_bytes == MOST
    assert fault_of(lambda: clean_key("k" * 256)).reason == "too_long"
    assert len(clean_value("é" * (MOST // 2), most=MOST)) == MOST // 2
    for text in ("x" * (MOST + 1), "é" * (MOST // 2) + "x", "😀" * (MOST // 4) + "x"):
        assert fault_of(lambda: clean_value(text, most=MOST)).reason == "too_long"  # noqa: B023 - used at once


@pytest.mark.rule("M1")
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "empty"),
        ("a\nb", "control_character"),
        ("a\0", "control_character"),
        ("\ud800", "not_unicode"),
        ("a\u2028", "control_character"),
        ("\u202e", "direction_mark"),
        ("\U0001fae8", "unassigned"),
    ],
)
def test_a_key_is_one_line_of_text_that_can_be_shown(key: str, reason: str) -> None:
    assert fault_of(lambda: clean_key(key)).reason == reason


@pytest.mark.rule("M1")
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
def test_a_value_may_be_any_text_but_nul_and_lone_surrogates(text: str) -> None:
    assert clean_value(text, most=MOST) == text


@pytest.mark.rule("M1")
@pytest.mark.parametrize(("text", "reason"), [("a\0b", "control_character"), ("a\udfff", "not_unicode")])
def test_nul_and_lone_surrogates_are_refused(text: str, reason: str) -> None:
    assert fault_of(lambda: clean_value(text, most=MOST)).reason == reason


@pytest.mark.rule("M1")
def test_keys_are_compared_exactly_in_nfc_and_values_are_stored_as_they_are(core: UserCore) -> None:
    user = register(core)
    for key in ("e\u0301", "É", " é"):
        core.meta.upsert(user.id, key, "e\u0301\u202e\r\n")
    assert [row.key for row in core.meta.list(user.id)] == [" é", "É", "é"]
    row = core.meta.get(user.id, "é")
    assert row is not None
    assert row.value == "e\u0301\u202e\r\n"
    assert core.meta.get(user.id, "e") is None


@pytest.mark.rule("M1")
def test_every_fault_is_reported_and_nothing_is_stored(core: UserCore) -> None:
    user = register(core)
    with refused(core, Invalid, but=()) as refusal:
        core.meta.upsert(user.id, "", "\0")
    assert [fault.field for fault in refusal.value.errors] == ["key", "value"]


# Storing


@pytest.mark.rule("M1", "M2")
def test_upsert_keeps_the_instant_of_creation_and_the_flag_unless_one_is_passed(
    core: UserCore, clock: FakeClock
) -> None:
    user, made = register(core), clock.now
    row = core.meta.upsert(user.id, "size", "42")
    assert row == MetaValue(
        user_id=user.id, key="size", value="42", public=False, created_at=made, modified_at=made, breaks=None
    )
    clock.advance(timedelta(hours=1))
    assert core.meta.upsert(user.id, "size", "42") == row
    assert core.meta.upsert(user.id, "size", "42", public=True).modified_at == clock.now
    changed = core.meta.upsert(Email("ann@example.com"), "size", "43")
    assert (changed.public, changed.created_at, changed.modified_at) == (True, made, clock.now)
    assert core.meta.get(user.id, "size") == changed


@pytest.mark.rule("M3")
def test_values_are_listed_by_key_all_or_one_or_the_public_ones(core: UserCore) -> None:
    user = register(core)
    for key in ("b", "a", "C"):
        core.meta.upsert(user.id, key, key * 2, public=key == "b")
    assert [row.key for row in core.meta.list(user.id)] == ["C", "a", "b"]
    assert [row.key for row in core.meta.list(user.id, "a")] == ["a"]
    assert [row.key for row in core.meta.list(user.id, public_only=True)] == ["b"]
    assert core.meta.list(user.id, "a", public_only=True).rows == core.meta.list(user.id, "c").rows == ()


@pytest.mark.rule("M4")
def test_users_with_a_key_are_listed_in_pages_whatever_their_state(core: UserCore) -> None:
    users = [register(core, f"user{number}") for number in range(5)]
    core.users.deactivate(users[1].id)
    for user, text in zip(users, ["", "0", "x", "", "0"], strict=True):
        core.meta.upsert(user.id, "k", text, public=text == "0")
    first = core.meta.key_users("k", limit=3)
    assert [row.user_id for row in first] == [user.id for user in users[:3]]
    assert [row.user_id for row in core.meta.key_users("k", cursor=first.cursor)] == [user.id for user in users[3:]]
    assert [row.user_id for row in core.meta.key_users("k", "")] == [users[0].id, users[3].id]
    zeros = core.meta.key_users("k", "0", public_only=True).rows
    assert zeros == tuple(KeyUser(user_id=users[number].id, value="0", public=True) for number in (1, 4))
    assert core.meta.key_users("k", "", public_only=True).rows == ()


@pytest.mark.rule("M5")
def test_deleting_returns_whether_a_value_was_deleted(core: UserCore) -> None:
    user = register(core)
    core.meta.upsert(user.id, "k", "")
    assert not core.meta.delete(user.id, "k", "0")
    assert core.meta.delete(user.id, "k", "")
    assert not core.meta.delete(user.id, "k")
    core.meta.upsert(user.id, "k", "v")
    assert core.meta.delete(user.id, "k")
    assert core.meta.list(user.id).rows == ()


@pytest.mark.rule("M3", "T2")
def test_meta_of_an_unknown_user_is_refused(core: UserCore) -> None:
    user = register(core)
    core.meta.upsert(user.id, "k", "v")
    add_tenant(core)
    acme = core.tenant("acme")
    assert acme.meta.key_users("k").rows == ()
    for call in (
        lambda: acme.meta.list(user.id),
        lambda: acme.meta.get(user.id, "k"),
        lambda: acme.meta.upsert(user.id, "k", "w"),
        lambda: acme.meta.delete(user.id, "k"),
    ):
        with refused(core, UserNotFound, but=()):
            call()


# History and events


@pytest.mark.rule("M8", "X2")
def test_each_real_change_stores_a_row_that_names_the_key(core: UserCore) -> None:
    user = register(core)
    core.meta.upsert(user.id, "k", "a")
    core.meta.upsert(user.id, "k", "a", public=False)
    core.meta.delete(user.id, "k", "b")
    core.meta.upsert(user.id, "k", "b")
    core.meta.upsert(user.id, "k", "b", public=True)
    core.meta.delete(user.id, "k")
    entries = core.history.of_user(user.id).rows[:4][::-1]
    assert [entry.kind for entry in entries] == ["meta.set"] * 3 + ["meta.deleted"]
    assert [(dict(entry.old), dict(entry.new)) for entry in entries] == [
        ({}, {"key": "k", "value": "a", "public": False}),
        ({"key": "k", "value": "a", "public": False}, {"key": "k", "value": "b", "public": False}),
        ({"key": "k", "public": False}, {"key": "k", "public": True}),
        ({"key": "k", "value": "b", "public": True}, {}),
    ]
    assert core.users.get(user.id).version == user.version


@pytest.mark.rule("M6")
def test_an_event_shows_public_values_only(core: UserCore) -> None:
    told: list[Event] = []
    kinds = {"meta.set", "meta.deleted"}
    core = over(core, subscribers=[Subscriber(name="crm", kinds=kinds, handle=told.append)])
    user = register(core)
    core.meta.upsert(user.id, "open", "shown", public=True)
    core.meta.upsert(user.id, "open", "hidden", public=False)
    core.meta.delete(user.id, "open")
    core.meta.upsert(user.id, "shut", "hidden")
    core.meta.upsert(user.id, "shut", "now shown", public=True)
    core.outbox.deliver()
    seen = [(event.entry.old.get("value"), event.entry.new.get("value")) for event in told]
    assert seen == [(None, "shown"), ("shown", None), (None, None), (None, None), (None, "now shown")]
    assert [{**event.entry.old, **event.entry.new}["key"] for event in told] == ["open"] * 3 + ["shut"] * 2
    assert "hidden" not in repr(told)
    assert {"hidden", "shown"} < {entry.new.get("value") for entry in core.history.of_user(user.id)}


# Declared rules

FITS = {
    MetaType.TEXT: (["", "x", "1\n2"], []),
    MetaType.INTEGER: (["0", "-1", "7" * 40], ["", "+1", "01", "1.0", "1e3", "\u0661", "-0x1", " 1", "1\n"]),
    MetaType.DECIMAL: (["0", "-1.50", "3.14"], ["", ".5", "5.", "1,5", "NaN", "Infinity", "1e3", "1.5\n"]),
    MetaType.BOOLEAN: (["true", "false"], ["", "True", "1", "yes"]),
    MetaType.DATE: (["2024-02-29"], ["", "2023-02-29", "20240229", "2024-W09-4", "2024-2-9", "2024-02-29T00:00"]),
    MetaType.INSTANT: (
        ["2024-02-29T12:00:00Z", "2024-02-29t12:00:00.5+01:00"],
        ["", "2024-02-29", "2024-02-29T12:00:00", "2024-02-30T12:00:00Z", "2024-02-29T25:00:00Z", "now"],
    ),
    MetaType.ONE_OF: (["red", "green"], ["", "Red", "blue"]),
    MetaType.JSON: (["{}", "[1, null]", '"x"', "0"], ["", "{", "NaN", "Infinity", "'x'", "[" * 50_000]),
}


def rule_of(kind: MetaType, **fields: Any) -> MetaRule:
    return MetaRule(key="k", type=kind, choices=("red", "green") if kind is MetaType.ONE_OF else (), **fields)


@pytest.mark.rule("M7")
@pytest.mark.parametrize("kind", MetaType)
def test_a_value_must_be_of_the_declared_type(kind: MetaType) -> None:
    fitting, others = FITS[kind]
    for text in fitting:
        check_keeps(text, rule_of(kind))
        assert breach_of(stored(text), rule_of(kind)) is None
    reason = "not_a_choice" if kind is MetaType.ONE_OF else f"not_{kind}"
    for text in others:
        assert fault_of(lambda: check_keeps(text, rule_of(kind))).reason == reason  # noqa: B023 - used at once
        assert breach_of(stored(text), rule_of(kind)) == reason


@pytest.mark.rule("M7")
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_every_type_of_json_value_is_accepted_as_json(value: object) -> None:
    check_keeps(json.dumps(value), rule_of(MetaType.JSON))


@pytest.mark.rule("M7")
def test_a_value_that_breaks_its_rule_is_refused_and_other_keys_are_free(core: UserCore) -> None:
    user, core = register(core), declaring(core, rule_of(MetaType.INTEGER, label="Age"))
    with refused(core, Invalid, but=()) as refusal:
        core.meta.upsert(user.id, "k", "seven")
    assert [(fault.field, fault.reason) for fault in refusal.value.errors] == [("value", "not_integer")]
    assert core.meta.upsert(user.id, "k", "7").breaks is None
    assert core.meta.upsert(user.id, "other", "seven").value == "seven"
    assert core.meta.declared() == (rule_of(MetaType.INTEGER, label="Age"),)


@pytest.mark.rule("M7")
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("given_flag", [True, False, None])
def test_a_declared_flag_is_stored_whatever_the_call_passes(
    core: UserCore, *, forced: bool, given_flag: bool | None
) -> None:
    user = register(core)
    core.meta.upsert(user.id, "k", "v", public=not forced)
    core = declaring(core, rule_of(MetaType.TEXT, public=forced))
    assert core.meta.list(user.id).rows[0].breaks == "wrong_public"
    row = core.meta.upsert(user.id, "k", "v", public=given_flag)
    assert (row.public, row.breaks) == (forced, None)
    assert meta_kinds(core, user.id) == ["meta.set", "meta.set"]


@pytest.mark.rule("M7")
def test_only_actors_of_declared_kinds_may_write_and_delete(core: UserCore) -> None:
    user = register(core)
    core = declaring(core, rule_of(MetaType.TEXT, writers=frozenset({ActorKind.OPERATOR})))
    operator = core.bind(actor=Actor.operator("Zoë"))
    operator.meta.upsert(user.id, "k", "v")
    for actor in (None, Actor.user(user.id)):
        bound = core.bind(actor=actor)
        for call in (
            lambda: bound.meta.upsert(user.id, "k", "w"),  # noqa: B023 - used at once
            lambda: bound.meta.delete(user.id, "k"),  # noqa: B023 - as above
            lambda: bound.meta.delete(9, "k"),  # noqa: B023 - as above
        ):
            with refused(core, NotAllowed, but=()) as refusal:
                call()
            assert refusal.value.action == "meta.write"
        assert bound.meta.get(user.id, "k") is not None
    assert operator.meta.delete(user.id, "k")


@pytest.mark.rule("M7")
def test_existing_values_keep_their_flag_until_they_are_written_again(core: UserCore) -> None:
    user = register(core)
    core.meta.upsert(user.id, "k", "seven", public=True)
    core = declaring(core, rule_of(MetaType.INTEGER))
    row = core.meta.get(user.id, "k")
    assert row is not None
    assert (row.value, row.breaks) == ("seven", "not_integer")
    assert [one.breaks for one in core.meta.list(user.id)] == ["not_integer"]
    assert [one.value for one in core.meta.key_users("k")] == ["seven"]
    with pytest.raises(Invalid):
        core.meta.upsert(user.id, "k", "seven")
    assert core.meta.upsert(user.id, "k", "7").breaks is None


@pytest.mark.rule("M7")
def test_rules_hold_for_all_tenants(core: UserCore) -> None:
    core = declaring(core, rule_of(MetaType.INTEGER))
    add_tenant(core)
    acme = core.tenant("acme")
    user = register(acme)
    with pytest.raises(Invalid):
        acme.meta.upsert(user.id, "k", "seven")


@pytest.mark.rule("M7")
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"key": ""}, ValueError),
        ({"key": "a\n"}, ValueError),
        ({"key": "e\u0301"}, ValueError),
        ({"key": "k" * 256}, ValueError),
        ({"key": 7}, TypeError),
        ({"type": "integer"}, TypeError),
        ({"type": MetaType.ONE_OF}, ValueError),
        ({"choices": ("a",)}, ValueError),
        ({"choices": (1,), "type": MetaType.ONE_OF}, TypeError),
        ({"choices": "ab", "type": MetaType.ONE_OF}, TypeError),
        ({"public": 1}, TypeError),
        ({"writers": {ActorKind.HOST}}, TypeError),
        ({"writers": frozenset({"host"})}, TypeError),
        ({"personal": None}, TypeError),
        ({"label": 7}, TypeError),
    ],
    ids=str,
)
def test_an_inconsistent_rule_is_refused_when_it_is_created(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"MetaRule\."):
        MetaRule(**({"key": "k"} | fields))


@pytest.mark.rule("M7")
def test_a_key_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="keys of their own"):
        MetaPolicy(rules=(rule_of(MetaType.TEXT), rule_of(MetaType.JSON)))


def test_results_are_typed(core: UserCore) -> None:
    user = register(core)
    assert_type(core.meta.upsert(user.id, "k", "v"), MetaValue)
    assert_type(core.meta.get(user.id, "k"), MetaValue | None)
    assert_type(core.meta.list(user.id), Page[MetaValue])
    assert_type(core.meta.key_users("k"), Page[KeyUser])
    assert_type(core.meta.delete(user.id, "k"), bool)
