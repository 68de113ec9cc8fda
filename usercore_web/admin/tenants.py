"""Tenants, for admins: on the core of the tenant ``system``."""

from collections.abc import Mapping
from typing import Final, TypedDict

from usercore import Tenant
from usercore_web.admin.operators import AdminRoute, OperatorCall, tenant_of
from usercore_web.fields import read_number
from usercore_web.responses import Response

ROWS: Final = 100
"""Tenants on a page."""


class TenantFields(TypedDict):
    """The fields of the form."""

    name: str
    description: str | None
    time_zone: str
    country: str | None
    language: str


def find(call: OperatorCall) -> Response:
    """Return the tenants, by name."""
    tenants = call.core.tenants.list(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    return call.page("tenants.html", tenants=tenants)


def show(call: OperatorCall) -> Response:
    """Return a tenant."""
    return call.page("tenant.html", tenant=_tenant(call))


def create(call: OperatorCall) -> Response:
    """Create a tenant."""
    fields = call.fields()
    call.core.tenants.create(fields.get("key", ""), **_fields(fields))
    return call.done("/tenants", "tenants.create")


def update(call: OperatorCall) -> Response:
    """Change a tenant."""
    fields, tenant = call.fields(), _tenant(call)
    call.core.tenants.update(tenant.key, version=read_number(fields, "version"), **_fields(fields))
    return call.done(f"/tenants/{tenant.uuid}", "tenants.update")


def activate(call: OperatorCall) -> Response:
    """Activate a tenant."""
    call.fields()
    tenant = call.core.tenants.activate(_tenant(call).key)
    return call.done(f"/tenants/{tenant.uuid}", "tenants.activate")


def deactivate(call: OperatorCall) -> Response:
    """Deactivate a tenant."""
    call.fields()
    tenant = call.core.tenants.deactivate(_tenant(call).key)
    return call.done(f"/tenants/{tenant.uuid}", "tenants.deactivate")


def _tenant(call: OperatorCall) -> Tenant:
    return tenant_of(call.core, call.parameters["tenant_uuid"])


def _fields(fields: Mapping[str, str]) -> TenantFields:
    return {
        "name": fields.get("name", ""),
        "description": fields.get("description") or None,
        "time_zone": fields.get("time_zone", ""),
        "country": fields.get("country") or None,
        "language": fields.get("language", ""),
    }


PAGES: Final = (
    AdminRoute("GET", "/tenants", "tenants.list", find),
    AdminRoute("POST", "/tenants", "tenants.create", create),
    AdminRoute("GET", "/tenants/{tenant_uuid}", "tenants.get", show),
    AdminRoute("POST", "/tenants/{tenant_uuid}", "tenants.update", update),
    AdminRoute("POST", "/tenants/{tenant_uuid}/activate", "tenants.activate", activate),
    AdminRoute("POST", "/tenants/{tenant_uuid}/deactivate", "tenants.deactivate", deactivate),
)
