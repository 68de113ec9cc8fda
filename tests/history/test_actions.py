"""The action log: what the host may log, who sees it, and how long it is stored."""

import json
from collections.abc import Callable
from datetime import timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.helpers import add_tenant, changed, dump, over, refused, register
from usercore import (
    Action,
    ActionCount,
    ActionLogPolicy,
    Actor,
    Corrupt,
    FieldError,
    Invalid,
    RetentionPolicy,
    UserCore,
    UserNotFound,
)
from usercore.history.actions import DEPTH_LIMIT, clean_action, clean_params
from usercore.testing import FakeClock
from usercore.testing.samples import an_action

DAY = timedelta(days=1)
MOST = 16_384

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
KEYS = st.text(max_size=10)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


def nested(levels: int) -> dict[str, Any]:
    """Return lists inside one another, ``levels`` of them with the object around them."""
    inner: list[Any] = []
    for _ in range(levels - 2):
        inner = [inner]
    return {"a": inner}


def reason_of(refusal: pytest.ExceptionInfo[Invalid]) -> FieldError:
    (error,) = refusal.value.errors
    return error


@pytest.mark.rule("X4")
@given(params=st.dictionaries(KEYS, PLAIN, max_size=4))
def test_plain_data_is_stored_as_it_is(params: dict[str, object]) -> None:
    text = clean_params(params, most=65_536)
    assert an_action(params_text=text).params == params
    assert text is None or text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.rule("X4")
def test_what_is_almost_plain_becomes_plain() -> None:
    text = clean_params(MappingProxyType({"a": (1, Colour.RED, Size.LARGE), "b": "\0\u2028"}), most=MOST)
    assert text == '{"a":[1,"red",3],"b":"\\u0000\u2028"}'
    assert clean_params(None, most=MOST) is clean_params({}, most=MOST) is None


@pytest.mark.rule("X4")
@pytest.mark.parametrize(
    "params",
    [
        7,
        "text",
        [1],
        [("a", 1)],
        {1: "a"},
        {"a": {None: 1}},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": [object()]},
        {"a": timedelta(1)},
        {"a": MappingProxyType({})},
    ],
)
def test_what_is_not_plain_data_is_a_type_error(params: Any) -> None:
    with pytest.raises(TypeError):
        clean_params(params, most=MOST)


@pytest.mark.rule("X4")
@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"a": "é" * (MOST // 2)}, "too_long"),
        ({"a": [[0] * 1000] * 1000}, "too_long"),
        (nested(DEPTH_LIMIT + 1), "too_deep"),
        ({"a": "\ud800"}, "not_unicode"),
        ({"\ud800": 1}, "not_unicode"),
        ({"a": float("nan")}, "out_of_range"),
        ({"a": [-float("inf")]}, "out_of_range"),
        ({"a": 1 << 63}, "out_of_range"),
        ({"a": -(1 << 63) - 1}, "out_of_range"),
    ],
)
def test_data_that_cannot_be_stored_is_refused_by_its_reason(params: dict[str, object], reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_params(params, most=MOST)
    assert reason_of(refusal) == FieldError("params", reason)


@pytest.mark.rule("X4")
def test_params_may_be_exactly_as_long_and_deep_as_the_limit() -> None:
    text = clean_params({"a": "é" * 100}, most=208)
    assert text is not None
    assert len(text.encode()) == 208
    assert clean_params(nested(DEPTH_LIMIT), most=MOST)
    with pytest.raises(Invalid):
        clean_params({"a": "é" * 100}, most=207)


@pytest.mark.rule("X4")
def test_data_that_contains_itself_is_refused() -> None:
    inner: list[Any] = []
    inner += [inner] * 100
    with pytest.raises(Invalid):
        clean_params({"a": inner}, most=MOST)


@pytest.mark.rule("X4")
@pytest.mark.parametrize("name", ["", " ", " a", "a\n", "a" * 256, "\ud800", "\u202e"])
def test_a_name_that_no_action_can_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_action(name)
    assert reason_of(refusal).field == "action"


def test_damaged_params_are_corrupt() -> None:
    for text in ("[1]", "{", "7"):
        with pytest.raises(Corrupt):
            _ = an_action(params_text=text).params


@pytest.mark.rule("X4")
def test_an_action_has_actor_time_origin_and_params(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    clock.tick()
    desk = core.bind(actor=Actor.operator("Zoë"), ip="192.0.2.1", source="desk", user_agent="Lynx")
    logged = desk.history.log_action("invoice.sent", user.id, params={"to": ["Hlavná 1", None, 2.5]})
    assert (logged.actor, logged.at, logged.ip, logged.source) == ("operator:Zoë", clock.now, "192.0.2.1", "desk")
    assert (logged.user_id, logged.action, logged.params) == (
        user.id,
        "invoice.sent",
        {"to": ["Hlavná 1", None, 2.5]},
    )
    assert core.history.actions().rows == core.history.actions(user.id, "invoice.sent").rows == (logged,)
    assert "Hlavná" not in repr(logged)


@pytest.mark.rule("X4")
def test_actions_are_filtered_by_user_and_name_and_counted(core: UserCore) -> None:
    ann, bob = register(core), register(core, "bob")
    log = core.history.log_action
    first, second, third = log("called", ann.id), log("b", bob.id), log("called")
    assert core.history.actions().rows == (third, second, first)
    assert core.history.actions(action="called").rows == (third, first)
    assert core.history.actions(ann.id).rows == core.history.actions(ann.id, "called").rows == (first,)
    assert core.history.actions(bob.id, "called").rows == ()
    assert core.history.action_counts() == (ActionCount(action="b", count=1), ActionCount(action="called", count=2))
    assert core.history.action_counts(ann.id) == (ActionCount(action="called", count=1),)
    first_page = core.history.actions(limit=2)
    assert core.history.actions(limit=2, cursor=first_page.cursor).rows == (first,)


@pytest.mark.rule("X4", "X2")
def test_an_action_is_no_change(core: UserCore) -> None:
    user, seen = register(core), core.history.of_user
    entries, before = seen(user.id), dump(core)
    core.history.log_action("called", user.id)
    assert seen(user.id) == entries
    assert changed(before, dump(core)) == {"actions"}


@pytest.mark.rule("X4", "T2")
@pytest.mark.parametrize(
    "call",
    [
        lambda core, ref: core.history.log_action("called", ref),
        lambda core, ref: core.history.actions(ref),
        lambda core, ref: core.history.action_counts(ref),
    ],
    ids=["log_action", "actions", "action_counts"],
)
def test_a_user_of_another_tenant_has_no_actions(core: UserCore, call: Callable[[UserCore, int], object]) -> None:
    add_tenant(core)
    user = register(core)
    with refused(core, UserNotFound, but=()):
        call(core.tenant("acme"), user.id)


@pytest.mark.rule("X4")
def test_all_faults_are_reported_at_once_and_nothing_is_logged(core: UserCore) -> None:
    with refused(core, Invalid, but=()) as refusal:
        core.history.log_action("", params={"a": float("nan")})
    assert [error.field for error in refusal.value.errors] == ["action", "params"]
    wrong: list[tuple[Any, Any, Any]] = [(7, None, None), ("a", "text", None), ("a", None, {1: 2}), ("a", None, "text")]
    for action, ref, params in wrong:
        with refused(core, TypeError, but=()):
            core.history.log_action(action, ref, params=params)


@pytest.mark.rule("X4")
def test_the_policy_limits_the_params(core: UserCore) -> None:
    strict = over(core, policy=attrs.evolve(core.policy, action_log=ActionLogPolicy(max_bytes=12)))
    assert strict.history.log_action("a", params={"a": "1234"}).params == {"a": "1234"}
    with refused(core, Invalid, but=()):
        strict.history.log_action("a", params={"a": "12345"})


@pytest.mark.rule("X4", "K8")
def test_actions_are_stored_for_ever_unless_the_policy_says_how_long(core: UserCore, clock: FakeClock) -> None:
    old = core.history.log_action("old")
    clock.advance(3650 * DAY)
    fresh = core.history.log_action("fresh")
    assert core.cleanup().actions == 0
    assert core.history.actions().rows == (fresh, old)
    clock.advance(DAY)
    tidy = over(core, policy=attrs.evolve(core.policy, retention=RetentionPolicy(actions=2 * DAY)))
    assert tidy.cleanup().actions == 1
    assert core.history.actions().rows == (fresh,)


@pytest.mark.rule("X4")
def test_an_action_is_stored_with_the_other_calls_of_one_unit_or_not_at_all(core: UserCore) -> None:
    user = register(core)

    def fail(inner: UserCore) -> Action:
        inner.history.log_action("called", user.id)
        raise LookupError

    with pytest.raises(LookupError):
        core.atomic(fail)
    assert core.history.actions().rows == ()
    logged = core.atomic(lambda inner: inner.history.log_action("called", user.id))
    assert core.history.actions().rows == (logged,)
