"""A client that keeps cookies, and sends requests to the routes by WSGI or by ASGI."""

import asyncio
import io
import json
from collections.abc import Callable, Coroutine, Mapping
from http.cookies import SimpleCookie
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode
from wsgiref.validate import validator

from usercore.aio import AsyncCore
from usercore_web.asgi import AsgiApp
from usercore_web.routing import Router
from usercore_web.wsgi import WsgiApp

FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    """What a client received."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Transport(Protocol):
    """Sends a request, and returns its answer."""

    def __call__(self, method: str, target: str, headers: dict[str, str], body: bytes, peer: str) -> Answer: ...


def by_wsgi(router: Router) -> Transport:
    """Send by WSGI."""
    return to_wsgi(WsgiApp(router))


def to_wsgi(application: Any) -> Transport:
    """Send to an application of WSGI, which the validator of the standard library checks."""
    checked = validator(application)

    def send(method: str, target: str, headers: dict[str, str], body: bytes, peer: str) -> Answer:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": peer,
            "SERVER_NAME": "shop.example.com",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        started: list[Any] = []

        def start_response(status: str, answered: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            started.extend([int(status[:3]), answered])
            return lambda _: None

        result = checked(environ, start_response)
        try:
            content = b"".join(result)
        finally:
            result.close()  # type: ignore[attr-defined]  # what the validator returns has it
        return Answer(started[0], started[1], content)

    return send


def by_asgi(router: Router) -> Transport:
    """Send by ASGI, on threads."""
    return to_asgi(AsgiApp(AsyncCore(router.core, threads=1), router))


def to_asgi(application: Any, run: Callable[[Coroutine[Any, Any, Answer]], Answer] = asyncio.run) -> Transport:
    """Send to an application of ASGI, the body in two parts; ``run`` is that of the loop in which it was started."""

    def send(method: str, target: str, headers: dict[str, str], body: bytes, peer: str) -> Answer:
        return run(_answer_of(application, _scope_of(method, target, headers, peer), body))

    return send


def _scope_of(method: str, target: str, headers: dict[str, str], peer: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "https",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": (peer, 50000),
        "server": ("shop.example.com", 443),
    }


async def _answer_of(application: Any, scope: dict[str, Any], body: bytes) -> Answer:
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:7], "more_body": True},
        {"type": "http.request", "body": body[7:], "more_body": False},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()  # the client stays connected
        return parts.pop(0)

    async def note(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, note)
    start, *contents = sent
    answered = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], answered, b"".join(content.get("body", b"") for content in contents))


class Browser:
    """Keeps cookies as a browser does, and sends JSON, or forms of pages."""

    def __init__(self, send: Transport, *, host: str = "shop.example.com", peer: str = "192.0.2.7") -> None:
        self._send = send
        self.host = host
        self.peer = peer
        self.cookies: dict[str, str] = {}

    def request(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        own = {"host": self.host, "user-agent": "a browser"}
        if self.cookies:
            own["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._send(method, target, {**own, **(headers or {})}, body, self.peer)
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                (morsel,) = SimpleCookie(value).values()
                self.cookies.pop(morsel.key, None)
                if morsel["max-age"] != "0":
                    self.cookies[morsel.key] = morsel.value
        return answer

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, target: str, **fields: object) -> Answer:
        body = json.dumps(fields).encode() if fields else b""
        return self.request("POST", target, {"content-type": "application/json", "sec-fetch-site": "same-origin"}, body)

    def submit(self, target: str, fields: dict[str, str]) -> Answer:
        headers = {"content-type": FORM, "sec-fetch-site": "same-origin"}
        return self.request("POST", target, headers, urlencode(fields).encode())
