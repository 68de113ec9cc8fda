"""What type checkers know of the public names. Nothing here runs: ``make check`` reads it.

A line that must be wrong says so by an ignore; if it were right, the ignore would be reported as unused.
"""

from collections.abc import Mapping
from typing import assert_type

import usercore
from usercore import aio, forms
from usercore.testing import FakeClock, WatchedStorage
from usercore_storage import memory, sqlite


def the_core_is_a_context_manager() -> None:
    """Its services are typed, and so are its copies."""
    with usercore.open("memory://", clock=FakeClock()) as core:
        assert_type(core, usercore.UserCore)
        assert_type(core.tenant("acme").bind(ip="192.0.2.1"), usercore.UserCore)
        assert_type(core.joined(object()), usercore.UserCore)
    usercore.open(url="memory://", clok=FakeClock())  # type: ignore[call-arg]  # it must be refused
    usercore.open(7)  # type: ignore[arg-type]  # it must be refused


def results_are_typed(core: usercore.UserCore) -> None:
    """No dict and no Any leaves the core."""
    registration = core.registration.register("ann@example.com")
    assert_type(registration, usercore.Registration)
    assert_type(registration.user, usercore.User)
    assert_type(registration.access_token, usercore.Secret | None)
    assert_type(core.users.find(usercore.Email("ann@example.com")), usercore.User | None)
    assert_type(core.sign_in.identify("a secret"), usercore.Identity)
    assert_type(core.sign_in.identify("a secret").extras, Mapping[str, Mapping[str, object]])
    assert_type(core.passwords.set(7, "correct horse"), bool)
    assert_type(core.history.of_user(7).rows, tuple[usercore.Entry, ...])


def entities_are_frozen_and_named(user: usercore.User) -> None:
    """Fields are read-only, and values are given by name."""
    user.first_name = "Ann"  # type: ignore[misc]  # it must be refused
    usercore.Registration(user)  # type: ignore[call-arg]  # it must be refused


def absent_is_not_none(core: usercore.UserCore) -> None:
    """What is left out stays, and None empties."""
    core.users.update(7, first_name=None, last_name=usercore.UNSET)
    core.users.update(7, first_name=7)  # type: ignore[arg-type]  # it must be refused
    core.users.update(7, frist_name="Ann")  # type: ignore[call-arg]  # it must be refused
    core.users.update(7, is_institution=None)  # type: ignore[arg-type]  # it must be refused


def fields_can_be_collected_first(core: usercore.UserCore) -> None:
    """Wrappers of hosts pass on what they were called with, and nothing else."""
    fields: usercore.UserFields = {"first_name": "Ann", "note": None, "data_offset_minutes": usercore.UNSET}
    core.users.update(7, version=3, username="ann", **fields)
    wrong: usercore.UserFields = {"frist_name": "Ann"}  # type: ignore[typeddict-unknown-key]  # it must be refused
    core.users.update(7, **wrong)
    known: usercore.RegistrationFields = {"first_name": "Ann", "source": "app"}
    core.registration.register("ann@example.com", **known)
    core.registration.register("ann@example.com", date_format="x")  # type: ignore[call-arg]  # it must be refused
    core.registration.register("ann@example.com", note=7)  # type: ignore[arg-type]  # it must be refused
    detail: usercore.UserDetail = {"username": "ann", "roles": ["Editor", 7]}
    assert_type(core.registration.save(**detail, upsert=True), usercore.SavedUser)
    core.registration.save(**detail, external_id="7")  # type: ignore[call-arg]  # it must be refused
    core.registration.save(id="7")  # type: ignore[arg-type]  # it must be refused
    external: usercore.ExternalRegistrationFields = {"language": "sk"}
    core.registration.register_external("ann@example.com", name="Lee", **external)
    core.registration.register_external("ann@example.com", note="x")  # type: ignore[call-arg]  # it must be refused


def references_are_ids_or_say_what_they_are(core: usercore.UserCore) -> None:
    """A bare text is none: is it an email, or an external id?"""
    core.users.get(usercore.ExternalId(7))
    core.users.get(core.users.get(7).uuid)
    core.users.get("ann@example.com")  # type: ignore[arg-type]  # it must be refused


def storages_fit(url: str) -> None:
    """Shipped storages, and those that wrap them, are storages."""
    usercore.UserCore.over(WatchedStorage(memory.open_storage(url)))
    usercore.UserCore.over(sqlite.open_storage(url), usercore.Host(clock=FakeClock()))
    usercore.UserCore.over(url)  # type: ignore[arg-type]  # it must be refused


def several_calls_as_one_return_what_the_work_returns(core: usercore.UserCore) -> None:
    """The work gets a core and is a plain function."""
    assert_type(core.atomic(lambda core: core.users.get(7)), usercore.User)
    core.atomic(lambda: None)  # type: ignore[arg-type, misc]  # it must be refused


async def calls_from_asyncio_are_typed_by_their_method() -> None:
    """Arguments and results are those of the method."""
    async with aio.open("memory://", clock=FakeClock()) as people:
        assert_type(people, aio.AsyncCore)
        core = people.core
        assert_type(await people.call(core.users.get, 7), usercore.User)
        assert_type(await people.call(core.sign_in.identify, "a secret"), usercore.Identity)
        await people.call(core.users.get, "ann@example.com")  # type: ignore[arg-type]  # it must be refused
        await people.call(core.users.update, 7, frist_name="Ann")  # type: ignore[call-arg]  # it must be refused
    aio.open("memory://", clok=FakeClock())  # type: ignore[call-arg]  # it must be refused


def forms_are_typed_by_their_audience(core: usercore.UserCore, body: object) -> None:
    """Only operators' forms have a note."""
    user = core.users.get(7)
    forms.user(user, "user")["note"]  # type: ignore[typeddict-item]  # it must be refused
    assert_type(forms.user(user, "operator")["note"], str | None)
    assert_type(forms.user.page(usercore.Page((user,), None), "user")["rows"][0]["id"], int)
    assert_type(forms.error(usercore.UserNotFound(), "user")["status"], int)
    assert_type(forms.call(core.users.update, body, fields=["first_name"], ref=7), usercore.User)
    forms.user(user, "everyone")  # type: ignore[call-overload]  # it must be refused
