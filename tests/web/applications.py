"""What the tests of the routes run over: the protocols, and each adapter with its framework."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from flask import Flask
from litestar import Litestar
from starlette.applications import Starlette
from starlette.routing import Mount

import tests.web.django_project  # noqa: F401 - Django's settings are made first
from tests.web.browser import Answer, Transport, by_asgi, by_wsgi, to_asgi, to_wsgi
from usercore import UserCore
from usercore_web import Router, Site, django, flask, litestar, starlette
from usercore_web.routes import ROUTES

Application = Callable[[UserCore, Site], AbstractContextManager[Transport]]
"""Serves the routes of a core and a site, as long as it is entered."""

PREFIX: Final = "/account"
"""Where frameworks have the routes."""


def below_prefix(send: Transport) -> Transport:
    """Send to the routes of a framework."""

    def send_below(method: str, target: str, headers: dict[str, str], body: bytes, peer: str) -> Answer:
        return send(method, PREFIX + target, headers, body, peer)

    return send_below


@contextmanager
def on_wsgi(core: UserCore, site: Site) -> Iterator[Transport]:
    yield by_wsgi(Router(core, ROUTES, site=site))


@contextmanager
def on_asgi(core: UserCore, site: Site) -> Iterator[Transport]:
    yield by_asgi(Router(core, ROUTES, site=site))


@contextmanager
def on_flask(core: UserCore, site: Site) -> Iterator[Transport]:
    app = Flask("shop")
    flask.Accounts(core, site=site).init_app(app, prefix=PREFIX)
    yield below_prefix(to_wsgi(app))


@contextmanager
def on_starlette(core: UserCore, site: Site) -> Iterator[Transport]:
    accounts = starlette.Accounts(lambda: core, site=site)
    app = Starlette(routes=[Mount(PREFIX, app=accounts.app)])
    with started(app, accounts.lifespan(app)) as send:
        yield below_prefix(send)


@contextmanager
def on_litestar(core: UserCore, site: Site) -> Iterator[Transport]:
    app = Litestar(on_app_init=[litestar.Accounts(lambda: core, prefix=PREFIX, site=site).init_app])
    with started(app, app.lifespan()) as send:
        yield below_prefix(send)


@contextmanager
def on_django(core: UserCore, site: Site) -> Iterator[Transport]:
    with override_settings(USERCORE=django.Accounts(lambda: core, site=site)):
        yield below_prefix(to_wsgi(WSGIHandler()))


@contextmanager
def on_django_by_asgi(core: UserCore, site: Site) -> Iterator[Transport]:
    with override_settings(USERCORE=django.Accounts(lambda: core, site=site)):
        yield below_prefix(to_asgi(ASGIHandler()))


@contextmanager
def started(application: Any, lifespan: AbstractAsyncContextManager[object]) -> Iterator[Transport]:
    """Send to an application of ASGI during its lifespan, which is one task as in servers."""
    with asyncio.Runner() as runner:
        has_started, is_over = asyncio.Event(), asyncio.Event()

        async def live() -> None:
            async with lifespan:
                has_started.set()
                await is_over.wait()

        async def start() -> asyncio.Task[None]:
            task = asyncio.create_task(live())
            await has_started.wait()
            return task

        async def end(task: asyncio.Task[None]) -> None:
            is_over.set()
            await task

        task = runner.run(start())
        yield to_asgi(application, runner.run)
        runner.run(end(task))


APPLICATIONS: Final[dict[str, Application]] = {
    "wsgi": on_wsgi,
    "asgi": on_asgi,
    "flask": on_flask,
    "starlette": on_starlette,
    "litestar": on_litestar,
    "django": on_django,
    "django by asgi": on_django_by_asgi,
}
