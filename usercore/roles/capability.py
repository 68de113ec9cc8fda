"""Roles: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.roles.model import KINDS, ROWS
from usercore.roles.ports import RolesUnit

CAPABILITY: Final = Capability(
    name="roles",
    unit=RolesUnit,
    kinds=KINDS,
    rows=ROWS,
    public=(
        "AdminHasNoRoles",
        "HeldRole",
        "Role",
        "RoleAssignment",
        "RoleNotFound",
        "RoleStaleVersion",
        "RoleTaken",
    ),
)
