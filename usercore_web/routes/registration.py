"""Registering: at once, or by a link that proves the email."""

from typing import Final

from usercore import Registration, Vetoed, forms
from usercore.kernel.context import SYSTEM
from usercore_web.responses import Response
from usercore_web.routes.links import link_routes
from usercore_web.routes.sign_in import end_session
from usercore_web.routing import Call, Route


def register(call: Call) -> Response:
    """Register by email and password.

    The answer tells whether an email has an account; a request for a link does not. An unclaimed user needs the link,
    because nothing else proves the email. Neither is there in the tenant of operators, whose users are admins.
    """
    if call.core.context.tenant_id == SYSTEM:
        gate = "system"
        raise Vetoed(gate)
    return _registered(call, call.run(call.core.registration.register, sign_in=True, in_place=False))


def request(call: Call) -> Response:
    """Send a link to an email, with the same answer whether it has an account or not."""
    call.run(call.core.registration.request)
    return call.answer({}, status=202)


def complete(call: Call) -> Response:
    """Register by the secret of a link."""
    return _registered(call, call.run(call.core.registration.complete))


def _registered(call: Call, registration: Registration) -> Response:
    secret, headers = registration.access_token, []
    if secret is not None:
        end_session(call)
        headers.append(call.site.session_cookie.session(secret, call.core.sign_in.identify(secret)))
    return call.answer(forms.registration(registration, "user"), *headers, status=201)


ROUTES: Final = (
    Route(
        "POST",
        "/register",
        "registration.register",
        register,
        fields=("email", "password", "username", "first_name", "last_name", "language", "device_token"),
    ),
    Route(
        "POST", "/register/request", "registration.request", request, fields=("email", "language"), needs_mailer=True
    ),
    *link_routes(
        "/register/complete",
        "registration.complete",
        complete,
        fields=("secret", "password", "username", "first_name", "last_name", "device_token"),
        title="Complete your registration",
        submit="Register",
        shown=("password",),
    ),
)
