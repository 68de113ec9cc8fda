"""Changing the password, and setting a new one by a link."""

from typing import Final

from usercore import TokenMissing
from usercore_web.responses import Response
from usercore_web.routes.links import link_routes
from usercore_web.routing import Call, Route


def change(call: Call) -> Response:
    """Change the password of the user who knows the old one."""
    secret = call.session()
    if secret is None:
        raise TokenMissing
    changed = call.run(call.core.passwords.change, secret=secret)
    return call.answer({"changed": changed})


def request_reset(call: Call) -> Response:
    """Send a link for a new password, with the same answer whether the login has an account or not."""
    call.run(call.core.passwords.request_reset)
    return call.answer({}, status=202)


def reset(call: Call) -> Response:
    """Set a new password by the secret of a link."""
    call.run(call.core.passwords.reset)
    return call.answer({})


ROUTES: Final = (
    Route("POST", "/password/change", "passwords.change", change, fields=("old_password", "new_password")),
    Route(
        "POST",
        "/password/request-reset",
        "passwords.request_reset",
        request_reset,
        fields=("login",),
        needs_mailer=True,
    ),
    *link_routes(
        "/password/reset",
        "passwords.reset",
        reset,
        fields=("secret", "password"),
        title="Set a new password",
        submit="Set password",
        shown=("password",),
    ),
)
