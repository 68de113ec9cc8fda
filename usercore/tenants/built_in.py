"""The two tenants that every store has. Source: spec T1."""

from datetime import datetime

from usercore.kernel.context import HOST
from usercore.tenants.model import BUILT_IN, Tenant
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import add_tenant


def has_built_in(unit: TenantsUnit) -> bool:
    """Return whether the store has its built-in tenants."""
    return all(unit.tenants.get(tenant_id) is not None for tenant_id in BUILT_IN)


def add_built_in(unit: TenantsUnit, *, at: datetime) -> None:
    """Add the built-in tenants to a new store."""
    by = str(HOST)
    for tenant_id, key in BUILT_IN.items():
        if unit.tenants.get(tenant_id) is None:
            add_tenant(
                unit,
                Tenant(id=tenant_id, key=key, name=key, created_at=at, created_by=by, modified_at=at, modified_by=by),
            )
