"""What keeps a tenant from being changed."""

from typing import ClassVar

from usercore.kernel.errors import Rejected


class BuiltIn(Rejected):
    """``system`` and ``main`` are neither renamed nor deleted, and ``system`` is never deactivated."""

    code: ClassVar[str] = "tenants.built_in"


class SystemOnly(Rejected):
    """Tenants are managed from ``core.tenant("system")``, not from this core."""

    code: ClassVar[str] = "tenants.system_only"
