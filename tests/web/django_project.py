"""A project on Django for the tests. Django's settings are those of a process, so they are made once, here.

The databases get their place by ``placed``, as Django's own test runner gives them that of the test database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django
from django.conf import settings
from django.contrib import admin
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.shortcuts import render
from django.urls import include, path, re_path

from usercore_web.admin import admin_router
from usercore_web.django import current_user, login_required, mounted

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {"transaction_mode": "IMMEDIATE"}}

settings.configure(
    ALLOWED_HOSTS=["*"],
    AUTHENTICATION_BACKENDS=["usercore_web.django.backend.AccountsBackend"],
    DATABASES={"default": SQLITE, "postgres": {"ENGINE": "django.db.backends.postgresql", "NAME": "not placed"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "messages", "sessions")],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "usercore_web.django.middleware.AccountsMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the tests",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"hello.html": "{{ request.identity.user.first_name }}"}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - models need the settings
from django.contrib.auth.models import User as DjangoUser  # noqa: E402 - as above

__all__ = ["DjangoUser", "Group", "placed"]


@contextmanager
def placed(alias: str, **place: Any) -> Iterator[None]:
    """Use the database of this place."""
    connection = connections[alias]
    before = dict(connection.settings_dict)
    connection.settings_dict.update(place)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def greeting(request: HttpRequest) -> JsonResponse:
    identity = current_user(request)
    assert identity is not None
    return JsonResponse({"hello": identity.user.first_name})


@login_required
def hello(request: HttpRequest) -> JsonResponse:
    return greeting(request)


@login_required
async def hello_async(request: HttpRequest) -> JsonResponse:
    return greeting(request)


def django_user(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"username": request.user.get_username()})


def maybe(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"signed_in": current_user(request) is not None})


def page(request: HttpRequest) -> Any:
    return render(request, "hello.html")


urlpatterns = [
    path("account/", include("usercore_web.django.urls")),
    path("admin/", admin.site.urls),
    path("django-user", django_user),
    path("hello", hello),
    path("hello-async", hello_async),
    path("maybe", maybe),
    path("page", page),
    re_path(r"^people/(?P<path>.*)$", mounted(partial(admin_router, prefix="/people"))),
]
