"""Roles: what they allow."""

from collections.abc import Mapping
from typing import Final

from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.fields import read_flag, read_number
from usercore_web.responses import Response

ROWS: Final = 100
"""Roles on a page."""


def find(call: OperatorCall) -> Response:
    """Return the roles, by name."""
    return call.page(
        "roles.html", roles=call.core.roles.list(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    )


def show(call: OperatorCall) -> Response:
    """Return a role."""
    return call.page("role.html", role=call.core.roles.get(call.number("role_id")))


def create(call: OperatorCall) -> Response:
    """Create a role."""
    fields = call.fields()
    call.core.roles.create(
        fields.get("name", ""),
        permissions=_permissions(fields),
        privileged=read_flag(fields, "privileged", default=False),
        active=read_flag(fields, "active", default=False),
    )
    return call.done("/roles", "roles.create")


def update(call: OperatorCall) -> Response:
    """Change a role, for all who have it."""
    fields, role_id = call.fields(), call.number("role_id")
    call.core.roles.update(
        role_id,
        name=fields.get("name", ""),
        permissions=_permissions(fields),
        privileged=read_flag(fields, "privileged", default=False),
        active=read_flag(fields, "active", default=False),
        version=read_number(fields, "version"),
    )
    return call.done(f"/roles/{role_id}", "roles.update")


def delete(call: OperatorCall) -> Response:
    """Delete a role."""
    call.fields()
    call.core.roles.delete(call.number("role_id"))
    return call.done("/roles", "roles.delete")


def _permissions(fields: Mapping[str, str]) -> list[str]:
    """Return the permissions, one of each line that is not blank."""
    return [line.strip() for line in fields.get("permissions", "").splitlines() if line.strip()]


PAGES: Final = (
    AdminRoute("GET", "/roles", "roles.list", find),
    AdminRoute("POST", "/roles", "roles.create", create),
    AdminRoute("GET", "/roles/{role_id}", "roles.get", show),
    AdminRoute("POST", "/roles/{role_id}", "roles.update", update),
    AdminRoute("POST", "/roles/{role_id}/delete", "roles.delete", delete),
)
