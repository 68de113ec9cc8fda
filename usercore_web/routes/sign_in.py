"""Signing in and out."""

from typing import Final

from usercore import SignedIn, TokenInvalid, forms
from usercore_web.responses import Response
from usercore_web.routes.links import link_routes
from usercore_web.routing import Call, Route


def start_session(call: Call, signed_in: SignedIn) -> Response:
    """Answer a sign-in with the cookie of its session, and end the session that the request came with."""
    end_session(call)
    return call.answer(
        forms.signed_in(signed_in, "user"), call.site.session_cookie.session(signed_in.access_token, signed_in)
    )


def end_session(call: Call) -> None:
    """Revoke the access token of the request, if it has one that is valid."""
    secret = call.session()
    if secret is not None:
        try:
            call.core.access_tokens.revoke(secret)
        except TokenInvalid:
            return


def login(call: Call) -> Response:
    """Sign in by login and password."""
    return start_session(call, call.run(call.core.sign_in.with_password))


def second_factor(call: Call) -> Response:
    """Complete a sign-in by a code, with the challenge that the first step answered."""
    return start_session(call, call.run(call.core.sign_in.with_second_factor))


def login_link(call: Call) -> Response:
    """Sign in by the login token of a link."""
    return start_session(call, call.run(call.core.sign_in.with_login_token))


def logout(call: Call) -> Response:
    """End the session."""
    end_session(call)
    return call.answer({}, call.site.session_cookie.clear())


def me(call: Call) -> Response:
    """Answer with the user and the session."""
    return call.answer(forms.identity(call.identity(), "user"))


ROUTES: Final = (
    Route("POST", "/login", "sign_in.with_password", login, fields=("login", "password", "device_token")),
    Route(
        "POST",
        "/login/second-factor",
        "sign_in.with_second_factor",
        second_factor,
        fields=("challenge", "code", "device_token"),
    ),
    *link_routes(
        "/login/link",
        "sign_in.with_login_token",
        login_link,
        fields=("secret", "device_token"),
        title="Sign in",
        submit="Sign in",
    ),
    Route("POST", "/logout", "access_tokens.revoke", logout),
    Route("GET", "/me", "sign_in.identify", me),
)
