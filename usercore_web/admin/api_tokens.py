"""API tokens: which programs may call the host, and ending that."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Final

from usercore import ApiToken
from usercore_web.admin.operators import AdminRoute, OperatorCall
from usercore_web.responses import Response

ROWS: Final = 100
"""Tokens on a page."""


def show(call: OperatorCall) -> Response:
    """Return the tokens that were not revoked, the first issued first."""
    tokens = call.core.api_tokens.list(cursor=call.request.query.get("cursor") or None, limit=ROWS)
    return call.page("api_tokens.html", tokens=tokens)


def act(use_case: str, call: OperatorCall) -> Response:
    """Do to a token what the call does that takes its public id."""
    call.fields()
    method: Callable[[str], ApiToken] = attrgetter(use_case)(call.core)
    method(call.parameters["public_id"])
    return call.done("/api-tokens", use_case)


ACTIONS: Final = {
    "activate": "api_tokens.activate",
    "deactivate": "api_tokens.deactivate",
    "revoke": "api_tokens.revoke_by_id",
}
"""The calls, by the end of their path."""

PAGES: Final = (
    AdminRoute("GET", "/api-tokens", "api_tokens.list", show),
    *(
        AdminRoute("POST", f"/api-tokens/{{public_id}}/{path}", use_case, partial(act, use_case))
        for path, use_case in ACTIONS.items()
    ),
)
