"""The sessions of the user: where they are signed in."""

from collections.abc import Mapping
from typing import Any, Final

from usercore import Identity, forms
from usercore_web.paging import read_page_arguments
from usercore_web.responses import Response
from usercore_web.routing import Call, Route


def sessions(call: Call) -> Response:
    """Answer with the access tokens of the user; ``current`` marks the one of this request."""
    identity = call.identity()
    page = call.core.access_tokens.list(identity.user.id, **read_page_arguments(call.request.query))
    form: Mapping[str, Any] = forms.access_token.page(page, "user")
    rows = [{**row, "current": row["public_id"] == identity.token_id} for row in form["rows"]]
    return call.answer({**form, "rows": rows})


def end(call: Call) -> Response:
    """End one session of the user, by its public id."""
    identity = call.identity()
    call.core.access_tokens.revoke_by_id(identity.user.id, call.parameters["public_id"])
    is_own = call.parameters["public_id"] == identity.token_id
    return call.answer({}, *([call.site.session_cookie.clear()] if is_own else []))


def end_others(call: Call) -> Response:
    """End all sessions of the user but this one."""
    identity: Identity = call.identity()
    call.core.access_tokens.revoke_all(identity.user.id, keep=call.session())
    return call.answer({})


ROUTES: Final = (
    Route("GET", "/sessions", "access_tokens.list", sessions, query=("cursor", "limit")),
    Route("DELETE", "/sessions", "access_tokens.revoke_all", end_others),
    Route("DELETE", "/sessions/{public_id}", "access_tokens.revoke_by_id", end),
)
