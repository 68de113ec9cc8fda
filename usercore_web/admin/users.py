"""Finding users, and the page of one."""

from typing import Final

from usercore import Invalid, Page, Rejected, TooBroad, User
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.admin.user_lists import LISTS
from usercore_web.problems import status_of
from usercore_web.responses import Response

ROWS: Final = 50
"""Users on a page."""

SHOWN: Final = 5
"""Rows of each list on the page of a user, above the link to all of them."""


def find(call: OperatorCall) -> Response:
    """Return the users to whom the words apply, or all of them."""
    query, cursor = call.request.query.get("q", "").strip(), call.request.query.get("cursor") or None
    refusal: Rejected | None = None
    page: Page[User] = Page((), None)
    try:
        page = _found(call, query, cursor)
    except (Invalid, TooBroad) as error:
        refusal = error
    status = 200 if refusal is None else status_of(refusal)
    return call.page("users.html", status=status, query=query, users=page, refusal=refusal)


def _found(call: OperatorCall, query: str, cursor: str | None) -> Page[User]:
    users = call.core.users
    if query:
        return users.search(query, include_deactivated=True, include_unclaimed=True, cursor=cursor, limit=ROWS)
    return users.list(include_deactivated=True, include_unclaimed=True, cursor=cursor, limit=ROWS)


def show(call: OperatorCall) -> Response:
    """Return the page of a user: what usercore knows, with the first rows of each list."""
    user_id = call.user_id()
    overview = call.core.history.detail(user_id, limit=SHOWN)
    reasons = call.core.history.explain(user_id)
    return call.page("user.html", overview=overview, user=overview.user, reasons=reasons, lists=LISTS)


PAGES: Final = (
    AdminRoute("GET", "/users", "users.search", find),
    AdminRoute("GET", "/users/{user_id}", "history.detail", show),
)
