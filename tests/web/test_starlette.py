"""usercore in applications on Starlette and FastAPI."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import usercore
from usercore import Identity, Unavailable, UserCore, UsercoreError
from usercore_web import Site, TenantHosts
from usercore_web.starlette import Accounts

HOST = "shop.example.com"
PASSWORD = "correct horse battery staple"
NEW = {"email": "ann@example.com", "password": PASSWORD, "first_name": "Ann"}


class Opened:
    """Opens cores, and keeps them."""

    def __init__(self) -> None:
        self.cores: list[UserCore] = []

    def __call__(self) -> UserCore:
        self.cores.append(usercore.open("memory://"))
        return self.cores[-1]


def on_starlette(accounts: Accounts) -> Any:
    async def hello(request: Request) -> Response:
        return JSONResponse({"hello": (await accounts.identity(request)).user.first_name})

    routes = [Route("/hello", hello, methods=["GET", "POST"]), Mount("/account", app=accounts.app)]
    handlers: Any = {UsercoreError: accounts.answer_error}
    return Starlette(routes=routes, lifespan=accounts.lifespan, exception_handlers=handlers)


def on_fastapi(accounts: Accounts) -> Any:
    app = FastAPI(lifespan=accounts.lifespan)
    app.mount("/account", accounts.app)
    app.add_exception_handler(UsercoreError, accounts.answer_error)

    @app.api_route("/hello", methods=["GET", "POST"])
    async def hello(identity: Annotated[Identity, Depends(accounts.identity)]) -> dict[str, str | None]:
        return {"hello": identity.user.first_name}

    return app


@pytest.fixture(params=[on_starlette, on_fastapi], ids=["starlette", "fastapi"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    accounts = Accounts(Opened(), site=Site(hosts=TenantHosts({HOST: "main", "other.example.com": "missing"})))
    with TestClient(request.param(accounts), base_url=f"https://{HOST}") as client:
        yield client


def test_a_user_registers_and_is_the_user_of_the_application(client: TestClient) -> None:
    assert client.get("/hello").status_code == 401
    assert client.post("/account/register", json=NEW).status_code == 201
    assert client.get("/hello").json() == {"hello": "Ann"}
    assert client.post("/account/logout").status_code == 200
    refused = client.get("/hello")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert refused.json()["code"] == "tokens.missing"


def test_an_application_is_protected_against_pages_of_other_origins(client: TestClient) -> None:
    client.post("/account/register", json=NEW)
    assert client.post("/hello").status_code == 200
    refused = client.post("/hello", headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "request.cross_origin")


def test_a_host_that_is_not_served_is_refused(client: TestClient) -> None:
    assert client.get("/hello", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/hello", headers={"Host": "other.example.com"}).status_code == 404
    assert client.post("/account/login", headers={"Host": "evil.example"}, json={}).status_code == 421


def test_the_core_lives_as_long_as_the_application() -> None:
    opened = Opened()
    accounts = Accounts(opened)
    with pytest.raises(Unavailable):
        accounts.people  # noqa: B018 - the property raises
    with TestClient(on_starlette(accounts), base_url=f"https://{HOST}"):
        (core,) = opened.cores
        assert accounts.people.core is core
    with pytest.raises(Unavailable):
        core.registration.register("ann@example.com")
    with pytest.raises(Unavailable):
        accounts.people  # noqa: B018 - the property raises


def test_a_request_before_the_start_is_answered_with_the_reason_for_operators() -> None:
    client = TestClient(on_starlette(Accounts(Opened())), base_url=f"https://{HOST}")
    assert client.get("/hello").status_code == 503


def test_an_error_of_another_kind_is_not_answered() -> None:
    with TestClient(on_starlette(Accounts(Opened())), base_url=f"https://{HOST}") as client:
        app: Any = client.app
        app.add_exception_handler(ValueError, Accounts.answer_error)

        async def fail(_: Request) -> Response:
            raise ValueError("mine")

        app.router.routes.append(Route("/fail", fail))
        with pytest.raises(ValueError, match="mine"):
            client.get("/fail")


def test_the_example_greets_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERCORE_STORE", f"sqlite:///{tmp_path}/people.db")
    example = importlib.import_module("examples.fastapi_app")
    with TestClient(example.app, base_url=f"https://{HOST}") as client:
        assert client.get("/hello").status_code == 401
        assert client.post("/account/register", json={**NEW, "last_name": "Smith"}).status_code == 201
        assert client.get("/hello").json() == {"hello": "Ann Smith"}
    lines = Path(str(example.__file__)).read_text("utf-8").splitlines()
    assert len(lines) < 40
