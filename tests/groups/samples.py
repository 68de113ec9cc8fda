"""Samples of the service of groups."""

from typing import Final

from tests.samples import FAR, FilledStore, Samples, same
from usercore import Group, GroupMember, User, UserCore
from usercore.kernel.entity import evolve


def fill(filled: FilledStore) -> None:
    """Create two groups, and put Ann into one."""
    filled.core.groups.add(filled.ann.id, filled.core.groups.create("acme").id)
    filled.core.groups.create("empty")


def name(core: UserCore, user: User) -> tuple[Group, Group]:
    """Create a group, and put the user into it."""
    group = core.groups.create("ann")
    core.groups.add(user.id, group.id)
    return group, evolve(group, id=group.id + FAR)


SAMPLES: Final = Samples(
    fill=fill,
    arguments={"group": same("acme"), "groups.add.group": same("empty")},
    name=name,
    calls={
        "groups.add: another tenant's group": lambda core, names: core.groups.add(names.own, names.of(Group).id),
        "groups.create: take a name": lambda core, names: core.groups.create(names.name),
        "groups.delete": lambda core, names: core.groups.delete(names.of(Group).id, force=True),
        "groups.get: by id": lambda core, names: core.groups.get(names.of(Group).id),
        "groups.get: by name": lambda core, names: core.groups.get(names.name),
        "groups.members": lambda core, names: core.groups.members(names.of(Group).id),
        "groups.remove: another tenant's group": lambda core, names: core.groups.remove(names.own, names.of(Group).id),
        "groups.update": lambda core, names: core.groups.update(names.of(Group).id, sorting=1),
    },
    kept_by_undo={
        Group: "not of a user",
        GroupMember: "added by an operator",
    },
)
