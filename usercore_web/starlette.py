"""usercore in applications on Starlette and FastAPI, with the extra ``starlette``."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from usercore import Identity, UserCore, UsercoreError
from usercore.aio import AsyncCore
from usercore_web.asgi import AsgiAccounts
from usercore_web.problems import problem_of
from usercore_web.routes import ROUTES
from usercore_web.routing import ErrorResponder, Route, respond_to_error
from usercore_web.site import Site


class Accounts:
    """One core in an application: its lifespan, the routes of accounts, and the user of a request.

    The core is opened when the application starts, and closed when it ends. ``lifespan`` and the ASGI application
    ``app`` are for Starlette: ``FastAPI(lifespan=accounts.lifespan)`` and ``app.mount("/account", accounts.app)``.
    ``openapi("/account")`` describes the routes that are mounted there; see ``usercore_web.openapi``.
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
        self._asgi: Final = AsgiAccounts(open_core, site or Site(), routes, respond_to_error)
        self.lifespan: Final = self._asgi.lifespan
        self.app: Final = self._asgi.app
        self.openapi: Final = self._asgi.openapi

    @property
    def people(self) -> AsyncCore:
        """The core for calls of the application's own: ``await accounts.people.call(core.users.get, ref)``.

        Raises:
            Unavailable: the application has not started, or has ended.
        """
        return self._asgi.people

    def core(self, request: Request) -> UserCore:
        """Return the core bound to the tenant and the client of a request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return self._asgi.core(request.scope)

    async def identity(self, request: Request) -> Identity:
        """Return the user and the session of a request; a dependency: ``Depends(accounts.identity)``.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
            Unavailable: the application has not started, or has ended.
        """
        return await self._asgi.identity(request.scope)

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
