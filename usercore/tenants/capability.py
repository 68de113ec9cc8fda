"""Tenants: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.tenants.model import KINDS
from usercore.tenants.ports import TenantsUnit

CAPABILITY: Final = Capability(
    name="tenants",
    unit=TenantsUnit,
    kinds=KINDS,
    public=(
        "BuiltIn",
        "SystemOnly",
        "Tenant",
        "TenantInactive",
        "TenantStaleVersion",
        "TenantTaken",
    ),
)
