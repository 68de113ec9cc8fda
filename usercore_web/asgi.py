"""The routes as an ASGI application, to be mounted in FastAPI, Starlette, Litestar or any other."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from usercore.aio import AsyncCore
from usercore_web.requests import Request
from usercore_web.routing import Router

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class ClientDisconnected(Exception):
    """The client closed the connection before its request was complete."""


class AsgiApp:
    """Answers ASGI requests by a router, on the threads of an ``AsyncCore``. Source: ASGI 3.0, HTTP 2.5."""

    def __init__(self, people: AsyncCore, router: Router) -> None:
        """Answer by this router, whose core is that of ``people``."""
        self._people: Final = people
        self._router: Final = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the lifespan is that of the application that opened the core.

        Raises:
            ValueError: the connection is a WebSocket.
        """
        if scope["type"] != "http":
            msg = f"a connection of type {scope['type']} has no route here"
            raise ValueError(msg)
        try:
            body = await read_body(receive, max_bytes=self._router.site.max_body_bytes)
        except ClientDisconnected:
            return
        request = request_of(scope, body)
        response = await self._people.run(partial(self._router.respond, request), hashes=self._router.hashes(request))
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        length = (b"content-length", str(len(response.body)).encode())
        await send({"type": "http.response.start", "status": response.status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body})


async def read_body(receive: Receive, *, max_bytes: int) -> bytes:
    """Return the body of a request. Of one that is too large, the first bytes, one more than may be there.

    Raises:
        ClientDisconnected: the client closed the connection.
    """
    body = b""
    while len(body) <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body[: max_bytes + 1]


def request_of(scope: Scope, body: bytes) -> Request:
    """Return the request of a scope."""
    headers: dict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        headers[name.decode("latin-1").lower()].append(value.decode("latin-1"))
    root = scope.get("root_path", "")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope["path"].removeprefix(root) or "/",
        query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)),
        headers={name: ("; " if name == "cookie" else ", ").join(values) for name, values in headers.items()},
        body=body,
        peer=client[0] if client else None,
    )
