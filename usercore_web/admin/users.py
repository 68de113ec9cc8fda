"""Finding users, and the page of one."""

from functools import partial
from typing import Final

from usercore import Invalid, Page, Rejected, TooBroad, User
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.admin.row_actions import ROW_ACTIONS
from usercore_web.admin.user_actions import OFFERED, act
from usercore_web.admin.user_lists import LISTS
from usercore_web.problems import status_of
from usercore_web.responses import Response

ROWS: Final = 50
"""Users on a page."""

SHOWN: Final = 5
"""Rows of each list on the page of a user, above the link to all of them."""

CHOICES: Final = 1000
"""Roles and groups that can be chosen for a user."""


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
    user_id = call.number("user_id")
    overview = call.core.history.detail(user_id, limit=SHOWN)
    core = call.core
    return call.page(
        "user.html",
        user_id=user_id,
        user=overview.user,
        overview=overview,
        lists=LISTS,
        actions=[one for one in OFFERED if one.applies(overview)],
        reasons=core.history.explain(user_id),
        second_factors=core.second_factors.list(user_id),
        passkeys=core.passkeys.list(user_id),
        roles=core.roles.list(limit=CHOICES),
        groups=core.groups.list(limit=CHOICES),
    )


PAGES: Final = (
    AdminRoute("GET", "/users", "users.search", find),
    AdminRoute("GET", "/users/{user_id}", "history.detail", show),
    *(
        AdminRoute("POST", f"/users/{{user_id}}/{one.path}", one.use_case, partial(act, one))
        for one in (*OFFERED, *ROW_ACTIONS)
    ),
)
