"""The routes as a WSGI application, to be mounted in Flask, Django or any other."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from usercore_web.requests import Request, read_query
from usercore_web.routing import Router

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

_DIGITS: Final = 18
"""No body is so long that its length has more."""


class WsgiApp:
    """Answers WSGI requests by a router. Source: PEP 3333."""

    def __init__(self, router: Router) -> None:
        """Answer by this router."""
        self._router: Final = router

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        response = self._router.respond(request_of(environ, max_body_bytes=self._router.site.max_body_bytes))
        length = ("Content-Length", str(len(response.body)))
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", [*response.headers, length])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def request_of(environ: Environ, *, max_body_bytes: int) -> Request:
    """Return the request of an environment. At most one byte more of the body is read than may be there."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    length = _content_length(environ.get("CONTENT_LENGTH") or "0", most=max_body_bytes + 1)
    path = environ.get("PATH_INFO") or "/"
    return Request(
        method=environ["REQUEST_METHOD"],
        path=path.encode("latin-1").decode("utf-8", "replace"),
        query=read_query(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
        peer=environ.get("REMOTE_ADDR") or None,
        root=environ.get("SCRIPT_NAME", ""),
    )


def _content_length(declared: str, *, most: int) -> int:
    """Return the declared length, at most ``most``; 0 if it is malformed. ``int`` raises for thousands of digits."""
    if not declared.isdecimal():
        return 0
    return min(int(declared), most) if len(declared) <= _DIGITS else most
