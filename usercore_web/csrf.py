"""Cross-site request forgery: the origin of requests, and tokens of forms.

Cookies with ``SameSite=Lax`` are not sent with forms of other sites. That does not cover other hosts of the same site
and old browsers, so requests are also checked by what browsers say about their origin, and forms by a token.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from usercore import Secret
from usercore.kernel.randomness import system_randomness
from usercore_web.errors import CrossOrigin, CsrfTokenWrong

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing. Source: RFC 9110, 9.2.1; TRACE is not served."""

_SIZE: Final = sha256().digest_size


def check_same_origin(method: str, *, host: str | None, origin: str | None, fetch_site: str | None) -> None:
    """Check that no page of another origin sent a request that may change something.

    The arguments are the method and the headers ``Host``, ``Origin`` and ``Sec-Fetch-Site``. Requests without the last
    two come from no browser, or one that is too old to send them with any request; forms have tokens for these.

    Raises:
        CrossOrigin: a page of another origin sent the request.
    """
    if method.upper() in SAFE_METHODS:
        return
    if fetch_site is not None:
        if fetch_site not in {"same-origin", "none"}:
            raise CrossOrigin
    elif origin is not None and (host is None or _host_of(origin) != host.lower()):
        raise CrossOrigin


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def csrf_token(secret: Secret, *, randomness: Callable[[int], bytes] = system_randomness) -> str:
    """Return a token for a hidden field of a form, made of the secret of the session's cookie or of ``CSRF_COOKIE``.

    No token equals another one, so that the compression of pages does not reveal it. It is valid as long as the secret.
    """
    mask = randomness(_SIZE)
    return urlsafe_b64encode(mask + _xor(mask, _mac(secret))).decode("ascii")


def check_csrf_token(secret: Secret | None, token: str | None) -> None:
    """Check the token of a form against the cookie that came with it.

    Raises:
        CsrfTokenWrong: there is no cookie or no token, or the token was made of another secret.
    """
    raw = _decoded(token or "")
    if secret is None or len(raw) != 2 * _SIZE:
        raise CsrfTokenWrong
    if not hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _mac(secret)):
        raise CsrfTokenWrong


def _decoded(token: str) -> bytes:
    try:
        return urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        return b""


def _mac(secret: Secret) -> bytes:
    return hmac.digest(secret.reveal().encode(), b"usercore csrf token", sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
