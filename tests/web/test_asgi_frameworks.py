"""usercore in applications on Starlette, FastAPI and Litestar."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from fastapi import Depends, FastAPI
from litestar import Litestar, get, route
from litestar import Request as LitestarRequest
from litestar.di import NamedDependency
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import usercore
from usercore import Identity, Unavailable, UserCore, UsercoreError
from usercore.aio import AsyncCore
from usercore_web import Site, TenantHosts, litestar, starlette
from usercore_web.admin import admin_router
from usercore_web.asgi import AsgiApp

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


class Served(NamedTuple):
    """An application, and its accounts."""

    app: Any
    accounts: starlette.Accounts | litestar.Accounts


Framework = Callable[[Callable[[], UserCore], Site], Served]


def on_starlette(open_core: Callable[[], UserCore], site: Site) -> Served:
    accounts = starlette.Accounts(open_core, site=site)

    async def hello(request: Request) -> Response:
        return JSONResponse({"hello": (await accounts.identity(request)).user.first_name})

    async def host(request: Request) -> Response:
        return JSONResponse({"ip": accounts.core(request).context.ip})

    async def fail(_: Request) -> Response:
        raise ValueError("mine")

    routes = [
        Route("/hello", hello, methods=["GET", "POST"]),
        Route("/ip", host),
        Route("/fail", fail),
        Mount("/account", app=accounts.app),
    ]
    handlers: Any = {UsercoreError: accounts.answer_error, ValueError: accounts.answer_error}
    return Served(Starlette(routes=routes, lifespan=accounts.lifespan, exception_handlers=handlers), accounts)


def on_fastapi(open_core: Callable[[], UserCore], site: Site) -> Served:
    accounts = starlette.Accounts(open_core, site=site)
    app = FastAPI(lifespan=accounts.lifespan)
    app.mount("/account", accounts.app)
    app.add_exception_handler(UsercoreError, accounts.answer_error)

    @app.api_route("/hello", methods=["GET", "POST"])
    async def hello(identity: Annotated[Identity, Depends(accounts.identity)]) -> dict[str, str | None]:
        return {"hello": identity.user.first_name}

    @app.get("/ip")
    def ip(request: Request) -> dict[str, str | None]:
        return {"ip": accounts.core(request).context.ip}

    @app.get("/fail")
    def fail() -> None:
        raise ValueError("mine")

    return Served(app, accounts)


def on_litestar(open_core: Callable[[], UserCore], site: Site) -> Served:
    accounts = litestar.Accounts(open_core, site=site)

    @route("/hello", http_method=["GET", "POST"], status_code=200)
    async def hello(current_user: NamedDependency[Identity]) -> dict[str, str | None]:
        return {"hello": current_user.user.first_name}

    @get("/ip")
    async def ip(request: LitestarRequest[Any, Any, Any]) -> dict[str, str | None]:
        return {"ip": accounts.core(request).context.ip}

    @get("/fail")
    async def fail() -> None:
        raise ValueError("mine")

    return Served(Litestar([hello, ip, fail], on_app_init=[accounts.init_app], debug=False), accounts)


@pytest.fixture(params=[on_starlette, on_fastapi, on_litestar], ids=["starlette", "fastapi", "litestar"])
def framework(request: pytest.FixtureRequest) -> Framework:
    found: Framework = request.param
    return found


@pytest.fixture
def client(framework: Framework) -> Iterator[TestClient]:
    served = framework(Opened(), Site(hosts=TenantHosts({HOST: "main", "other.example.com": "missing"})))
    with TestClient(served.app, base_url=f"https://{HOST}", client=("192.0.2.7", 50000)) as client:
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


def test_calls_of_the_application_know_the_client(client: TestClient) -> None:
    assert client.get("/ip").json() == {"ip": "192.0.2.7"}


def test_the_core_lives_as_long_as_the_application(framework: Framework) -> None:
    opened = Opened()
    app, accounts = framework(opened, Site())
    with pytest.raises(Unavailable):
        accounts.people  # noqa: B018 - the property raises
    with TestClient(app, base_url=f"https://{HOST}"):
        (core,) = opened.cores
        assert accounts.people.core is core
        assert "/account/login" in accounts.openapi("/account")["paths"]
    with pytest.raises(Unavailable):
        core.registration.register("ann@example.com")
    with pytest.raises(Unavailable):
        accounts.people  # noqa: B018 - the property raises


def test_a_request_before_the_start_is_answered_with_the_reason_for_operators(framework: Framework) -> None:
    client = TestClient(framework(Opened(), Site()).app, base_url=f"https://{HOST}")
    assert client.get("/hello").status_code == 503


def test_an_error_of_another_kind_is_not_answered(framework: Framework) -> None:
    app = framework(Opened(), Site()).app
    with TestClient(app, base_url=f"https://{HOST}", raise_server_exceptions=False) as client:
        assert client.get("/fail").status_code == 500


def test_another_router_is_mounted_in_litestar() -> None:
    with usercore.open("memory://") as core:
        admin = litestar.mount("/people", AsgiApp(AsyncCore(core), admin_router(core, prefix="/people")))
        app: Any = Litestar([admin])
        client = TestClient(app, base_url=f"https://{HOST}", follow_redirects=False)
        assert client.get("/people/users").headers["Location"] == "/people/sign-in?next=%2Fpeople%2Fusers"
        assert "<form" in client.get("/people/sign-in").text


EXAMPLES = ["fastapi_app", "litestar_app", "starlette_app"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_greets_its_user(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERCORE_STORE", f"sqlite:///{tmp_path}/people.db")
    example = importlib.import_module(f"examples.{name}")
    with TestClient(example.app, base_url=f"https://{HOST}") as client:
        assert client.get("/hello").status_code == 401
        assert client.post("/account/register", json={**NEW, "last_name": "Smith"}).status_code == 201
        assert client.get("/hello").json() == {"hello": "Ann Smith"}
    lines = Path(str(example.__file__)).read_text("utf-8").splitlines()
    assert len(lines) < 40
