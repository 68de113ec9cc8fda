"""W15: a route of an application on FastAPI that answers by the user of the request."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, closing, contextmanager
from itertools import islice
from typing import Annotated, Any, Final

import attrs
from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool

from benchmarks.baseline.identifying import Identifying
from benchmarks.measuring import Cost, Side, no_collections
from benchmarks.people import NOW
from benchmarks.signing_in import secrets
from benchmarks.stores import StoreProvider
from usercore import Identity
from usercore_web import SESSION_COOKIE
from usercore_web.starlette import Accounts

ACCEPTED: Final = 200


def application(identify: Callable[[Request], Awaitable[Identity]]) -> FastAPI:
    """Return an application with one route, whose dependency finds the user."""
    app = FastAPI()

    @app.get("/hello")
    async def hello(identity: Annotated[Identity, Depends(identify)]) -> dict[str, str | None]:
        return {"hello": identity.user.full_name}

    return app


@attrs.frozen
class Requests:
    """Requests to an application, one after another, with the cookie of the next secret."""

    runner: asyncio.Runner
    app: FastAPI
    secrets: Iterator[str]

    def run(self, count: int) -> Cost:
        """Send the requests."""
        scopes = [scope_of(secret) for secret in islice(self.secrets, count)]
        with no_collections():
            cpu, wall = time.process_time(), time.perf_counter()
            self.runner.run(self._send(scopes))
            return Cost(time.process_time() - cpu, time.perf_counter() - wall)

    async def _send(self, scopes: list[MutableMapping[str, Any]]) -> None:
        for scope in scopes:
            await self.app(scope, no_body, check_accepted)


def scope_of(secret: str) -> MutableMapping[str, Any]:
    """Return a request as a server passes it on."""
    headers = {
        "host": "shop.example.com",
        "user-agent": "a browser",
        "accept": "application/json",
        "cookie": f"{SESSION_COOKIE.name}={secret}",
    }
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/hello",
        "raw_path": b"/hello",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.7", 50000),
        "server": ("192.0.2.1", 443),
    }


async def no_body() -> MutableMapping[str, Any]:
    """Receive the end of a request."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def check_accepted(message: Mapping[str, Any]) -> None:
    """Receive a part of a response; it found the user."""
    assert message.get("status", ACCEPTED) == ACCEPTED, message


@contextmanager
def user_of_a_request(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Find the user of a request by the adapter, and by hand on a thread of the framework."""
    with (
        closing(Identifying(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
        asyncio.Runner() as runner,
    ):
        accounts = Accounts(lambda: stores.open_core(users))

        async def by_hand(request: Request) -> Identity:
            return await run_in_threadpool(raw.identify, request.cookies[SESSION_COOKIE.name])

        running = AsyncExitStack()
        runner.run(running.enter_async_context(accounts.lifespan(None)))
        try:
            yield {
                "usercore": Requests(runner, application(accounts.identity), secrets(users, seed=1)),
                "raw": Requests(runner, application(by_hand), secrets(users, seed=1)),
            }
        finally:
            runner.run(running.aclose())
