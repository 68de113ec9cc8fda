"""Signing in and out of the admin page, by usercore itself."""

from collections.abc import Iterator

from usercore import (
    NotAllowed,
    RateLimited,
    Rejected,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    SignedIn,
    SignInRefused,
)
from usercore.kernel.values import frozen
from usercore_web.admin.operators import SOURCE, check_operator, site_of_session
from usercore_web.admin.rendering import redirect, render
from usercore_web.csrf import csrf_token
from usercore_web.problems import error_headers, status_of
from usercore_web.redirects import local_target
from usercore_web.responses import Response
from usercore_web.routes.sign_in import end_session
from usercore_web.routing import Call, Route


@frozen(kw_only=True)
class SignInPages:
    """The pages of the sign-in: login and password, then a code if the user has or needs a second factor."""

    root: str
    permission: str | None

    def routes(self) -> Iterator[Route]:
        """Iterate over the routes."""
        yield Route("GET", "/sign-in", "sign_in.with_password", self.show)
        yield Route("POST", "/sign-in", "sign_in.with_password", self.sign_in)
        yield Route("POST", "/sign-in/code", "sign_in.with_second_factor", self.enter_code)
        yield Route("POST", "/sign-out", "access_tokens.revoke", self.sign_out)

    def show(self, call: Call) -> Response:
        """Return the page that asks for login and password."""
        return self._form(call, "sign_in.html", goto=call.request.query.get("next", ""))

    def sign_in(self, call: Call) -> Response:
        """Sign in by login and password, or ask for a code."""
        fields = call.site.read_form(call.request)
        goto, sign_in = fields.get("next", ""), call.core.sign_in
        try:
            signed_in = sign_in.with_password(fields.get("login", ""), fields.get("password", ""), source=SOURCE)
        except SecondFactorRequired as step:
            return self._form(call, "code.html", goto=goto, challenge=step.challenge.reveal(), enrollment=None)
        except SecondFactorSetupRequired as step:
            enrollment = call.core.second_factors.begin_by_challenge(step.challenge)
            return self._form(call, "code.html", goto=goto, challenge=step.challenge.reveal(), enrollment=enrollment)
        except (SignInRefused, RateLimited) as refusal:
            return self._form(call, "sign_in.html", refusal, goto=goto)
        return self._start(call, signed_in, goto)

    def enter_code(self, call: Call) -> Response:
        """Complete the sign-in by a code."""
        fields = call.site.read_form(call.request)
        goto, challenge = fields.get("next", ""), fields.get("challenge", "")
        try:
            signed_in = call.core.sign_in.with_second_factor(challenge, fields.get("code", ""))
        except (SignInRefused, RateLimited) as refusal:
            return self._form(call, "code.html", refusal, goto=goto, challenge=challenge, enrollment=None)
        return self._start(call, signed_in, goto)

    def sign_out(self, call: Call) -> Response:
        """End the session, also of a user who is no operator any more."""
        site_of_session(call.site).read_form(call.request)
        end_session(call)
        return redirect(f"{self.root}/sign-in", call.site.session_cookie.clear())

    def _start(self, call: Call, signed_in: SignedIn, goto: str) -> Response:
        """Start a session of its own, if the user is an operator, and end the one that the browser had."""
        try:
            check_operator(call.core, signed_in, self.permission)
        except NotAllowed:
            call.core.access_tokens.revoke(signed_in.access_token)
            raise
        end_session(call)
        target = local_target(goto, default=f"{self.root}/")
        return redirect(target, call.site.session_cookie.session(signed_in.access_token, signed_in))

    def _form(self, call: Call, template: str, refusal: Rejected | None = None, **values: object) -> Response:
        """Return a page with a form, and why it is shown again."""
        secret, headers = call.site.csrf_secret(call.request)
        return render(
            template,
            *headers,
            *(() if refusal is None else error_headers(refusal)),
            status=200 if refusal is None else status_of(refusal),
            root=self.root,
            csrf=lambda: csrf_token(secret),
            refusal=refusal,
            **values,
        )
