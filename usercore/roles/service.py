"""Steps of use-cases with roles: finding and locking them, and those of a user."""

from uuid import UUID

from usercore.kernel.ids import LIMIT, ROLE_KIND, RoleId, UserId, id_of
from usercore.kernel.text import unique_key
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import HeldRole, Role
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


def lock_role(unit: RolesUnit, key: RoleKey) -> Role:
    """Lock the role with this name, ignoring case, id or UUID, and return it as it is now.

    Raises:
        RoleNotFound: the unit's tenant has no such role.
    """
    return unit.roles.lock(find_role(unit, key).id)


def held_roles(unit: RolesUnit, user_id: UserId) -> list[HeldRole]:
    """Return the roles of a user, active or not, by their names."""
    assignments = {one.role_id: one for one in unit.role_assignments.list_of(user_id)}
    roles = unit.roles.get_many(list(assignments)) if assignments else []
    held = [HeldRole(role=role, assignment=assignments[role.id]) for role in roles]
    return sorted(held, key=lambda one: unique_key(one.role.name))
