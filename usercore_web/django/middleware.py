"""The middleware for ``MIDDLEWARE``."""

from collections.abc import Awaitable, Callable
from functools import partial

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from usercore import UsercoreError
from usercore_web.django.accounts import get_accounts, response_of
from usercore_web.django.views import current_user
from usercore_web.problems import problem_of


class AccountsMiddleware:
    """Gives each request its ``identity``, for templates, and answers errors of usercore that views raise.

    ``request.identity`` is ``current_user(request)``, asked when it is first used. The middleware itself waits for
    nothing, so under ASGI it runs in the event loop, and Django runs views that are not ``async def`` on a thread.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        """Open the core, so that a store that cannot be opened stops the server and not a request.

        Raises:
            ImproperlyConfigured: the setting ``USERCORE`` is missing.
            StorageError: the store cannot be opened.
        """
        get_accounts().open()
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass a request on with its identity."""
        request.identity = SimpleLazyObject(partial(current_user, request))  # type: ignore[attr-defined]  # for templates
        return self._get_response(request)

    @staticmethod
    def process_exception(_request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the response to an error of usercore, None for another one."""
        return response_of(problem_of(exception)) if isinstance(exception, UsercoreError) else None
