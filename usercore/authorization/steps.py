"""Steps of giving roles to locked users and taking them, which several use-cases share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.ids import IdSource
from usercore.roles.model import GIVEN, TAKEN, HeldRole, Role, RoleAssignment
from usercore.roles.ports import RolesUnit
from usercore.roles.service import held_roles
from usercore.users.model import ROLE_REQUIREMENT_CHANGED, User
from usercore.users.ports import UsersUnit
from usercore.users.service import replace_user


class RoleGivingUnit(RolesUnit, UsersUnit, Protocol):
    """What giving roles to users reads and writes."""


def give_role(unit: RoleGivingUnit, user: User, role: Role, *, number: int, at: datetime, by: str) -> None:
    """Assign a locked role to a locked user who does not have it; ``number`` is the id of the assignment."""
    assignment = RoleAssignment(
        user_id=user.id,
        role_id=role.id,
        tenant_id=user.tenant_id,
        id=number,
        created_at=at,
        created_by=by,
        modified_at=at,
        modified_by=by,
    )
    unit.role_assignments.add(assignment)
    unit.record(Change(kind=GIVEN, subject_id=user.id, new=HeldRole(role=role, assignment=assignment)))


def take_role(unit: RoleGivingUnit, held: HeldRole) -> None:
    """Take a role from a locked user who has it."""
    user_id = held.assignment.user_id
    unit.role_assignments.remove(user_id, held.role.id)
    unit.record(Change(kind=TAKEN, subject_id=user_id, old=held))


def set_roles(
    unit: RoleGivingUnit, user: User, roles: Iterable[Role], *, new_id: IdSource, at: datetime, by: str
) -> bool:
    """Make these locked roles the roles of a locked user; return whether one was given that the user did not have.

    All other roles are taken, and one that the user has already stays as it was given.
    """
    wanted = {role.id: role for role in roles}
    for held in held_roles(unit, user.id):
        if wanted.pop(held.role.id, None) is None:
            take_role(unit, held)
    for role in wanted.values():
        give_role(unit, user, role, number=new_id(), at=at, by=by)
    return bool(wanted)


def set_role_requirement(unit: UsersUnit, user: User, *, required: bool, at: datetime, by: str) -> User:
    """Store whether a locked user needs an active role to sign in, and return the user as it is then."""
    return replace_user(unit, user, evolve(user, requires_role=required), ROLE_REQUIREMENT_CHANGED, at=at, by=by)
