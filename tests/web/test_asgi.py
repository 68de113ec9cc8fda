"""Requests as ASGI servers send them."""

import asyncio
import threading
from typing import Any

import pytest

import usercore
from usercore.aio import AsyncCore
from usercore_web import Call, Response, Route, Router
from usercore_web.asgi import AsgiApp, ClientDisconnected, read_body, request_of

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/x", "headers": [], "client": None}


def received(*messages: dict[str, Any]) -> Any:
    """Return what an application awaits for the next message; after the last one it would wait for ever."""
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_comes_in_parts() -> None:
    receive = received(part(b"ab", more=True), {"type": "http.request", "more_body": True}, part(b"c", more=False))
    assert asyncio.run(read_body(receive, max_bytes=3)) == b"abc"


def test_no_more_is_read_of_a_body_that_is_too_large() -> None:
    receive = received(part(b"abc", more=True), part(b"def", more=True))
    assert asyncio.run(read_body(receive, max_bytes=4)) == b"abcde"


def test_a_client_that_left_gets_no_answer() -> None:
    async def run() -> list[Any]:
        sent: list[Any] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        with pytest.raises(ClientDisconnected):
            await read_body(received({"type": "http.disconnect"}), max_bytes=1)
        core = usercore.open("memory://")
        async with AsyncCore(core, threads=1) as people:
            await AsgiApp(people, Router(core, []))(
                SCOPE, received(part(b"", more=True), {"type": "http.disconnect"}), send
            )
        return sent

    assert asyncio.run(run()) == []


def test_headers_that_occur_twice_are_joined() -> None:
    headers = [
        (b"Cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"x-forwarded-for", b"::1"),
    ]
    request = request_of({**SCOPE, "headers": headers, "client": ("192.0.2.7", 1)}, b"")
    assert request.headers == {"cookie": "a=1; b=2", "x-forwarded-for": "192.0.2.1, ::1"}
    assert request.peer == "192.0.2.7"


@pytest.mark.parametrize(
    ("root", "path", "expected"), [("", "/me", "/me"), ("/account", "/account/me", "/me"), ("/a", "/a", "/")]
)
def test_the_path_is_below_where_the_application_is_mounted(root: str, path: str, expected: str) -> None:
    assert request_of({**SCOPE, "root_path": root, "path": path}, b"").path == expected


def test_a_route_that_may_hash_runs_on_the_pool_for_hashing() -> None:
    threads: list[str] = []

    def note(call: Call) -> Response:
        threads.append(threading.current_thread().name)
        return call.answer({})

    async def run() -> None:
        core = usercore.open("memory://")
        routes = [Route("POST", "/hash", "passwords.set", note), Route("POST", "/other", "users.get", note)]
        async with AsyncCore(core, threads=1) as people:
            application = AsgiApp(people, Router(core, routes))
            for path in ("/hash", "/other", "/unknown"):

                async def send(_: dict[str, Any]) -> None:
                    pass

                await application({**SCOPE, "path": path}, received(part(b"", more=False)), send)

    asyncio.run(run())
    assert [name.rpartition("_")[0] for name in threads] == ["usercore-hashing", "usercore"]


def test_a_websocket_is_closed() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        async with AsyncCore(usercore.open("memory://"), threads=1) as people:
            await AsgiApp(people, Router(people.core, []))({"type": "websocket"}, received(), send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close"}]


def test_another_kind_of_connection_is_refused() -> None:
    async def run() -> None:
        core = usercore.open("memory://")
        async with AsyncCore(core, threads=1) as people:
            with pytest.raises(ValueError, match="lifespan"):
                await AsgiApp(people, Router(core, []))({"type": "lifespan"}, received(), received())

    asyncio.run(run())
