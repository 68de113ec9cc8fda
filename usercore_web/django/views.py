"""The view of the routes, and what views of the project ask."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from usercore import Identity, TokenInvalid
from usercore_web.django.accounts import get_accounts

View = TypeVar("View", bound=Callable[..., Any])


@csrf_exempt  # the routes check origins and tokens themselves, and answer in their own form
@non_atomic_requests  # they have transactions of their own, which on SQLite would wait for one of Django's
def routes(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a request to the routes of accounts.

    Raises:
        ImproperlyConfigured: the setting ``USERCORE`` is missing.
    """
    return get_accounts().answer(request, f"/{path}")


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
