"""Which handler answers a request, and what every response has."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeVar

import attrs

from usercore import Identity, Secret, UserCore, UsercoreError, forms
from usercore.aio import HASHING
from usercore.kernel.values import frozen
from usercore_web.errors import MethodNotAllowed, RouteUnknown
from usercore_web.pages import message_page, problem_page
from usercore_web.problems import problem_of
from usercore_web.requests import Request
from usercore_web.responses import Response, json_response
from usercore_web.site import Site, is_form

T = TypeVar("T")

_PARAMETER: Final = re.compile(r"\{(\w+)\}")

SECURITY_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),  # with "no-referrer" browsers send forms with "Origin: null"
    ("X-Content-Type-Options", "nosniff"),
)
"""Responses hold secrets and personal data: nothing stores them, and no other site learns the address of a page."""


@frozen(kw_only=True)
class Call:
    """A request to a route. ``core`` is bound to its tenant and client, ``parameters`` are those of the path.

    ``fields`` are the names of those that the body may have.
    """

    core: UserCore
    site: Site
    request: Request
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    fields: Collection[str] = ()

    def run(self, method: Callable[..., T], **given: object) -> T:
        """Call a use-case with the fields of the body that the route has, and with what else is given.

        Raises:
            Invalid: the body has other fields, lacks required ones, or one has the wrong type.
            UsercoreError: the body cannot be read, or what the use-case raises.
        """
        return forms.call(method, self.site.read_fields(self.request), fields=self.fields, **given)

    def identity(self) -> Identity:
        """Return the user and the session of the request.

        Raises:
            TokenInvalid: the request has no access token, or one that is not valid.
        """
        return self.site.identify(self.core, self.request)

    def session(self) -> Secret | None:
        """Return the access token of the request."""
        return self.site.secret_in(self.request)

    def answer(self, value: object, *headers: tuple[str, str], status: int = 200) -> Response:
        """Return a response with plain data; a page that says so if a form of a page sent the request."""
        if is_form(self.request):
            return message_page("Done", "You can close this page.", *headers, status=status)
        return json_response(value, *headers, status=status)


@frozen
class Route:
    """A handler for a method and a path, whose parameters are in braces: ``/sessions/{public_id}``.

    ``use_case`` names the call of usercore that it is about, as ``service.method``; of several the one that may hash,
    and "" if it calls none. ``fields`` are those parameters of it that the body may have, and ``query`` those that the
    query may have; they are the parameters of ``signature``, if the handler calls a function of its own. A route that
    ``needs_mailer`` is there only if the core has one.
    """

    method: str
    path: str
    use_case: str
    handle: Callable[[Call], Response]
    needs_mailer: bool = attrs.field(default=False, kw_only=True)
    fields: Sequence[str] = attrs.field(default=(), kw_only=True)
    query: Sequence[str] = attrs.field(default=(), kw_only=True)
    signature: Callable[..., object] | None = attrs.field(default=None, kw_only=True)

    @property
    def hashes(self) -> bool:
        """Whether the call may hash a password, so that it takes long."""
        return self.use_case in HASHING

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of the path."""
        return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", self.path))

    @property
    def parameters(self) -> Sequence[str]:
        """The names of the parameters of the path."""
        return _PARAMETER.findall(self.path)


ErrorResponder = Callable[[Request, UsercoreError], Response]
"""Makes the response to an error of a request."""


def respond_to_error(request: Request, error: UsercoreError) -> Response:
    """Return problem details; a page if a form of a page sent the request."""
    return problem_page(error) if is_form(request) else problem_of(error)


def available(core: UserCore, routes: Iterable[Route]) -> Sequence[Route]:
    """Return the routes that a core can answer; a later one replaces an earlier one of the same method and path."""
    chosen = {(route.method, route.path): route for route in routes}
    return [route for route in chosen.values() if core.sends_email or not route.needs_mailer]


class Router:
    """Answers requests by routes. A later route replaces an earlier one of the same method and path."""

    def __init__(
        self,
        core: UserCore,
        routes: Iterable[Route],
        *,
        site: Site | None = None,
        prefix: str = "",
        respond_to_error: ErrorResponder = respond_to_error,
    ) -> None:
        """Answer with this core.

        ``prefix`` is where the routes are mounted, such as ``/account``. ``respond_to_error`` makes the response to an
        error, where clients expect other bodies or statuses than problem details.
        """
        self.core: Final = core
        self._respond_to_error: Final = respond_to_error
        self.site: Final = site or Site()
        self._prefix: Final = prefix
        self._routes: Final = available(core, routes)

    def find(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a request, and the parameters of its path.

        Raises:
            RouteUnknown: no route has this path.
            MethodNotAllowed: the routes of this path have other methods.
        """
        path = self._path_in(request)
        found = [(route, match) for route in self._routes if (match := route.pattern.fullmatch(path))]
        for route, match in found:
            if route.method == ("GET" if request.method == "HEAD" else request.method):
                return route, match.groupdict()
        if found:
            raise MethodNotAllowed(tuple(sorted({route.method for route, _ in found})))
        raise RouteUnknown

    def _path_in(self, request: Request) -> str:
        """Return the path below the prefix: that of the request, or one that is mounted there.

        No other path is answered, so a proxy that limits who may send requests below the prefix limits all of them.

        Raises:
            RouteUnknown: it is not below the prefix.
        """
        below = request.path.removeprefix(self._prefix)
        if below == request.path and not request.root.endswith(self._prefix):
            raise RouteUnknown
        return below or "/"

    def hashes(self, request: Request) -> bool:
        """Return whether answering a request may hash a password."""
        try:
            return self.find(request)[0].hashes
        except UsercoreError:
            return False

    def respond(self, request: Request) -> Response:
        """Answer a request; an error becomes a response, too."""
        try:
            route, parameters = self.find(request)
            self.site.check_origin(request)
            core = self.site.core_for(self.core, request)
            call = Call(core=core, site=self.site, request=request, parameters=parameters, fields=route.fields)
            response = route.handle(call)
        except UsercoreError as error:
            response = self._respond_to_error(request, error)
        present = {name.lower() for name, _ in response.headers}
        missing = tuple(header for header in SECURITY_HEADERS if header[0].lower() not in present)
        return Response(response.status, (*response.headers, *missing), response.body)
