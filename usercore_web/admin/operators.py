"""Requests of operators: who is one, and what pages do with a request."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import attrs

from usercore import (
    Actor,
    Identity,
    Invalid,
    NotAllowed,
    Tenant,
    TenantNotFound,
    TokenInvalid,
    UserCore,
    UsercoreError,
)
from usercore.kernel.values import frozen
from usercore_web.admin.done import DONE
from usercore_web.admin.errors import error_page
from usercore_web.admin.rendering import redirect, render
from usercore_web.csrf import csrf_token
from usercore_web.errors import RouteUnknown
from usercore_web.fields import read_number
from usercore_web.requests import Request
from usercore_web.responses import Response
from usercore_web.routing import Call, Route
from usercore_web.site import Site

SOURCE: Final = "admin"
"""The source of what operators do, and of their sessions."""

IN_TENANT: Final = "/in/{in_tenant}"
"""Where the pages of another tenant are, for admins."""

USE: Final = "admin.use"
"""The action that is refused to users who are no operators."""


def check_operator(core: UserCore, identity: Identity, permission: str | None) -> None:
    """Check that a user may use the admin page: is privileged and, if one is asked for, has the permission.

    Raises:
        NotAllowed: the user may not.
    """
    roles = () if identity.user.is_admin else core.roles.of_user(identity.user.id)
    is_privileged = identity.user.is_admin or any(one.role.active and one.role.privileged for one in roles)
    if not is_privileged or (permission is not None and not identity.allows(permission)):
        raise NotAllowed(USE)


def tenant_of(core: UserCore, uuid: str) -> Tenant:
    """Return the tenant with this UUID; pages name tenants by it, because keys may have any characters.

    Raises:
        SystemOnly: the core is not that of the admins.
        TenantNotFound: there is no such tenant.
    """
    try:
        return core.tenants.get(UUID(uuid))
    except ValueError:
        raise TenantNotFound from None


def site_of_session(site: Site) -> Site:
    """Return the site whose CSRF tokens are made of the secret of the session."""
    return attrs.evolve(site, csrf_cookie=site.session_cookie)


@frozen(kw_only=True)
class OperatorCall:
    """A request of an operator.

    ``core`` is bound to the operator as its actor, and to the ``other_tenant`` if an admin works on one. ``root`` is
    where the admin page is, ``base`` where the pages of the tenant are, and ``parameters`` are those of the path. Times
    are shown in the ``zone``. The cookie of the CSRF token in ``site`` is that of the session.
    """

    core: UserCore
    identity: Identity
    request: Request
    parameters: Mapping[str, str]
    site: Site
    root: str
    base: str
    other_tenant: Tenant | None
    zone: str

    def number(self, name: str) -> int:
        """Return an id in the path.

        Raises:
            RouteUnknown: it is no id.
        """
        try:
            return read_number(self.parameters, name)
        except Invalid:
            raise RouteUnknown from None

    def fields(self) -> dict[str, str]:
        """Return the fields of the form that was sent.

        Raises:
            MediaTypeUnsupported: the body is no form.
            BodyTooLarge: it has more bytes than allowed.
            BodyMalformed: it is not what its media type says.
            CsrfTokenWrong: it has no CSRF token, or another one.
        """
        return self.site.read_form(self.request)

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Return a page with the navigation."""
        return render(template, status=status, **self.layout(), **values)

    def done(self, path: str, use_case: str) -> Response:
        """Return a redirection to a page, which says what was done by a call of usercore."""
        return redirect(f"{self.base}{path}?{urlencode({'done': use_case})}")

    def layout(self) -> dict[str, object]:
        """Return what every page shows besides its own values."""
        secret, _ = self.site.csrf_secret(self.request)
        return {
            "root": self.root,
            "base": self.base,
            "other_tenant": self.other_tenant,
            "section": self.request.path.removeprefix(self.base).strip("/").partition("/")[0],
            "operator": self.identity.user,
            "done": DONE.get(self.request.query.get("done", "")),
            "zone": self.zone,
            "csrf": lambda: csrf_token(secret),
        }


@frozen
class AdminRoute:
    """A page, or an action of a page: a ``Route`` whose handler gets an ``OperatorCall``."""

    method: str
    path: str
    use_case: str
    handle: Callable[[OperatorCall], Response]


@frozen(kw_only=True)
class Entrance:
    """Lets operators in, and sends others to the sign-in."""

    root: str
    permission: str | None

    def routes(self, page: AdminRoute) -> Iterator[Route]:
        """Iterate over the routes of a page, for operators only: that of their tenant, and for admins of any other."""
        for start in ("",) if page.path.startswith("/tenants") else ("", IN_TENANT):
            yield Route(page.method, start + page.path, page.use_case, lambda call: self._respond(page, call))

    def _respond(self, page: AdminRoute, call: Call) -> Response:
        try:
            operator = self._operator(call)
        except TokenInvalid:
            return redirect(f"{self.root}/sign-in?{urlencode({'next': self._target(call.request)})}")
        try:
            return page.handle(operator)
        except UsercoreError as error:
            return error_page(error, "operator", **operator.layout())

    def _operator(self, call: Call) -> OperatorCall:
        identity = call.identity()
        check_operator(call.core, identity, self.permission)
        core = call.core.bind(actor=Actor.user(identity.user.id), source=SOURCE)
        tenant = tenant_of(call.core, call.parameters["in_tenant"]) if "in_tenant" in call.parameters else None
        return OperatorCall(
            core=core if tenant is None else core.tenant(tenant.key),
            identity=identity,
            request=call.request,
            parameters=call.parameters,
            site=site_of_session(call.site),
            root=self.root,
            base=self.root if tenant is None else self.root + IN_TENANT.format(in_tenant=tenant.uuid),
            other_tenant=tenant,
            zone=call.core.users.preferences(identity.user.id).time_zone,
        )

    def _target(self, request: Request) -> str:
        """Return the page that a request is for, to be shown after the sign-in; the first one for a sent form."""
        if request.method != "GET":
            return f"{self.root}/"
        query = f"?{urlencode(request.query)}" if request.query else ""
        return f"{self.root}{request.path.removeprefix(self.root)}{query}"
