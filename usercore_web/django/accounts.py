"""The core of a project on Django, and the user of a request."""

import atexit
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from usercore import Identity, User, UserCore
from usercore_web.requests import Request, read_query
from usercore_web.responses import Response
from usercore_web.routes import ROUTES
from usercore_web.routing import ErrorResponder, Route, Router, respond_to_error
from usercore_web.site import Site

UserFields = Callable[[UserCore, User], Mapping[str, object]]
"""Returns the values of fields of Django's user that follow from a user of usercore."""

_IDENTITY: Final = "_usercore_identity"


def no_fields(_core: UserCore, _user: User) -> Mapping[str, object]:
    """Return no values: Django's user has nothing of usercore's but the UUID."""
    return {}


class Accounts:
    """One core in a project: the routes of accounts, and the user of a request. Safe to share between threads.

    The core is opened when it is first needed, which is when the middleware is loaded, and closed when the process
    ends. So a command that needs no users opens none, and tests open the store of the test database.
    """

    def __init__(
        self,
        open_core: Callable[[], UserCore],
        *,
        site: Site | None = None,
        routes: Iterable[Route] = ROUTES,
        respond_to_error: ErrorResponder = respond_to_error,
        user_fields: UserFields = no_fields,
    ) -> None:
        """Open the core by this function, such as ``lambda: usercore.open("sqlite:///people.db")``.

        ``user_fields`` is for ``AccountsBackend``, such as
        ``lambda core, user: {"is_staff": core.roles.allows(user.id, "admin.use")}``.
        """
        self._open_core: Final = open_core
        self.site: Final = site or Site()
        self._routes: Final = tuple(routes)
        self._respond_to_error: Final = respond_to_error
        self._opening: Final = Lock()
        self._opened: Router | None = None
        self.user_fields: Final = user_fields

    def open(self) -> Router:
        """Return the routes over the core, which is opened unless it is open.

        Raises:
            StorageError: the store cannot be opened.
        """
        with self._opening:
            if self._opened is None:
                core = self._open_core()
                atexit.register(core.close)
                self._opened = Router(core, self._routes, site=self.site, respond_to_error=self._respond_to_error)
            return self._opened

    def close(self) -> None:
        """Close the core, such as that of a test; the next use opens another one."""
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.core.close()
            atexit.unregister(opened.core.close)

    def core(self, request: HttpRequest | None = None) -> UserCore:
        """Return the core bound to the tenant and the client of a request; without one, as it was opened.

        Raises:
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
        """
        core = self.open().core
        return core if request is None else self.site.core_for(core, request_of(request))

    def identity(self, request: HttpRequest) -> Identity:
        """Return the user and the session of a request; asked once a request.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
            CrossOrigin: a page of another origin sent the request.
            HostUnknown: this host is not served.
            TenantNotFound: its tenant does not exist.
        """
        found: Identity | None = getattr(request, _IDENTITY, None)
        if found is None:
            plain = request_of(request)
            self.site.check_origin(plain)
            found = self.site.identify(self.core(request), plain)
            setattr(request, _IDENTITY, found)
        return found


def get_accounts() -> Accounts:
    """Return the setting ``USERCORE``.

    Raises:
        ImproperlyConfigured: the setting is missing, or something else.
    """
    found = getattr(settings, "USERCORE", None)
    if not isinstance(found, Accounts):
        raise ImproperlyConfigured(f"the setting USERCORE must be usercore_web.django.Accounts, not {found!r}")
    return found


def answer(router: Router, request: HttpRequest, path: str) -> HttpResponse:
    """Answer a request by a router, with its path below where the routes are."""
    body = request.read(router.site.max_body_bytes + 1)
    return response_of(router.respond(request_of(request, path=path, body=body)))


def request_of(request: HttpRequest, *, path: str = "/", body: bytes = b"") -> Request:
    """Return a request of Django's as the routes and the site take it."""
    return Request(
        method=request.method or "GET",
        path=path,
        query=read_query(request.META.get("QUERY_STRING", "")),  # GET decodes it by the charset of the body
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        peer=request.META.get("REMOTE_ADDR") or None,
        root=request.path.removesuffix(path),
    )


def response_of(response: Response) -> HttpResponse:
    """Return a response as Django sends it."""
    answer = HttpResponse(response.body, status=response.status)
    answer.headers["Content-Length"] = str(len(response.body))
    for name, value in response.headers:
        if name.lower() == "set-cookie":
            answer.cookies.load(value)  # Django's headers have one value for a name
        else:
            answer.headers[name] = value
    return answer
