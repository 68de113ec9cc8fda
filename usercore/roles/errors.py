"""Errors of managing roles and of giving them to users."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import NotFound, Rejected, StaleVersion, Taken


class RoleNotFound(NotFound):
    """There is no such role in this tenant."""

    code: ClassVar[str] = "roles.not_found"


class AdminHasNoRoles(Rejected):
    """The users of ``system`` are admins: they are allowed everything, have no roles, and need none to sign in."""

    code: ClassVar[str] = "roles.admin_has_no_roles"


@attrs.frozen
class RoleTaken(Taken):
    """Another role of the tenant has this name, ignoring case."""

    code: ClassVar[str] = "roles.taken"


@attrs.frozen
class RoleStaleVersion(StaleVersion):
    """The role was changed since the version that the caller read."""

    code: ClassVar[str] = "roles.stale_version"
