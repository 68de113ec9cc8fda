"""The admin page, mounted in applications as its how-to guide shows; and the example."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import tests.web.django_project  # noqa: F401 - makes Django's settings
from tests.admin.world import OPERATOR, PASSWORD, SESSION, World, csrf_in, sign_in
from tests.web.browser import Answer, Browser, to_wsgi
from usercore.aio import AsyncCore
from usercore_web.asgi import AsgiApp
from usercore_web.django.accounts import request_of, response_of
from usercore_web.wsgi import WsgiApp

HOST = "https://shop.example.com"
FORM = {"sec-fetch-site": "same-origin"}


class InFlask:
    def __init__(self, world: World) -> None:
        app = Flask("shop")
        dispatcher = DispatcherMiddleware(app.wsgi_app, {"/admin": WsgiApp(world.router)})
        app.wsgi_app = dispatcher  # type: ignore[method-assign]  # as Flask says
        self._client = app.test_client()

    def get(self, target: str) -> Answer:
        return self._answer(self._client.get(target, base_url=HOST))

    def submit(self, target: str, fields: dict[str, str]) -> Answer:
        return self._answer(self._client.post(target, base_url=HOST, data=fields, headers=FORM))

    @staticmethod
    def _answer(response: Any) -> Answer:
        return Answer(response.status_code, [*response.headers.items()], response.data)


class InFastApi:
    def __init__(self, world: World) -> None:
        app = FastAPI()
        app.mount("/admin", AsgiApp(AsyncCore(world.core), world.router))
        self._client = TestClient(app, base_url=HOST, follow_redirects=False)

    def get(self, target: str) -> Answer:
        return self._answer(self._client.get(target))

    def submit(self, target: str, fields: dict[str, str]) -> Answer:
        return self._answer(self._client.post(target, data=fields, headers=FORM))

    @staticmethod
    def _answer(response: Any) -> Answer:
        return Answer(response.status_code, [*response.headers.items()], response.content)


class InDjango:
    def __init__(self, world: World) -> None:
        @csrf_exempt
        def admin(request: HttpRequest, path: str) -> HttpResponse:
            body = request.read(world.router.site.max_body_bytes + 1)
            return response_of(world.router.respond(request_of(request, path=f"/{path}", body=body)))

        self.urlpatterns = [path("admin/<path:path>", admin), path("admin/", admin, {"path": ""})]
        self._client = Client(headers={"host": "shop.example.com"})

    def get(self, target: str) -> Answer:
        return self._answer("get", target)

    def submit(self, target: str, fields: dict[str, str]) -> Answer:
        return self._answer("post", target, data=fields, headers=FORM)

    def _answer(self, method: str, target: str, **given: Any) -> Answer:
        with override_settings(ROOT_URLCONF=self, MIDDLEWARE=[]):
            response = getattr(self._client, method)(target, secure=True, **given)
        cookies = [("Set-Cookie", one.OutputString()) for one in response.cookies.values()]
        return Answer(response.status_code, [*response.headers.items(), *cookies], response.content)


@pytest.mark.parametrize("kind", [InFlask, InFastApi, InDjango])
def test_it_is_mounted_in_applications(kind: Any) -> None:
    mounted = kind(World())
    asked = mounted.get("/admin/users?q=ann")
    assert (asked.status, asked.header("Location")) == (303, "/admin/sign-in?next=%2Fadmin%2Fusers%3Fq%3Dann")
    page = mounted.get(asked.header("Location"))
    fields = {"csrf": csrf_in(page), "next": "/admin/users?q=ann", "login": OPERATOR, "password": PASSWORD}
    answer = mounted.submit("/admin/sign-in", fields)
    assert (answer.status, answer.header("Location")) == (303, "/admin/users?q=ann")
    assert (answer.header("Set-Cookie") or "").startswith(f"{SESSION}=uca_")
    found = mounted.get("/admin/users?q=ann")
    assert found.status == 200
    assert b">Ann</a>" in found.body
    assert mounted.get("/admin/").status == 200


def test_the_example_registers_operators_and_lets_them_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERCORE_STORE", f"sqlite:///{tmp_path}/people.db")
    example = importlib.import_module("examples.admin_app")
    with example.core:
        for email in ("one@example.com", "two@example.com"):
            example.register_operator(email, PASSWORD)
            browser = Browser(to_wsgi(example.application))
            assert sign_in(browser, email).status == 303
            assert browser.get("/admin/").status == 200
    assert len(Path(str(example.__file__)).read_text("utf-8").splitlines()) < 40
