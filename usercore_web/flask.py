"""usercore in applications on Flask, with the extra ``flask``."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import Flask, Response, current_app, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from usercore import Identity, TokenInvalid, UserCore, UsercoreError
from usercore_web.problems import problem_of
from usercore_web.requests import Request
from usercore_web.routes import ROUTES
from usercore_web.routing import Route, Router
from usercore_web.site import Site
from usercore_web.wsgi import WsgiApp, request_of

P = ParamSpec("P")
T = TypeVar("T")

_NAME: Final = "usercore"
_IDENTITY: Final = "_usercore_identity"


class Accounts:
    """An extension: the routes of accounts, the user of a request, and errors as responses.

    The host opens the core, and closes it.
    """

    def __init__(self, core: UserCore, *, site: Site | None = None, routes: Iterable[Route] = ROUTES) -> None:
        """Work on this core."""
        self._core: Final = core
        self._site: Final = site or Site()
        self._routes: Final = tuple(routes)

    def init_app(self, app: Flask, *, prefix: str = "/account") -> None:
        """Mount the routes below ``prefix``, and answer errors of usercore."""
        mounted = WsgiApp(Router(self._core, self._routes, site=self._site))
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: mounted})  # type: ignore[method-assign]  # as Flask says
        app.register_error_handler(UsercoreError, answer_error)
        app.extensions[_NAME] = self

    def core(self) -> UserCore:
        """Return the core bound to the tenant and the client of the present request.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
        """
        return self._site.core_for(self._core, _present())

    def identity(self) -> Identity:
        """Return the user and the session of the present request; asked once a request.

        The request has the answer, not ``flask.g``: a context of the application may be that of several requests.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
        """
        found: Identity | None = getattr(request, _IDENTITY, None)
        if found is None:
            plain = _present()
            self._site.check_origin(plain)
            found = self._site.identify(self.core(), plain)
            setattr(request, _IDENTITY, found)
        return found


def current_user() -> Identity | None:
    """Return the user and the session of the present request, or None if it has none.

    Raises:
        CrossOrigin: a page of another origin sent the request.
    """
    try:
        return _accounts().identity()
    except TokenInvalid:
        return None


def login_required(view: Callable[P, T]) -> Callable[P, T]:
    """Refuse requests without a user: ``TokenInvalid``, which is answered by 401."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        _accounts().identity()
        return view(*args, **kwargs)

    return checked


def answer_error(error: UsercoreError) -> Response:
    """Return the response for an error of usercore."""
    problem = problem_of(error)
    return Response(problem.body, problem.status, list(problem.headers))


def _accounts() -> Accounts:
    accounts: Accounts = current_app.extensions[_NAME]
    return accounts


def _present() -> Request:
    return request_of({**request.environ, "CONTENT_LENGTH": ""}, max_body_bytes=0)
