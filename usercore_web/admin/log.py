"""What happened in the tenant: the action log, and attempts to sign in that found no user."""

from typing import Final

from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.responses import Response

ROWS: Final = 50
"""Rows on a page."""


def show_actions(call: OperatorCall) -> Response:
    """Return the action log, newest first, of all actions or of one."""
    action = call.request.query.get("q") or None
    rows = call.core.history.actions(action=action, cursor=call.request.query.get("cursor") or None, limit=ROWS)
    return call.page("log.html", action=action, counts=call.core.history.action_counts(), rows=rows)


def show_attempts(call: OperatorCall) -> Response:
    """Return the attempts to sign in that found no user, newest first."""
    rows = call.core.history.attempts(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    return call.page("log_attempts.html", rows=rows)


PAGES: Final = (
    AdminRoute("GET", "/log", "history.actions", show_actions),
    AdminRoute("GET", "/log/attempts", "history.attempts", show_attempts),
)
