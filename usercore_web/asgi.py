"""The routes as an ASGI application, to be mounted in FastAPI, Starlette, Litestar or any other."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from usercore import Identity, Unavailable, UserCore
from usercore.aio import AsyncCore
from usercore_web.openapi import describe
from usercore_web.requests import Request, read_query
from usercore_web.routing import ErrorResponder, Route, Router
from usercore_web.site import Site

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
        """Answer a request, or close a WebSocket; the lifespan is that of the application that opened the core.

        Raises:
            ValueError: it is neither.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted, which servers answer by 403
            return
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


class _Running(NamedTuple):
    """What there is while an application runs."""

    people: AsyncCore
    app: AsgiApp


class AsgiAccounts:
    """One core in an application of any framework: its lifespan, the routes of accounts, and the user of a scope.

    The adapters are made of it. The core is opened when the application starts, and closed when it ends.
    """

    def __init__(
        self, open_core: Callable[[], UserCore], site: Site, routes: Iterable[Route], respond_to_error: ErrorResponder
    ) -> None:
        """Open the core by this function."""
        self._open_core: Final = open_core
        self._site: Final = site
        self._routes: Final = tuple(routes)
        self._respond_to_error: Final = respond_to_error
        self._running: _Running | None = None

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Open the core, and close it at the end."""
        core = await asyncio.to_thread(self._open_core)
        async with AsyncCore(core) as people:
            router = Router(core, self._routes, site=self._site, respond_to_error=self._respond_to_error)
            self._running = _Running(people, AsgiApp(people, router))
            try:
                yield
            finally:
                self._running = None

    @property
    def people(self) -> AsyncCore:
        """The core for calls of the application's own.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return self._started().people

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the routes of accounts.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        await self._started().app(scope, receive, send)

    def openapi(self, prefix: str) -> dict[str, Any]:
        """Describe the routes of accounts, mounted below ``prefix``, by OpenAPI; see ``usercore_web.openapi``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return describe(self.people.core, self._routes, prefix=prefix)

    def core(self, scope: Scope) -> UserCore:
        """Return the core bound to the tenant and the client of a request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return self._site.core_for(self.people.core, request_of(scope, b""))

    async def identity(self, scope: Scope) -> Identity:
        """Return the user and the session of a request.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        request = request_of(scope, b"")
        self._site.check_origin(request)
        core = self._site.core_for(self.people.core, request)
        return await self.people.run(partial(self._site.identify, core, request), hashes=False)

    def _started(self) -> _Running:
        if self._running is None:
            raise Unavailable("the application is not running: pass lifespan to it")
        return self._running


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
        query=read_query(scope.get("query_string", b"").decode("latin-1")),
        headers={name: ("; " if name == "cookie" else ", ").join(values) for name, values in headers.items()},
        body=body,
        peer=client[0] if client else None,
        root=root,
    )
