"""Errors of managing tenants, and of calls in an inactive tenant."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected, StaleVersion, Taken


class BuiltIn(Rejected):
    """``system`` and ``main`` cannot be renamed or deleted, and ``system`` cannot be deactivated."""

    code: ClassVar[str] = "tenants.built_in"


class SystemOnly(Rejected):
    """Tenants are managed from ``core.tenant("system")``, not from this core."""

    code: ClassVar[str] = "tenants.system_only"


class TenantInactive(Rejected):
    """The tenant is inactive: its users cannot sign in, so no user is registered and no login token is issued."""

    code: ClassVar[str] = "tenants.inactive"


@attrs.frozen
class TenantTaken(Taken):
    """Another tenant has this key or name, ignoring case."""

    code: ClassVar[str] = "tenants.taken"


@attrs.frozen
class TenantStaleVersion(StaleVersion):
    """The tenant was changed since the version that the caller read."""

    code: ClassVar[str] = "tenants.stale_version"
