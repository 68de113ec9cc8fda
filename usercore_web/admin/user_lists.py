"""The lists of a user: the first rows are on the page of the user, each list has pages of its own."""

from functools import partial
from operator import attrgetter
from typing import Any, Final

from usercore import Page
from usercore.kernel.values import frozen
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.responses import Response

ROWS: Final = 50
"""Rows of a page."""


@frozen
class UserList:
    """A list of a user: its field in ``UserOverview``, its title, and the call that returns further pages."""

    field: str
    title: str
    use_case: str

    @property
    def path(self) -> str:
        """Where the list is, below the page of the user."""
        return self.field.replace("_", "-")

    @property
    def table(self) -> str:
        """The template of its table."""
        return f"tables/{self.field}.html"

    def page(self, call: OperatorCall) -> Page[Any]:
        """Return the page of the list that a request is for."""
        rows: Page[Any] = attrgetter(self.use_case)(call.core)(
            call.number("user_id"), cursor=call.request.query.get("cursor") or None, limit=ROWS
        )
        return rows


def show(found: UserList, call: OperatorCall) -> Response:
    """Return a page of a list."""
    return call.page("user_list.html", list=found, user_id=call.number("user_id"), rows=found.page(call))


LISTS: Final = (
    UserList("addresses", "Addresses", "addresses.list"),
    UserList("access_tokens", "Access tokens", "access_tokens.list"),
    UserList("autologin_tokens", "Autologin tokens", "autologin_tokens.list"),
    UserList("attempts", "Attempts to sign in", "history.attempts"),
    UserList("source_accesses", "Sources", "history.source_accesses"),
    UserList("password_changes", "Password changes", "history.password_changes"),
    UserList("meta", "Values", "meta.list"),
    UserList("actions", "Action log", "history.actions"),
    UserList("changes", "History", "history.of_user"),
)
"""The lists, in the order in which the page of a user shows them."""

PAGES: Final = tuple(
    AdminRoute("GET", f"/users/{{user_id}}/{one.path}", one.use_case, partial(show, one)) for one in LISTS
)
