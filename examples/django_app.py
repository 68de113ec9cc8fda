"""A project on Django, in one file, whose users register, sign in and see a page of their own.

Run it by ``python -m examples.django_app runserver``. Browsers send the cookie of the session over TLS only; without
TLS, on your own machine, set ``USERCORE_INSECURE_COOKIE=1``.
"""

import os

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

import usercore
from usercore_web import SESSION_COOKIE, SecretCookie, Site
from usercore_web.django import Accounts, get_accounts, login_required

STORE = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COOKIE = SecretCookie(name="session", secure=False) if "USERCORE_INSECURE_COOKIE" in os.environ else SESSION_COOKIE

settings.configure(
    ALLOWED_HOSTS=["localhost", "shop.example.com"],
    MIDDLEWARE=["usercore_web.django.middleware.AccountsMiddleware"],
    ROOT_URLCONF=__name__,
    USERCORE=Accounts(lambda: usercore.open(STORE), site=Site(session_cookie=COOKIE)),
)


@login_required
def hello(request: HttpRequest) -> JsonResponse:
    """Greet the user who is signed in."""
    return JsonResponse({"hello": get_accounts().identity(request).user.full_name})


urlpatterns = [path("account/", include("usercore_web.django.urls")), path("hello", hello)]
application = get_wsgi_application()
if __name__ == "__main__":
    execute_from_command_line()
