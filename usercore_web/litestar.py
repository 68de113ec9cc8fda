"""usercore in applications on Litestar, with the extra ``litestar``."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from litestar import Request, Response
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.handlers import ASGIRouteHandler, asgi

from usercore import Identity, UserCore, UsercoreError
from usercore.aio import AsyncCore
from usercore_web.asgi import AsgiAccounts, Receive, Scope, Send
from usercore_web.problems import problem_of
from usercore_web.routes import ROUTES
from usercore_web.routing import ErrorResponder, Route, respond_to_error
from usercore_web.site import Site

CURRENT_USER: Final = "current_user"
"""The name of the dependency."""


def mount(prefix: str, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> ASGIRouteHandler:
    """Return the handler that mounts an application of usercore, such as ``AsgiApp(people, admin_router(core))``."""

    @asgi(prefix, is_mount=True, copy_scope=True)
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removesuffix("/") or "/"  # Litestar makes it relative, and ends it by a slash
        await application({**scope, "path": prefix + path, "root_path": prefix}, receive, send)

    return answer


class Accounts:
    """One core in an application: its lifespan, the routes of accounts, and the user of a request.

    ``Litestar(..., on_app_init=[accounts.init_app])`` uses it. The core is opened when the application starts, and
    closed when it ends. ``openapi("/account")`` describes the routes; see ``usercore_web.openapi``.
    """

    def __init__(
        self,
        open_core: Callable[[], UserCore],
        *,
        prefix: str = "/account",
        site: Site | None = None,
        routes: Iterable[Route] = ROUTES,
        respond_to_error: ErrorResponder = respond_to_error,
    ) -> None:
        """Open the core by this function, such as ``lambda: usercore.open("sqlite:///people.db")``.

        The routes are mounted below ``prefix``.
        """
        self._asgi: Final = AsgiAccounts(open_core, site or Site(), routes, respond_to_error)
        self._prefix: Final = prefix
        self.openapi: Final = self._asgi.openapi

    def init_app(self, config: AppConfig) -> AppConfig:
        """Add the lifespan, the routes, the dependency ``current_user`` and the answers to errors of usercore."""
        config.lifespan.append(self._asgi.lifespan)
        config.route_handlers.append(mount(self._prefix, self._asgi.app))
        config.dependencies.setdefault(CURRENT_USER, Provide(self.identity))
        config.exception_handlers.setdefault(UsercoreError, answer_error)
        return config

    @property
    def people(self) -> AsyncCore:
        """The core for calls of the application's own: ``await accounts.people.call(core.users.get, ref)``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return self._asgi.people

    def core(self, request: Request[Any, Any, Any]) -> UserCore:
        """Return the core bound to the tenant and the client of a request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return self._asgi.core(request.scope)

    async def identity(self, request: Request[Any, Any, Any]) -> Identity:
        """Return the user and the session of a request: the dependency ``current_user``.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return await self._asgi.identity(request.scope)


def answer_error(_: Request[Any, Any, Any], error: UsercoreError) -> Response[bytes]:
    """Return the response to an error of usercore."""
    problem = problem_of(error)
    return Response(problem.body, status_code=problem.status, headers=dict(problem.headers))
