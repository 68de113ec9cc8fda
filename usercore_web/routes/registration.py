"""Registering: at once, or by a link that proves the email."""

from typing import Final

from usercore import Registration, forms
from usercore_web.responses import Response
from usercore_web.routes.links import link_routes
from usercore_web.routes.sign_in import end_session
from usercore_web.routing import Call, Route


def register(call: Call) -> Response:
    """Register by email and password. The answer tells whether an email has an account; ``request`` does not."""
    fields = ("email", "password", "username", "first_name", "last_name", "language")
    return _registered(call, call.run(call.core.registration.register, fields, sign_in=True))


def request(call: Call) -> Response:
    """Send a link to an email, with the same answer whether it has an account or not."""
    call.run(call.core.registration.request, ["email", "language"])
    return call.answer({}, status=202)


def complete(call: Call) -> Response:
    """Register by the secret of a link."""
    fields = ("secret", "password", "username", "first_name", "last_name")
    return _registered(call, call.run(call.core.registration.complete, fields))


def _registered(call: Call, registration: Registration) -> Response:
    secret, headers = registration.access_token, []
    if secret is not None:
        end_session(call)
        headers.append(call.site.session_cookie.session(secret, call.core.sign_in.identify(secret)))
    return call.answer(forms.registration(registration, "user"), *headers, status=201)


ROUTES: Final = (
    Route("POST", "/register", "registration.register", register),
    Route("POST", "/register/request", "registration.request", request),
    *link_routes(
        "/register/complete",
        "registration.complete",
        complete,
        title="Complete your registration",
        submit="Register",
        shown=("password",),
    ),
)
