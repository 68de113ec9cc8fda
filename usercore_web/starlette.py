"""usercore in applications on Starlette and FastAPI, with the extra ``starlette``."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from usercore import Identity, Unavailable, UserCore, UsercoreError
from usercore.aio import AsyncCore
from usercore_web.asgi import AsgiApp, Receive, Scope, Send, request_of
from usercore_web.openapi import describe
from usercore_web.problems import problem_of
from usercore_web.routes import ROUTES
from usercore_web.routing import ErrorResponder, Route, Router, respond_to_error
from usercore_web.site import Site


class _Running(NamedTuple):
    """What there is while the application runs."""

    people: AsyncCore
    app: AsgiApp


class Accounts:
    """One core in an application: its lifespan, the routes of accounts, and the user of a request.

    The core is opened when the application starts, and closed when it ends.
    """

    def __init__(
        self,
        open_core: Callable[[], UserCore],
        *,
        site: Site | None = None,
        routes: Iterable[Route] = ROUTES,
        respond_to_error: ErrorResponder = respond_to_error,
    ) -> None:
        """Open the core by this function, such as ``lambda: usercore.open("sqlite:///people.db")``."""
        self._open_core: Final = open_core
        self._site: Final = site or Site()
        self._routes: Final = tuple(routes)
        self._respond_to_error: Final = respond_to_error
        self._running: _Running | None = None

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Open the core, and close it at the end: ``FastAPI(lifespan=accounts.lifespan)``."""
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
        """The core for calls of the application's own: ``await accounts.people.call(core.users.get, ref)``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return self._started().people

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the routes of accounts: ``app.mount("/account", accounts.app)``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        await self._started().app(scope, receive, send)

    def _started(self) -> _Running:
        if self._running is None:
            raise Unavailable("the application is not running: pass lifespan to it")
        return self._running

    def openapi(self, prefix: str) -> dict[str, Any]:
        """Describe the routes of accounts, mounted below ``prefix``, by OpenAPI; see ``usercore_web.openapi``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return describe(self.people.core, self._routes, prefix=prefix)

    def core(self, request: Request) -> UserCore:
        """Return the core bound to the tenant and the client of a request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return self._site.core_for(self.people.core, request_of(request.scope, b""))

    async def identity(self, request: Request) -> Identity:
        """Return the user and the session of a request; a dependency: ``Depends(accounts.identity)``.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        plain = request_of(request.scope, b"")
        self._site.check_origin(plain)
        return await self.people.run(partial(self._site.identify, self.core(request), plain), hashes=False)

    @staticmethod
    async def answer_error(_: Request, error: Exception) -> Response:
        """Answer an error of usercore: ``app.add_exception_handler(UsercoreError, accounts.answer_error)``.

        Raises:
            Exception: it is another error.
        """
        if not isinstance(error, UsercoreError):
            raise error
        problem = problem_of(error)
        response = Response(problem.body, problem.status)
        for name, value in problem.headers:
            response.headers[name] = value
        return response
