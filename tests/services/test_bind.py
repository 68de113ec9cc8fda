"""Binding: the actor, address and source of a core; bound copies are cheap and independent."""

from typing import Any

import attrs
import pytest

from tests.services.helpers import add_tenant, refused, register
from usercore import UNSET, Actor, ActorKind, Context, Invalid, UserCore
from usercore.testing import WatchedStorage


def actor_of(core: UserCore, name: str) -> str:
    user = register(core, name)
    (entry,) = core.history.of_user(user.id).rows
    assert user.created_by == entry.actor
    return entry.actor


@pytest.mark.rule("X2")
def test_a_core_that_is_not_bound_acts_as_the_host(core: UserCore) -> None:
    assert core.context == Context()
    assert actor_of(core, "ann") == "host"


@pytest.mark.rule("X2")
def test_history_shows_the_actor_that_was_bound(core: UserCore) -> None:
    actors = [Actor.user(42), Actor.operator("Zoë"), Actor(ActorKind.API_TOKEN, "7"), Actor(ActorKind.HOST)]
    shown = [actor_of(core.bind(actor=actor), f"user{number}") for number, actor in enumerate(actors)]
    assert shown == ["user:42", "operator:Zoë", "api_token:7", "host"]


@pytest.mark.rule("T1", "X2")
def test_binding_returns_a_copy_and_does_not_change_the_original(core: UserCore) -> None:
    acme = add_tenant(core)
    zoe = core.bind(actor=Actor.operator("Zoë"), ip="192.0.2.1", user_agent="Lynx", source="desk")
    there = zoe.tenant("acme")
    assert (there.context.tenant_id, there.context.tenant_key) == (acme.id, "acme")
    assert (there.context.actor, there.context.ip) == (Actor.operator("Zoë"), "192.0.2.1")
    assert (there.context.user_agent, there.context.source) == ("Lynx", "desk")
    assert (zoe.context.tenant_key, core.context) == ("main", Context())
    assert there.bind(source="phone").context.source == "phone"
    assert there.bind(source="phone").context.ip == "192.0.2.1"
    assert [actor_of(one, "ann") for one in (there, core)] == ["operator:Zoë", "host"]


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("ip", "canonical"),
    [("192.0.2.1", "192.0.2.1"), ("2001:DB8:0::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1")],
)
def test_an_address_is_stored_in_its_canonical_form(core: UserCore, ip: str, canonical: str) -> None:
    assert core.bind(ip=ip).context.ip == canonical


@pytest.mark.rule("S6")
def test_every_user_agent_is_accepted_and_stored(core: UserCore) -> None:
    assert core.bind(user_agent="a\0b\ud800" + "ž" * 600).context.user_agent == "a?b?" + "ž" * 254
    assert core.bind(source="").context.source is None


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"ip": "localhost"}, Invalid),
        ({"ip": "192.0.2.1/24"}, Invalid),
        ({"source": "a\0"}, Invalid),
        ({"source": "x" * 256}, Invalid),
        ({"ip": 7}, TypeError),
        ({"actor": "Zoë"}, TypeError),
        ({"source": 7}, TypeError),
        ({"user_agent": b"Lynx"}, TypeError),
    ],
    ids=str,
)
def test_an_invalid_value_cannot_be_bound(
    core: UserCore, given: dict[str, Any], error: type[Invalid | TypeError]
) -> None:
    with refused(core, error, but=()):
        core.bind(**given)


@pytest.mark.rule("X2")
def test_an_operator_has_a_name(core: UserCore) -> None:
    for name in ("", " ", "x" * 256, "a\nb"):
        with refused(core, Invalid, but=()):
            Actor.operator(name)


@pytest.mark.rule("T1")
def test_binding_does_not_access_the_storage(core: UserCore, storage: WatchedStorage) -> None:
    add_tenant(core)
    core.tenant("acme")
    reads, writes = storage.reads, storage.writes
    for _ in range(10):
        core.bind(ip="192.0.2.1").tenant("acme").tenant("main")
    assert (storage.reads, storage.writes) in {(reads, writes), (reads + 1, writes)}


@pytest.mark.rule("T1")
def test_closing_one_copy_closes_them_all(core: UserCore) -> None:
    with core.bind(source="web") as bound:
        register(bound)
    bound.close()
    with pytest.raises(Exception, match=r"storage\.unavailable"):
        core.users.find(7)


@pytest.mark.rule("X2")
def test_none_clears_a_bound_value_and_omitted_values_stay(core: UserCore) -> None:
    bound = core.bind(actor=Actor.operator("Zoë"), ip="192.0.2.1", user_agent="Lynx", source="desk")
    cleared: dict[str, Any] = {"actor": core.context.actor, "ip": None, "user_agent": None, "source": None}
    for name, value in cleared.items():
        given: dict[str, Any] = {name: None}
        expected: dict[str, Any] = {name: value}
        assert bound.bind(**given).context == attrs.evolve(bound.context, **expected)
        unset: dict[str, Any] = {name: UNSET}
        assert bound.bind(**unset).context == bound.context
    assert bound.bind(actor=None, ip=None, user_agent=None, source=None).context == core.context
