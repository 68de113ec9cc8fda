"""The routes of the admin page."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import attrs

from usercore import UserCore, UsercoreError
from usercore_web.admin import address_requests, api_tokens, dashboard, groups, log, roles, tenants, user_lists, users
from usercore_web.admin.errors import error_page
from usercore_web.admin.operators import AdminRoute, Entrance
from usercore_web.admin.rendering import STYLE, STYLE_PATH
from usercore_web.admin.session import SignInPages
from usercore_web.cookies import SecretCookie
from usercore_web.requests import Request
from usercore_web.responses import Response
from usercore_web.routing import Call, Route, Router
from usercore_web.site import Site

PAGES: Final[tuple[AdminRoute, ...]] = (
    *dashboard.PAGES,
    *users.PAGES,
    *user_lists.PAGES,
    *address_requests.PAGES,
    *groups.PAGES,
    *roles.PAGES,
    *api_tokens.PAGES,
    *log.PAGES,
    *tenants.PAGES,
)
"""All pages and actions that need an operator."""

_FOR_EVER: Final = "public, max-age=31536000, immutable"


def admin_router(
    core: UserCore, *, site: Site | None = None, prefix: str = "/admin", permission: str | None = None
) -> Router:
    """Return the router of the admin page, for ``WsgiApp`` and ``AsgiApp``.

    ``site`` is the one of the application; the cookies of the admin page have names and a path of their own. ``prefix``
    is where the application mounts the page. Privileged users may use it, with ``permission`` only those of them whom a
    role allows that.
    """
    root = prefix.rstrip("/")
    return Router(
        core,
        _routes(root, permission),
        site=_own_site(site or Site(), root),
        prefix=root,
        respond_to_error=partial(_respond_to_error, root),
    )


def _routes(root: str, permission: str | None) -> Iterator[Route]:
    yield Route("GET", STYLE_PATH, "", _style)
    yield from SignInPages(root=root, permission=permission).routes()
    entrance = Entrance(root=root, permission=permission)
    for page in PAGES:
        yield from entrance.routes(page)


def _style(_: Call) -> Response:
    return Response(200, (("Content-Type", "text/css; charset=utf-8"), ("Cache-Control", _FOR_EVER)), STYLE)


def _respond_to_error(root: str, _: Request, error: UsercoreError) -> Response:
    return error_page(error, "user", root=root)


def _own_site(site: Site, root: str) -> Site:
    """Return the site with cookies that browsers send to the admin page only, and forget when they are closed.

    Sessions are in cookies only: a bearer token that a proxy adds must not be taken for that of a session.
    """
    secure = site.session_cookie.secure
    start = "__Secure-admin" if secure else "admin"
    session, csrf = (
        SecretCookie(name=f"{start}-{name}", secure=secure, path=root or "/", persistent=False)
        for name in ("session", "csrf")
    )
    return attrs.evolve(site, session_cookie=session, csrf_cookie=csrf, bearer_tokens=False)
