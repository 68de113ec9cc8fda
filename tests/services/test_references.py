"""Calls name a user by references of every kind, and by nothing else."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.services.helpers import PASSWORD, refused, register
from usercore import (
    AccessId,
    AnyId,
    Email,
    ExternalId,
    Invalid,
    Reference,
    User,
    UserCore,
    Username,
    UserNotFound,
)

NAMES: dict[str, Callable[[User], Reference]] = {
    "id": lambda user: user.id,
    "uuid": lambda user: user.uuid,
    "email": lambda _: Email("ANN@Example.COM"),
    "username": lambda _: Username("ANN"),
    "external id": lambda _: ExternalId("17"),
    "external id as a number": lambda _: ExternalId(17),
    "access id": lambda _: AccessId("a-2"),
    "any id, external": lambda _: AnyId(17),
    "any id, access": lambda _: AnyId("a-2"),
}

UNKNOWN: list[Reference] = [
    0,
    -1,
    7,
    1 << 53,
    UUID(int=0),
    UUID("8a1f1b70-7d3e-8a7c-9a55-0d3b5b1f2c11"),
    Email("bob@example.com"),
    Email("ann"),
    Username("ann@example.com"),
    Username("bob"),
    ExternalId("a-2"),
    AccessId("17"),
    AnyId("ann"),
]

NO_REFERENCES: list[object] = ["ann@example.com", b"ann", None, True, 1.0, ["ann"], Email]


def ann(core: UserCore) -> User:
    user = register(core, username="ann", external_id="17")
    return core.users.set_access_ids(user.id, {2: "a-2"})


@pytest.mark.rule("I3")
@pytest.mark.parametrize("name", NAMES)
def test_a_user_is_found_by_each_reference(core: UserCore, name: str) -> None:
    user = ann(core)
    reference = NAMES[name](user)
    assert core.users.get(reference) == core.users.find(reference) == user
    assert core.users.update(reference, first_name="Ann").id == user.id


@pytest.mark.rule("I3")
@pytest.mark.parametrize("reference", UNKNOWN, ids=str)
def test_no_user_is_found_by_another_reference(core: UserCore, reference: Reference) -> None:
    ann(core)
    if isinstance(reference, Email) and "@" not in reference.text:
        with pytest.raises(Invalid):
            core.users.get(reference)
        return
    with pytest.raises(UserNotFound):
        core.users.get(reference)
    assert core.users.find(reference) is None
    with refused(core, UserNotFound, but=()):
        core.users.update(reference, first_name="Eve")


@pytest.mark.rule("I3")
@pytest.mark.parametrize("value", NO_REFERENCES, ids=repr)
def test_every_call_refuses_a_value_that_is_not_a_reference(core: UserCore, value: Any) -> None:
    register(core)
    calls: list[Callable[[], object]] = [
        lambda: core.users.get(value),
        lambda: core.users.find(value),
        lambda: core.users.status(value),
        lambda: core.users.update(value, first_name="Eve"),
        lambda: core.users.link_external_id(value, 1),
        lambda: core.users.unlink_external_id(value),
        lambda: core.users.set_access_ids(value, ["1"]),
        lambda: core.users.activate(value),
        lambda: core.users.deactivate(value),
        lambda: core.emails.change(value, "eve@example.com"),
        lambda: core.emails.set_verified(value, verified=True),
        lambda: core.passwords.set(value, PASSWORD),
        lambda: core.sign_in.trusted(value),
        lambda: core.access_tokens.list(value),
        lambda: core.access_tokens.revoke_all(value),
        lambda: core.access_tokens.revoke_by_id(value, "uca-0-0"),
        lambda: core.login_tokens.issue(value),
        lambda: core.history.of_user(value),
        lambda: core.history.explain(value),
    ]
    for call in calls:
        with refused(core, TypeError, but=()):
            call()
