"""Every field of a user, by each call that takes it, reaches the user, history and events; unknown names do not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fields import OWN_FIELDS, attribute_of
from tests.services.helpers import refused, register, unchanged
from usercore import Event, ExternalId, Host, Invalid, Subscriber, User, UserCore
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness
from usercore.users.fields import FIELDS, ExternalRegistrationFields, RegistrationFields

EMAIL = "lee@example.com"


def registered(core: UserCore, **fields: Any) -> User:
    return core.registration.register(EMAIL, **fields).user


def registered_externally(core: UserCore, **fields: Any) -> User:
    return core.registration.register_external(EMAIL, **fields).user


def imported(core: UserCore, **fields: Any) -> User:
    report = core.registration.import_users([{"external_id": "x-1", "email": EMAIL, **fields}])
    assert report.bad == ()
    return core.users.get(ExternalId("x-1"))


def updated(core: UserCore, **fields: Any) -> User:
    return core.users.update(register(core).id, **fields)


Call = Callable[..., User]
TAKES: dict[Call, list[str]] = {
    registered: list(RegistrationFields.__annotations__),
    registered_externally: list(ExternalRegistrationFields.__annotations__),
    imported: list(OWN_FIELDS),
    updated: list(OWN_FIELDS),
}
EACH = [(call, name) for call, names in TAKES.items() for name in names]
CALLED = [(call, name) for call, name in EACH if call is not imported]


def shown(one: Any) -> str:
    return one.__name__ if callable(one) else str(one)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def heard(kept_in: Storage, events: list[Event]) -> UserCore:
    """A core, and the events that its subscriber got."""
    kinds = frozenset({"user.registered", "user.updated", "user.imported"})
    subscriber = Subscriber(name="crm", kinds=kinds, handle=events.append)
    host = Host(clock=FakeClock(), randomness=FakeRandomness(), hasher=FakeHasher(), subscribers=[subscriber])
    return UserCore.over(kept_in, host)


@pytest.mark.rule("U1", "X2")
@pytest.mark.parametrize(("call", "name"), EACH, ids=shown)
def test_a_field_is_stored_and_in_history_and_fields_for_operators_are_in_no_event(
    heard: UserCore, events: list[Event], call: Call, name: str
) -> None:
    value, attribute = OWN_FIELDS[name], attribute_of(name)
    user = call(heard, **{name: value})
    assert getattr(user, attribute) == value
    assert heard.users.get(user.id) == user
    entries = [entry for entry in heard.history.of_user(user.id) if entry.kind.startswith("user.")]
    assert entries[0].new[attribute] == value
    heard.outbox.deliver()
    told = [event.entry.new.get(attribute) for event in events if event.entry.subject_id == user.id]
    assert told[-1] == (None if FIELDS[name].operator_only else value)


@pytest.mark.rule("U13", "ERR")
@pytest.mark.parametrize(("call", "name"), CALLED, ids=shown)
def test_a_field_of_a_wrong_type_is_refused_by_name(core: UserCore, call: Call, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        call(core, **{name: b"bytes"})


@pytest.mark.rule("U1", "ERR")
@pytest.mark.parametrize("call", [registered, registered_externally], ids=shown)
def test_an_unknown_field_is_refused_before_anything_is_written(core: UserCore, call: Call) -> None:
    with unchanged(core), pytest.raises(TypeError, match=r"unexpected keyword arguments: 'frist_name'"):
        call(core, frist_name="Ann")


@pytest.mark.rule("U13", "ERR")
def test_an_update_of_an_unknown_field_is_refused(core: UserCore) -> None:
    user: Any = register(core)
    with unchanged(core), pytest.raises(TypeError, match=r"users.update\(\) got unexpected .*: 'chosen_public_name'"):
        core.users.update(user.id, chosen_public_name="Ann")  # type: ignore[call-arg]  # type checkers refuse it, too


@pytest.mark.rule("R3")
def test_registering_externally_takes_only_its_own_fields(core: UserCore) -> None:
    for name in OWN_FIELDS.keys() - set(TAKES[registered_externally]):
        with pytest.raises(TypeError, match=name):
            registered_externally(core, **{name: OWN_FIELDS[name]})


@pytest.mark.rule("R7", "ERR")
def test_a_record_with_an_unknown_field_is_bad(core: UserCore) -> None:
    report = core.registration.import_users([{"email": EMAIL, "frist_name": "Ann"}])
    assert [str(one) for one in report.bad] == ["line 1: frist_name: unknown_field"]


@pytest.mark.rule("U13", "ERR")
def test_errors_of_several_fields_are_reported_at_once(core: UserCore) -> None:
    user = register(core)
    texts: Any = {name: "\0" for name, value in OWN_FIELDS.items() if isinstance(value, str)}
    with refused(core, Invalid, but=()) as raised:
        core.users.update(user.id, **texts)
    assert {fault.field for fault in raised.value.errors} == set(texts)
