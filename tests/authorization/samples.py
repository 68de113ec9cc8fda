"""Samples of the service of roles."""

from typing import Final

import attrs

from tests.samples import FAR, FilledStore, Samples, same
from usercore import Role, RoleAssignment, User, UserCore
from usercore.kernel.entity import evolve


@attrs.frozen
class Roles:
    """A role that Ann has, and one that no user has."""

    given: Role
    unused: Role


def fill(filled: FilledStore) -> Roles:
    """Create two roles, and give one."""
    role = filled.core.roles.create("acme", permissions=["posts.write"])
    filled.core.roles.give(filled.ann.id, role.id)
    return Roles(role, filled.core.roles.create("Unused"))


def name(core: UserCore, user: User) -> tuple[Role, Role]:
    """Create a role, and give it."""
    role = core.roles.create("ann", permissions=["17"])
    core.roles.give(user.id, role.id)
    return role, evolve(role, id=role.id + FAR)


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "description": same("two\nlines"),
        "permission": same("posts.write"),
        "permissions": same(["posts.read"]),
        "required": same(value=False),
        "role": lambda filled: filled.of(Roles).given.id,
        "roles": lambda filled: [filled.of(Roles).given.id, filled.of(Roles).unused.uuid],
        "roles.give.role": lambda filled: filled.of(Roles).unused.uuid,
    },
    name=name,
    calls={
        "roles.create: take a name": lambda core, names: core.roles.create(names.name),
        "roles.delete": lambda core, names: core.roles.delete(names.of(Role).id),
        "roles.get: by UUID": lambda core, names: core.roles.get(names.of(Role).uuid),
        "roles.get: by id": lambda core, names: core.roles.get(names.of(Role).id),
        "roles.get: by name": lambda core, names: core.roles.get(names.name),
        "roles.give: another tenant's role": lambda core, names: core.roles.give(names.own, names.of(Role).id),
        "roles.list": lambda core, _: str(core.roles.list().rows),
        "roles.take: another tenant's role": lambda core, names: core.roles.take(names.own, names.of(Role).uuid),
        "roles.update": lambda core, names: core.roles.update(names.of(Role).id, active=False),
    },
    kept_by_undo={
        RoleAssignment: "given by an operator",
        Role: "not of a user",
    },
)
