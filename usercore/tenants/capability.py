"""Tenants: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.tenants.model import KINDS, ROWS
from usercore.tenants.ports import TenantsUnit

CAPABILITY: Final = Capability(
    name="tenants",
    unit=TenantsUnit,
    kinds=KINDS,
    rows=ROWS,
    public=(
        "BuiltIn",
        "SystemOnly",
        "Tenant",
        "TenantInactive",
        "TenantStaleVersion",
        "TenantTaken",
    ),
)
