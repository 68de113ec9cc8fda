"""What an application decides about its requests."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import attrs

from usercore import Identity, Secret, TokenMissing, UserCore
from usercore.kernel.randomness import system_randomness
from usercore.kernel.values import frozen
from usercore_web.bearer import read_bearer
from usercore_web.bodies import MAX_BYTES, media_type_of, read_form, read_json
from usercore_web.client_ip import TrustedProxies
from usercore_web.cookies import CSRF_COOKIE, SESSION_COOKIE, SecretCookie
from usercore_web.csrf import check_csrf_token, check_same_origin
from usercore_web.hosts import TenantHosts
from usercore_web.requests import Request

CSRF_FIELD: Final = "csrf"
"""The hidden field of forms."""

_CSRF_BYTES: Final = 32
_CSRF_LIFETIME: Final = timedelta(days=1)


@frozen(kw_only=True)
class Site:
    """The proxies, cookies and hosts of an application. Without ``hosts`` every host is the tenant of the core.

    ``bearer_tokens`` says whether the ``Authorization`` header is read. Where only browsers send requests, it need not
    be: a proxy may add a header of its own.
    """

    proxies: TrustedProxies = attrs.field(factory=TrustedProxies)
    session_cookie: SecretCookie = SESSION_COOKIE
    csrf_cookie: SecretCookie = CSRF_COOKIE
    hosts: TenantHosts | None = None
    max_body_bytes: int = MAX_BYTES
    bearer_tokens: bool = True

    def core_for(self, core: UserCore, request: Request) -> UserCore:
        """Return the core bound to the tenant and the client of a request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
        """
        if self.hosts is not None:
            core = core.tenant(self.hosts.tenant_key(request.headers.get("host")))
        ip = self.proxies.client_ip(request.peer, request.headers.get("x-forwarded-for"))
        return core.bind(ip=ip, user_agent=request.headers.get("user-agent"))

    def secret_in(self, request: Request) -> Secret | None:
        """Return the access token of a request: a bearer token, or the cookie of a session."""
        bearer = self._bearer_in(request)
        return self.session_cookie.read(request.headers.get("cookie")) if bearer is None else bearer

    def identify(self, core: UserCore, request: Request) -> Identity:
        """Return the user and the session of a request.

        Raises:
            TokenMissing: the request has no access token.
            TokenInvalid: the token is not valid; its subclasses name the reason.
        """
        secret = self.secret_in(request)
        if secret is None:
            raise TokenMissing
        return core.sign_in.identify(secret)

    def check_origin(self, request: Request) -> None:
        """Check that no page of another origin sent a request; programs that send a bearer token are no pages.

        Raises:
            CrossOrigin: a page of another origin sent the request.
        """
        headers = request.headers
        if self._bearer_in(request) is None:
            check_same_origin(
                request.method,
                host=headers.get("host"),
                origin=headers.get("origin"),
                fetch_site=headers.get("sec-fetch-site"),
            )

    def _bearer_in(self, request: Request) -> Secret | None:
        return read_bearer(request.headers.get("authorization")) if self.bearer_tokens else None

    def csrf_secret(self, request: Request) -> tuple[Secret, tuple[tuple[str, str], ...]]:
        """Return the secret that the tokens of a page's forms are made of, and the header that stores a new one."""
        known = self.csrf_cookie.read(request.headers.get("cookie"))
        if known is not None:
            return known, ()
        secret = Secret(system_randomness(_CSRF_BYTES).hex())
        return secret, (self.csrf_cookie.write(secret, lifetime=_CSRF_LIFETIME),)

    def read_form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form whose CSRF token is right, without the token.

        Raises:
            MediaTypeUnsupported: the body is no form.
            BodyTooLarge: it has more bytes than allowed.
            BodyMalformed: it is not what its media type says.
            CsrfTokenWrong: it has no CSRF token, or another one.
        """
        fields = read_form(request.body, request.headers.get("content-type"), max_bytes=self.max_body_bytes)
        check_csrf_token(self.csrf_cookie.read(request.headers.get("cookie")), fields.pop(CSRF_FIELD, None))
        return fields

    def read_fields(self, request: Request) -> Mapping[str, object] | object:
        """Return the fields of a body: of JSON, none without a body, or of a form whose CSRF token is right.

        Raises:
            MediaTypeUnsupported: the body is neither JSON nor a form.
            BodyTooLarge: it has more bytes than allowed.
            BodyMalformed: it is not what its media type says.
            CsrfTokenWrong: the form has no CSRF token, or another one.
        """
        content_type = request.headers.get("content-type")
        if is_form(request):
            return self.read_form(request)
        if not request.body:
            return {}
        return read_json(request.body, content_type, max_bytes=self.max_body_bytes)


def is_form(request: Request) -> bool:
    """Return whether a form of a page sent the request."""
    return media_type_of(request.headers.get("content-type")) == "application/x-www-form-urlencoded"
