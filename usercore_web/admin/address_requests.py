"""Requests to change addresses: which there are, and deciding them."""

from typing import Any, Final, NamedTuple

from usercore import AddressChangeRequest, forms
from usercore_web.admin.changes import Difference, differences
from usercore_web.admin.names import names_of
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.fields import read_flag
from usercore_web.responses import Response

ROWS: Final = 20
"""Requests on a page."""


class ShownRequest(NamedTuple):
    """A request, the name of its user, and what it changes."""

    request: AddressChangeRequest
    user: str
    differences: list[Difference]


def show(call: OperatorCall) -> Response:
    """Return the requests that can be decided, the oldest first."""
    page = call.core.addresses.open_requests(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    names = names_of(call.core, (one.user_id for one in page))
    shown = [ShownRequest(one, names[one.user_id], _differences(one)) for one in page]
    return call.page("address_requests.html", page=page, shown=shown)


def _differences(request: AddressChangeRequest) -> list[Difference]:
    form: Any = forms.address_change_request(request, "operator")
    return [one for one in differences(form["old"] or {}, form["new"]) if one.old != one.new]


def accept(call: OperatorCall) -> Response:
    """Accept a request."""
    fields = call.fields()
    call.core.addresses.accept(
        call.number("user_id"),
        call.number("request_id"),
        force=read_flag(fields, "force", default=False),
        reason=fields.get("reason") or None,
    )
    return call.done("/requests", "addresses.accept")


def reject(call: OperatorCall) -> Response:
    """Reject a request."""
    reason = call.fields().get("reason") or None
    call.core.addresses.reject(call.number("user_id"), call.number("request_id"), reason=reason)
    return call.done("/requests", "addresses.reject")


PAGES: Final = (
    AdminRoute("GET", "/requests", "addresses.open_requests", show),
    AdminRoute("POST", "/requests/{user_id}/{request_id}/accept", "addresses.accept", accept),
    AdminRoute("POST", "/requests/{user_id}/{request_id}/reject", "addresses.reject", reject),
)
