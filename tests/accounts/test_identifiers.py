"""Identifiers and the keys they claim: one key in several uses, freed keys, and ids of the host."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.services.helpers import PASSWORD, refused, register, unchanged
from usercore import (
    AccessId,
    AnyId,
    Email,
    ExternalId,
    ExternalIdLinked,
    FieldError,
    Invalid,
    Taken,
    User,
    UserCore,
    UsercoreError,
    Username,
)


def slots(core: UserCore, user: User, access_ids: Any) -> tuple[str | None, ...]:
    return core.users.set_access_ids(user.id, access_ids).access_ids


@pytest.mark.rule("U3")
def test_a_username_may_be_the_email_of_its_user_and_follows_it(core: UserCore) -> None:
    user = core.users.update(register(core).id, username="Ann@EXAMPLE.com")
    assert core.users.get(Username("ann@example.com")).id == user.id
    user = core.emails.change(user.id, "lee@example.com")
    assert (user.username, core.users.get(Username("LEE@example.com")).id) == ("lee@example.com", user.id)
    assert core.users.find(Username("ann@example.com")) is None
    assert register(core, "anna", username="anna@example.com").username == "anna@example.com"


@pytest.mark.rule("U3")
def test_a_username_that_is_not_an_email_stays_when_the_email_changes(core: UserCore) -> None:
    user = core.emails.change(register(core, username="ann").id, "lee@example.com")
    assert user.username == "ann"


@pytest.mark.rule("U3")
def test_a_key_is_free_when_its_last_use_ends(core: UserCore) -> None:
    ann, bob = register(core, external_id="17"), register(core, "bob")
    core.users.set_access_ids(ann.id, {3: "17"})
    core.users.unlink_external_id(ann.id)
    assert core.users.get(AccessId(17)).id == ann.id
    assert core.users.find(ExternalId(17)) is None
    with refused(core, Taken, but=()):
        core.users.link_external_id(bob.id, 17)
    core.users.set_access_ids(ann.id, {3: None})
    assert core.users.link_external_id(bob.id, 17).external_id == "17"


@pytest.mark.rule("U3")
def test_an_email_stays_claimed_when_the_equal_username_is_removed(core: UserCore) -> None:
    user = register(core, username="ann@example.com")
    core.users.update(user.id, username=None)
    assert core.users.get(Email("ann@example.com")).id == user.id
    assert core.users.find(Username("ann@example.com")) is None


@pytest.mark.rule("U3", "U8", "U9")
@pytest.mark.parametrize(
    ("space", "field", "take"),
    [
        ("login", "username", lambda core, user: core.users.update(user.id, username="ANN")),
        ("login", "email", lambda core, user: core.emails.change(user.id, "ANN@example.com")),
        ("external", "external_id", lambda core, user: core.users.link_external_id(user.id, "17")),
        ("external", "external_id", lambda core, user: core.users.link_external_id(user.id, "a-1")),
        ("external", "access_ids", lambda core, user: core.users.set_access_ids(user.id, ["b-1", "17"])),
        ("external", "access_ids", lambda core, user: core.users.set_access_ids(user.id, ["b-1", "a-1"])),
    ],
    ids=["username", "email", "external id", "access id as external id", "external id as access id", "access id"],
)
def test_the_key_of_another_user_is_taken(
    core: UserCore, space: str, field: str, take: Callable[[UserCore, User], object]
) -> None:
    ann = register(core, username="ann", external_id="17")
    core.users.set_access_ids(ann.id, ["a-1"])
    bob = register(core, "bob")
    with refused(core, Taken, but=()) as raised:
        take(core, bob)
    assert (raised.value.space, raised.value.field) == (space, field)


@pytest.mark.rule("U3", "U7")
def test_a_username_cannot_be_the_email_of_another_user(core: UserCore) -> None:
    register(core)
    bob = register(core, "bob")
    with refused(core, Invalid, but=()) as raised:
        core.users.update(bob.id, username="ann@example.com")
    assert [fault.reason for fault in raised.value.errors] == ["not_own_email"]


@pytest.mark.rule("U8")
def test_an_external_id_is_linked_once(core: UserCore) -> None:
    user = core.users.link_external_id(register(core).id, 42)
    assert user.external_id == "42"
    with unchanged(core):
        assert core.users.link_external_id(user.id, "42").version == user.version
    with refused(core, ExternalIdLinked, but=()):
        core.users.link_external_id(user.id, "042")
    assert core.users.unlink_external_id(user.id).external_id is None
    with unchanged(core):
        core.users.unlink_external_id(user.id)
    assert core.users.link_external_id(user.id, "042").external_id == "042"


@pytest.mark.rule("U8")
@pytest.mark.parametrize(
    ("external_id", "error"),
    [("", Invalid), (" 1", Invalid), ("x" * 256, Invalid), (10**300, Invalid), ("a\0", Invalid), (True, TypeError)],
    ids=["empty", "blank", "long", "huge", "control", "bool"],
)
def test_an_invalid_external_id_is_refused(
    core: UserCore, external_id: Any, error: type[UsercoreError | TypeError]
) -> None:
    user = register(core)
    with refused(core, error, but=()):
        core.users.link_external_id(user.id, external_id)


@pytest.mark.rule("U9")
def test_the_named_slots_are_replaced_and_the_others_stay(core: UserCore) -> None:
    user = register(core)
    assert slots(core, user, ["a", 7]) == ("a", "7", None, None)
    assert slots(core, user, {3: "c", 1: "A"}) == ("A", "7", "c", None)
    assert slots(core, user, [None, "7", None, "d"]) == (None, "7", None, "d")
    assert [core.users.find(AccessId(text)) is None for text in ("a", "A", "c", "7", "d")] == [True] * 3 + [False] * 2


@pytest.mark.rule("U9")
def test_access_ids_may_swap_slots(core: UserCore) -> None:
    user = register(core)
    slots(core, user, ["a", "b"])
    assert slots(core, user, ["b", "a"]) == ("b", "a", None, None)


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    ("access_ids", "error"),
    [
        ([], Invalid),
        ({}, Invalid),
        (["a", "b", "c", "d", "e"], Invalid),
        (["b", " "], Invalid),
        (["b", ""], Invalid),
        (["b", "b"], Invalid),
        (["b", 1, "1"], Invalid),
        ({2: "a"}, Invalid),
        ({0: "b"}, Invalid),
        ({5: "b"}, Invalid),
        ({"1": "b"}, TypeError),
        ("abc", TypeError),
        (b"abc", TypeError),
        (["b", True], TypeError),
        (7, TypeError),
    ],
    ids=repr,
)
def test_wrong_access_ids_change_nothing(
    core: UserCore, access_ids: Any, error: type[UsercoreError | TypeError]
) -> None:
    user = register(core)
    slots(core, user, ["a"])
    with refused(core, error, but=()):
        slots(core, user, access_ids)


@pytest.mark.rule("U4")
@pytest.mark.parametrize("space", [" ", "\n", "\t", "\u00a0", "\u2028", "\u3000"], ids=ascii)
def test_white_space_around_an_email_or_username_names_the_same_user_everywhere(core: UserCore, space: str) -> None:
    typed, name = f"{space}ann@example.com{space}", f"{space}ann{space}"
    user = core.registration.register(typed, username=name, password=PASSWORD).user
    assert (user.email, user.username) == ("ann@example.com", "ann")
    assert core.users.get(Email(typed)).id == core.users.get(Username(name)).id == user.id
    for login in (typed, name):
        assert core.sign_in.with_password(login, PASSWORD).user.id == user.id
    checked = core.registration.check_email(typed, PASSWORD)
    assert (checked.email, checked.user_id, checked.password) == ("ann@example.com", user.id, True)
    assert core.emails.change(user.id, f"{space}lee@example.com{space}").email == "lee@example.com"
    assert core.users.update(user.id, username=f"{space}lee{space}").username == "lee"
    assert core.registration.import_users([{"email": f"{space}lee@example.com{space}", "username": name}]).updated == 1


@pytest.mark.rule("U4")
@pytest.mark.parametrize("text", [" 17", "17\n", "\u00a017", "17\u2028", "17\t"], ids=ascii)
def test_white_space_around_an_id_of_the_host_is_refused_as_such(core: UserCore, text: str) -> None:
    user = register(core)
    calls: dict[str, Callable[[], object]] = {
        "external_id": lambda: core.users.link_external_id(user.id, text),
        "access_ids.1": lambda: core.users.set_access_ids(user.id, [text]),
        "any_id": lambda: core.users.find(AnyId(text)),
        "access_id": lambda: core.users.find(AccessId(text)),
    }
    for field, call in calls.items():
        with refused(core, Invalid, but=()) as raised:
            call()
        assert raised.value.errors == (FieldError(field, "white_space"),)
    with refused(core, Invalid) as raised:
        core.registration.register("bob@example.com", external_id=text)
    assert raised.value.errors == (FieldError("external_id", "white_space"),)
    assert core.registration.import_users([{"external_id": text}]).bad[0].errors == raised.value.errors
