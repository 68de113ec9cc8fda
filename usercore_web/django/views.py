"""The views of routes, and what views of the project ask."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from usercore import Identity, TokenInvalid, UserCore
from usercore_web.django.accounts import answer, get_accounts
from usercore_web.routing import Router

View = TypeVar("View", bound=Callable[..., Any])
RouterView = Callable[[HttpRequest, str], HttpResponse]


def mounted(make_router: Callable[[UserCore], Router]) -> RouterView:
    """Return a view that answers by a router over the core, such as ``mounted(admin_router)``.

    Its pattern is ``re_path(r"^admin/(?P<path>.*)$", ...)``. The routes check origins and tokens themselves, so
    ``CsrfViewMiddleware`` leaves them alone, and have transactions of their own, so ``ATOMIC_REQUESTS`` does, too: on
    SQLite they would wait for it.
    """
    router_of = lru_cache(maxsize=1)(make_router)
    return _view_of(lambda: router_of(get_accounts().core()))


def _view_of(router: Callable[[], Router]) -> RouterView:
    @csrf_exempt
    @non_atomic_requests
    def view(request: HttpRequest, path: str) -> HttpResponse:
        return answer(router(), request, f"/{path}")

    return view


routes: Final = _view_of(lambda: get_accounts().open())
"""The view of the routes of accounts."""


def current_user(request: HttpRequest) -> Identity | None:
    """Return the user and the session of a request, or None if it has none; asked once a request.

    In an ``async def`` that has no ``login_required``: ``await sync_to_async(current_user)(request)``.

    Raises:
        CrossOrigin: a page of another origin sent the request.
        HostUnknown: this host is not served.
        TenantNotFound: its tenant does not exist.
        ImproperlyConfigured: the setting ``USERCORE`` is missing.
    """
    try:
        return get_accounts().identity(request)
    except TokenInvalid:
        return None


def login_required(view: View) -> View:
    """Refuse requests without a user: ``TokenInvalid``, which is answered by 401. The view may be an ``async def``."""

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> object:
        get_accounts().identity(request)
        return view(request, *args, **kwargs)

    @wraps(view)
    async def checked_async(request: HttpRequest, *args: object, **kwargs: object) -> object:
        await sync_to_async(get_accounts().identity)(request)
        return await view(request, *args, **kwargs)

    return cast("View", checked_async if iscoroutinefunction(view) else checked)
