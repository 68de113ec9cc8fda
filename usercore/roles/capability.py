"""Roles: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.roles.model import KINDS
from usercore.roles.ports import RolesUnit

CAPABILITY: Final = Capability(
    name="roles",
    unit=RolesUnit,
    kinds=KINDS,
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
