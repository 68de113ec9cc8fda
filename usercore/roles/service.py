"""Steps of use-cases with roles: finding, adding and replacing them."""

from datetime import datetime
from uuid import UUID

from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, ROLE_KIND, RoleId, UserId, id_of
from usercore.kernel.text import unique_key
from usercore.roles.errors import RoleNotFound, RoleTaken
from usercore.roles.model import CREATED, UPDATED, HeldRole, Role
from usercore.roles.ports import RolesUnit
from usercore.roles.rules import RoleKey


def find_role(unit: RolesUnit, key: RoleKey) -> Role:
    """Return the role with this name, ignoring case, id or UUID.

    Raises:
        RoleNotFound: the unit's tenant has no such role.
    """
    if isinstance(key, str):
        role = unit.roles.find_by_name(key)
    else:
        number = id_of(key, ROLE_KIND) if isinstance(key, UUID) else key
        role = unit.roles.get(RoleId(number)) if number is not None and 0 < number < LIMIT else None
    if role is None:
        raise RoleNotFound
    return role


def add_role(unit: RolesUnit, role: Role) -> None:
    """Store a new role, and record the change.

    Raises:
        RoleTaken: another role of the tenant has the name.
    """
    _check_free(unit, role)
    unit.roles.add(role)
    unit.record(Change(kind=CREATED, subject_id=role.id, new=role))


def replace_role(unit: RolesUnit, old: Role, new: Role, *, at: datetime, by: str) -> Role:
    """Store the next state of a locked role and its version, and record the change if anything differs.

    Raises:
        RoleTaken: another role of the tenant has the name.
    """
    if new == old:
        return old
    if new.name != old.name:
        _check_free(unit, new)
    stored = evolve(new, modified_at=at, modified_by=by, version=old.version + 1)
    unit.roles.replace(stored)
    unit.record(Change(kind=UPDATED, subject_id=old.id, old=old, new=stored))
    return stored


def _check_free(unit: RolesUnit, role: Role) -> None:
    holder = unit.roles.find_by_name(role.name)
    if holder is not None and holder.id != role.id:
        raise RoleTaken("role_name", "name")


def held_roles(unit: RolesUnit, user_id: UserId) -> list[HeldRole]:
    """Return the roles of a user, active or not, by their names."""
    assignments = {one.role_id: one for one in unit.role_assignments.list_of(user_id)}
    roles = unit.roles.get_many(list(assignments)) if assignments else []
    held = [HeldRole(role=role, assignment=assignments[role.id]) for role in roles]
    return sorted(held, key=lambda one: unique_key(one.role.name))
