"""usercore in applications on Flask."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import usercore
from usercore.storage import Storage
from usercore.testing import WatchedStorage
from usercore_storage import memory
from usercore_web import Site, TenantHosts
from usercore_web.flask import Accounts, current_user, login_required

HOST = "shop.example.com"
BASE = f"https://{HOST}"
NEW = {"email": "ann@example.com", "password": "correct horse battery staple", "first_name": "Ann"}


def application(storage: Storage | None = None) -> Flask:
    core = usercore.UserCore.over(storage or memory.open_storage("memory://"))
    app = Flask(__name__)
    Accounts(core, site=Site(hosts=TenantHosts({HOST: "main"}))).init_app(app)

    @app.route("/hello", methods=["GET", "POST"])
    @login_required
    def hello() -> dict[str, str | None]:
        identity = current_user()
        assert identity is not None
        return {"hello": identity.user.first_name}

    @app.get("/maybe")
    def maybe() -> dict[str, bool]:
        return {"signed_in": current_user() is not None}

    return app


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with application().test_client() as client:
        yield client


def test_a_user_registers_and_is_the_user_of_the_application(client: FlaskClient) -> None:
    assert client.get("/hello", base_url=BASE).status_code == 401
    assert client.get("/maybe", base_url=BASE).json == {"signed_in": False}
    assert client.post("/account/register", base_url=BASE, json=NEW).status_code == 201
    assert client.get("/hello", base_url=BASE).json == {"hello": "Ann"}
    assert client.get("/maybe", base_url=BASE).json == {"signed_in": True}
    assert client.post("/account/logout", base_url=BASE).status_code == 200
    refused = client.get("/hello", base_url=BASE)
    assert (refused.status_code, refused.content_type) == (401, "application/problem+json")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_an_application_is_protected_against_pages_of_other_origins(client: FlaskClient) -> None:
    client.post("/account/register", base_url=BASE, json=NEW)
    assert client.post("/hello", base_url=BASE).status_code == 200
    refused = client.post("/hello", base_url=BASE, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json["code"] if refused.json else None) == (403, "request.cross_origin")


def test_a_host_that_is_not_served_is_refused(client: FlaskClient) -> None:
    assert client.get("/hello", base_url="https://evil.example").status_code == 421
    assert client.post("/account/login", base_url="https://evil.example", json={}).status_code == 421


def test_requests_in_one_context_of_the_application_have_users_of_their_own() -> None:
    app = application()
    with app.app_context():
        signed_in, another = app.test_client(), app.test_client()
        signed_in.post("/account/register", base_url=BASE, json=NEW)
        assert signed_in.get("/hello", base_url=BASE).json == {"hello": "Ann"}
        assert another.get("/hello", base_url=BASE).status_code == 401
        assert another.get("/maybe", base_url=BASE).json == {"signed_in": False}


def test_a_request_identifies_its_user_once() -> None:
    watch = WatchedStorage(memory.open_storage("memory://"))
    with application(watch).test_client() as client:
        client.post("/account/register", base_url=BASE, json=NEW)
        before = watch.reads
        assert client.get("/hello", base_url=BASE).status_code == 200
        assert watch.reads == before + 1


def test_the_example_greets_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERCORE_STORE", f"sqlite:///{tmp_path}/people.db")
    example = importlib.import_module("examples.flask_app")
    with example.core, example.app.test_client() as client:
        assert client.get("/hello", base_url=BASE).status_code == 401
        new = {**NEW, "last_name": "Smith"}
        assert client.post("/account/register", base_url=BASE, json=new).status_code == 201
        assert client.get("/hello", base_url=BASE).json == {"hello": "Ann Smith"}
    assert len(Path(str(example.__file__)).read_text("utf-8").splitlines()) < 40
