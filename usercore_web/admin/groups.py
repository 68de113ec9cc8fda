"""Groups: their names and members."""

from collections.abc import Mapping
from typing import Final

from usercore_web.admin.names import names_of
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.fields import read_flag, read_number
from usercore_web.responses import Response

ROWS: Final = 100
"""Groups or members on a page."""


def find(call: OperatorCall) -> Response:
    """Return the groups, by sorting."""
    groups = call.core.groups.list(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    return call.page("groups.html", groups=groups)


def show(call: OperatorCall) -> Response:
    """Return a group with its members."""
    group = call.core.groups.get(call.number("group_id"))
    members = call.core.groups.members(group.id, cursor=call.request.query.get("cursor") or None, limit=ROWS)
    names = names_of(call.core, (one.user_id for one in members))
    return call.page("group.html", group=group, members=members, names=names)


def create(call: OperatorCall) -> Response:
    """Create a group."""
    fields = call.fields()
    call.core.groups.create(fields.get("name", ""), sorting=_sorting(fields))
    return call.done("/groups", "groups.create")


def update(call: OperatorCall) -> Response:
    """Change the name and the sorting of a group."""
    fields, group_id = call.fields(), call.number("group_id")
    call.core.groups.update(
        group_id, name=fields.get("name", ""), sorting=_sorting(fields), version=read_number(fields, "version")
    )
    return call.done(f"/groups/{group_id}", "groups.update")


def delete(call: OperatorCall) -> Response:
    """Delete a group."""
    call.core.groups.delete(call.number("group_id"), force=read_flag(call.fields(), "force", default=False))
    return call.done("/groups", "groups.delete")


def _sorting(fields: Mapping[str, str]) -> int:
    """Return the sorting, which may be negative.

    Raises:
        Invalid: it is missing or malformed.
    """
    digits = {"sorting": fields.get("sorting", "").removeprefix("-")}
    return read_number(digits, "sorting") * (-1 if fields.get("sorting", "").startswith("-") else 1)


PAGES: Final = (
    AdminRoute("GET", "/groups", "groups.list", find),
    AdminRoute("POST", "/groups", "groups.create", create),
    AdminRoute("GET", "/groups/{group_id}", "groups.members", show),
    AdminRoute("POST", "/groups/{group_id}", "groups.update", update),
    AdminRoute("POST", "/groups/{group_id}/delete", "groups.delete", delete),
)
