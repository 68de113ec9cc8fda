"""Cookies that hold a secret: read from and written to the text of headers."""

import re
from datetime import timedelta
from typing import Final, Literal

from usercore import Identity, Secret
from usercore.kernel.values import frozen

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a cookie. Source: RFC 6265, 4.1.1."""

_VALUE: Final = re.compile(r"[!#-+\--:<-\[\]-~]+")
"""The value of a cookie. Source: RFC 6265, 4.1.1."""

_ATTRIBUTE: Final = re.compile(r"[ -:<-~]+")

MAX_AGE: Final = timedelta(days=400)
"""Browsers keep no cookie longer. Source: RFC 6265bis, 5.5."""


@frozen(kw_only=True)
class SecretCookie:
    """A cookie that only the server reads: ``HttpOnly``, and by default as strict as browsers support.

    The prefix ``__Host-`` makes browsers refuse a cookie of that name that another host of the domain sets; it needs
    ``secure``, the path ``/`` and no domain. ``persistent`` cookies live as long as their secret, others until the
    browser is closed.
    """

    name: str = "__Host-session"
    same_site: Literal["Strict", "Lax", "None"] = "Lax"
    secure: bool = True
    path: str = "/"
    domain: str | None = None
    persistent: bool = True

    def __attrs_post_init__(self) -> None:
        """Check that browsers accept the cookie.

        Raises:
            ValueError: name, path or domain has forbidden characters, or browsers would ignore the cookie.
        """
        _check(_TOKEN.fullmatch(self.name), "name must be one word of RFC 6265")
        _check(self.path.startswith("/") and _ATTRIBUTE.fullmatch(self.path), "path must begin with / and be one line")
        _check(self.domain is None or _ATTRIBUTE.fullmatch(self.domain), "domain must be one line")
        _check(self.same_site in {"Strict", "Lax", "None"}, "same_site must be Strict, Lax or None")
        _check(self.secure or self.same_site != "None", "same_site=None needs secure")
        _check(self.secure or not self.name.lower().startswith(("__host-", "__secure-")), "this name needs secure")
        is_of_host = self.path == "/" and self.domain is None
        _check(is_of_host or not self.name.lower().startswith("__host-"), "__Host- needs the path / and no domain")

    def read(self, cookies: str | None) -> Secret | None:
        """Return the value in the text of a ``Cookie`` header, or None.

        Browsers send all cookies of a name without saying who set them. If there are two values, none is taken: one
        may come from another host of the domain.
        """
        pairs = (pair.partition("=") for pair in (cookies or "").split(";"))
        values = {value.strip() for name, _, value in pairs if name.strip() == self.name}
        value = values.pop() if len(values) == 1 else ""
        return Secret(value) if _VALUE.fullmatch(value) else None

    def session(self, secret: Secret, identity: Identity) -> tuple[str, str]:
        """Return the header that stores the access token of a new sign-in for as long as the token is valid."""
        return self.write(secret, lifetime=identity.token_expires_at - identity.authenticated_at)

    def write(self, secret: Secret, *, lifetime: timedelta) -> tuple[str, str]:
        """Return the header that stores a secret.

        Raises:
            ValueError: the secret has characters that a cookie cannot have.
        """
        value = secret.reveal()
        _check(_VALUE.fullmatch(value), "the secret has characters that a cookie cannot have")
        return self._header(value, min(lifetime, MAX_AGE) if self.persistent else None)

    def clear(self) -> tuple[str, str]:
        """Return the header that removes the cookie."""
        return self._header("", timedelta(0))

    def _header(self, value: str, max_age: timedelta | None) -> tuple[str, str]:
        parts = (
            f"{self.name}={value}",
            "" if max_age is None else f"Max-Age={max(0, int(max_age.total_seconds()))}",
            f"Path={self.path}",
            "" if self.domain is None else f"Domain={self.domain}",
            "Secure" if self.secure else "",
            "HttpOnly",
            f"SameSite={self.same_site}",
        )
        return "Set-Cookie", "; ".join(filter(None, parts))


def _check(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)


SESSION_COOKIE: Final = SecretCookie()
"""The cookie of a session; its value is the access token."""

CSRF_COOKIE: Final = SecretCookie(name="__Host-csrf", persistent=False)
"""The cookie whose secret CSRF tokens of forms are made of before there is a session."""
