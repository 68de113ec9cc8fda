"""usercore in projects on Django."""

import json
import os
import shutil
import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.management import call_command
from django.db import transaction
from django.test import Client, RequestFactory, TestCase, override_settings

import usercore
from tests.web.browser import Browser, to_asgi
from tests.web.django_joining import DjangoJoiningCases
from tests.web.django_project import DjangoUser, placed
from usercore import Email, FactorKey, Policy, SecondFactorPolicy, Subscriber, Unavailable, UserCore
from usercore.testing import FakeHasher, WatchedStorage
from usercore_storage import memory
from usercore_web import Site, TenantHosts
from usercore_web.django import Accounts, database_url, get_accounts, joined
from usercore_web.django.views import routes

ROOT = Path(__file__).resolve().parents[2]
HOST = "shop.example.com"
ANN = "ann@example.com"
PASSWORD = "correct horse battery staple"
NEW = {"email": ANN, "password": PASSWORD, "first_name": "Ann"}


@pytest.fixture
def store() -> WatchedStorage:
    return WatchedStorage(memory.open_storage("memory://"))


@pytest.fixture
def accounts(store: WatchedStorage) -> Iterator[Accounts]:
    accounts = Accounts(
        lambda: UserCore.over(store, usercore.Host(hasher=FakeHasher())), site=Site(hosts=TenantHosts({HOST: "main"}))
    )
    with override_settings(USERCORE=accounts):
        yield accounts
    accounts.close()


@pytest.fixture
def client(accounts: Accounts) -> Client:  # noqa: ARG001 - the setting
    return Client(headers={"host": HOST})


def post(client: Client, target: str, fields: dict[str, str] | None = None, **more: Any) -> Any:
    return client.post(target, json.dumps(fields or {}), content_type="application/json", secure=True, **more)


def test_a_user_registers_and_is_the_user_of_the_project(client: Client) -> None:
    assert client.get("/hello").status_code == 401
    assert client.get("/maybe").json() == {"signed_in": False}
    assert post(client, "/account/register", NEW).status_code == 201
    assert client.get("/hello").json() == {"hello": "Ann"}
    assert client.get("/maybe").json() == {"signed_in": True}
    assert client.get("/page").content == b"Ann"
    assert post(client, "/account/logout").status_code == 200
    refused = client.get("/hello")
    assert (refused.status_code, refused["Content-Type"]) == (401, "application/problem+json")
    assert refused["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert client.get("/page").content == b""


def test_a_query_is_read_whatever_charset_the_body_declares(client: Client) -> None:
    for charset in ("utf-7", "utf-16"):
        answer = client.get("/account/login/link?secret=a%41", CONTENT_TYPE=f"text/plain; charset={charset}")
        assert (answer.status_code, b'value="aA"' in answer.content) == (200, True)


def test_a_view_of_asyncio_has_the_user(client: Client) -> None:
    post(client, "/account/register", NEW)
    assert client.get("/hello-async").json() == {"hello": "Ann"}
    browser = Browser(to_asgi(ASGIHandler()), host=HOST)
    assert browser.get("/hello-async").status == 401
    assert browser.post("/account/login", login=ANN, password=PASSWORD).status == 200
    assert [browser.get(target).json for target in ("/hello-async", "/hello")] == [{"hello": "Ann"}] * 2


def test_a_project_is_protected_against_pages_of_other_origins(client: Client) -> None:
    post(client, "/account/register", NEW)
    assert post(client, "/hello").status_code == 200
    refused = post(client, "/hello", headers={"origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "request.cross_origin")


def test_a_host_that_is_not_served_is_refused(client: Client) -> None:
    assert client.get("/hello", headers={"host": "evil.example"}).status_code == 421
    assert post(client, "/account/login", headers={"host": "evil.example"}).status_code == 421


def test_a_request_identifies_its_user_once(client: Client, store: WatchedStorage) -> None:
    post(client, "/account/register", NEW)
    before = store.reads
    assert client.get("/hello").status_code == 200
    assert store.reads == before + 1


def test_another_router_is_mounted_over_the_core_that_is_open(client: Client) -> None:
    assert client.get("/people/users").headers["Location"] == "/people/sign-in?next=%2Fpeople%2Fusers"
    assert b"<form" in client.get("/people/sign-in").content
    with override_settings(USERCORE=Accounts(lambda: usercore.open("memory://"))):
        assert client.get("/people/sign-in").status_code == 200


def test_a_page_that_shows_no_user_asks_for_none(client: Client, store: WatchedStorage) -> None:
    client.get("/maybe")
    before = store.reads
    assert client.get("/admin/login/").status_code == 200
    assert store.reads == before


def test_the_core_is_opened_once_by_the_middleware_and_closed() -> None:
    opened: list[UserCore] = []

    def open_core() -> UserCore:
        opened.append(usercore.open("memory://"))
        return opened[-1]

    accounts = Accounts(open_core)
    with override_settings(USERCORE=accounts):
        assert opened == []
        Client().get("/maybe")
        Client().get("/maybe")
    (core,) = opened
    assert accounts.core() is core
    accounts.close()
    with pytest.raises(Unavailable):
        core.registration.register(ANN)


def test_a_store_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no store" * 1000)
    with (
        override_settings(USERCORE=Accounts(lambda: usercore.open(f"sqlite:///{tmp_path}/text.db"))),
        pytest.raises(usercore.StorageError),
    ):
        Client().get("/maybe")


@pytest.mark.parametrize("value", [None, "people.accounts"])
def test_a_setting_that_is_missing_or_something_else_is_refused(value: object) -> None:
    with override_settings(USERCORE=value), pytest.raises(ImproperlyConfigured, match="USERCORE"):
        get_accounts()


def is_staff(core: UserCore, user: usercore.User) -> dict[str, object]:
    """Return that users with a role are staff."""
    allowed = core.roles.allows(user.id, "admin.use")
    return {"is_staff": allowed, "is_superuser": allowed}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with the tables of Django: each test has a copy."""
    path = tmp_path_factory.mktemp("django") / "migrated.db"
    with placed("default", NAME=str(path)):
        call_command("migrate", verbosity=0)
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[None]:
    path = shutil.copy(migrated, tmp_path / "shop?.db")
    with placed("default", NAME=str(path)):
        yield


@pytest.fixture
def core(database: None) -> Iterator[UserCore]:  # noqa: ARG001 - Django's own users are there
    """Return a core with Ann, who is staff."""
    policy = Policy(second_factors=SecondFactorPolicy(keys=(FactorKey(id="2026", key=bytes(range(32))),)))
    host = usercore.Host(hasher=FakeHasher(), policy=policy)
    accounts = Accounts(lambda: UserCore.over(memory.open_storage("memory://"), host), user_fields=is_staff)
    with override_settings(USERCORE=accounts):
        core = accounts.core()
        core.roles.create("Staff", permissions=["admin.use"])
        core.roles.create("Editors", permissions=[])
        core.roles.give(core.registration.register(ANN, password=PASSWORD).user.id, "Staff")
        yield core
    accounts.close()


def sign_in(login: str = ANN, password: str = PASSWORD) -> Client:
    """Return a client after the form of the admin was sent."""
    client = Client()
    client.post("/admin/login/", {"username": login, "password": password})
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/django-user").json()["username"])


def ann_in(core: UserCore) -> usercore.User:
    return core.users.get(Email(ANN))


def test_the_admin_of_django_takes_a_user_of_usercore(core: UserCore) -> None:
    client = sign_in()
    assert is_signed_in(client)
    assert client.get("/admin/").status_code == 200
    (row,) = DjangoUser.objects.all()
    assert (row.get_username(), row.has_usable_password()) == (str(ann_in(core).uuid), False)
    assert core.access_tokens.list(Email(ANN)).rows == ()
    client.post("/admin/logout/")
    assert not is_signed_in(client)
    assert is_signed_in(sign_in())
    assert DjangoUser.objects.count() == 1


def test_only_the_right_credentials_are_taken(core: UserCore) -> None:
    assert not is_signed_in(sign_in(password="wrong horse battery staple"))
    assert not is_signed_in(sign_in(login="eve@example.com"))
    assert authenticate(token="of another backend") is None
    assert DjangoUser.objects.count() == 0
    assert [attempt.ip for attempt in core.history.attempts().rows] == ["127.0.0.1"]


def test_too_many_attempts_are_answered_with_a_wait(core: UserCore) -> None:  # noqa: ARG001 - the setting
    client = Client()
    answers = [client.post("/admin/login/", {"username": ANN, "password": "a guess"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_a_user_without_the_role_is_no_staff(core: UserCore) -> None:
    core.registration.register("bob@example.com", password=PASSWORD)
    row = authenticate(username="bob@example.com", password=PASSWORD)
    assert isinstance(row, DjangoUser)
    assert not row.is_staff


def test_a_role_that_is_taken_is_gone_in_the_next_request(core: UserCore) -> None:
    client = sign_in()
    core.roles.give(ann_in(core).id, "Editors")
    core.roles.take(ann_in(core).id, "Staff")
    assert is_signed_in(client)
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "end",
    [
        lambda core, ann: core.users.deactivate(ann.id),
        lambda core, ann: core.privacy.erase(ann.id, "asked"),
        lambda core, ann: core.passwords.set(ann.id, "another horse battery staple"),
        lambda core, ann: core.roles.take(ann.id, "Staff"),
        lambda core, _: core.roles.update("Staff", active=False),
        lambda _, ann: DjangoUser.objects.filter(username=str(ann.uuid)).update(is_active=False),
        lambda _, ann: DjangoUser.objects.filter(username=str(ann.uuid)).update(username="ann"),
        lambda _, ann: DjangoUser.objects.filter(username=str(ann.uuid)).delete(),
    ],
    ids=[
        "deactivated",
        "erased",
        "new password",
        "no role",
        "inactive role",
        "row",
        "renamed",
        "deleted",
    ],
)
def test_a_session_of_django_ends_with_what_it_rests_on(core: UserCore, end: Any) -> None:
    client = sign_in()
    assert is_signed_in(client)
    end(core, ann_in(core))
    assert not is_signed_in(client)


def test_guesses_do_not_end_a_session_of_django(core: UserCore) -> None:
    client = sign_in()
    for _ in range(10):
        sign_in(password="a guess")
    assert "rate_limited" in core.history.explain(Email(ANN))
    assert is_signed_in(client)


def test_a_second_factor_is_not_left_out(core: UserCore) -> None:
    app = pyotp.TOTP(core.second_factors.begin(ann_in(core).id, name="phone").secret.reveal())
    core.second_factors.confirm(ann_in(core).id, app.now())
    (code, *_) = core.second_factors.recovery_codes(ann_in(core).id)
    assert not is_signed_in(sign_in())
    assert authenticate(username=ANN, password=PASSWORD, code="000000") is None
    assert authenticate(username=ANN, password=PASSWORD, code=code.reveal()) is not None


def test_users_of_several_tenants_are_no_users_of_django(accounts: Accounts) -> None:  # noqa: ARG001 - the setting
    with pytest.raises(ImproperlyConfigured, match="hosts"):
        authenticate(username=ANN, password=PASSWORD)


@pytest.fixture
def shared(database: None) -> Iterator[UserCore]:  # noqa: ARG001 - the file
    """Return a core whose store is in the database of Django."""
    accounts = Accounts(lambda: usercore.open(database_url()))
    with override_settings(USERCORE=accounts):
        yield accounts.core()
    accounts.close()


class TestSqlite(DjangoJoiningCases):
    alias = "default"


def test_no_more_is_read_of_a_body_that_is_too_large(accounts: Accounts) -> None:
    request = RequestFactory().post("/login", "x" * 100_000, content_type="application/json", headers={"host": HOST})
    assert routes(request, "login").status_code == 413
    assert len(request.read()) == 100_000 - (accounts.site.max_body_bytes + 1)


def test_the_routes_are_not_in_the_transaction_of_a_request(shared: UserCore) -> None:
    with placed("default", ATOMIC_REQUESTS=True):
        assert post(Client(), "/account/register", NEW).status_code == 201
    assert shared.users.find(Email(ANN)) is not None


def test_deliveries_are_made_after_the_commit(database: None) -> None:  # noqa: ARG001 - the file
    delivered: list[str] = []
    subscribers = [
        Subscriber(name="notes", handle=lambda event: delivered.append(event.entry.kind), kinds=["user.registered"])
    ]
    with usercore.open(database_url(), subscribers=subscribers) as core:
        for fails in (True, False):
            with suppress(ZeroDivisionError), transaction.atomic():
                joined(core).registration.register_external(ANN)
                transaction.on_commit(core.outbox.deliver)
                assert delivered == []
                assert 1 // (not fails)
    assert delivered == ["user.registered"]


def test_a_database_in_memory_has_no_store() -> None:
    with placed("default", NAME=":memory:"), pytest.raises(ImproperlyConfigured):
        database_url()


def test_the_store_in_a_database_is_that_of_the_test_database(database: None, tmp_path: Path) -> None:  # noqa: ARG001
    assert database_url() == f"sqlite:///{tmp_path}/shop%3F.db?shared=1"


class Orders(TestCase):
    """A test case of a project, whose tests are within ``atomic``."""

    __test__ = False  # run below, by unittest

    def test_what_a_test_stores_is_not_there_in_the_next(self) -> None:
        people = joined(get_accounts().core())
        assert people.users.find(Email(ANN)) is None
        people.registration.register_external(ANN)

    test_what_another_stores_is_not_there = test_what_a_test_stores_is_not_there_in_the_next

    def test_on_commit(self) -> None:
        core = get_accounts().core()
        with self.captureOnCommitCallbacks() as callbacks, transaction.atomic():
            joined(core).registration.register_external(ANN)
            transaction.on_commit(core.outbox.deliver)
        assert callbacks == [core.outbox.deliver]


def test_a_test_case_of_django_undoes_what_its_tests_store(shared: UserCore) -> None:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Orders).run(result)
    assert (result.testsRun, result.errors, result.failures) == (3, [], [])
    assert shared.users.find(Email(ANN)) is None


CALLS = """
import json
from django.test import Client
from examples import django_app
client = Client(headers={"host": "shop.example.com"})
print(client.get("/hello").status_code)
print(client.post("/account/register", json.dumps(NEW), content_type="application/json").status_code)
print(client.get("/hello").json())
"""


def test_the_example_greets_its_user(tmp_path: Path) -> None:
    new = {**NEW, "last_name": "Smith"}
    environment = {**os.environ, "USERCORE_STORE": f"sqlite:///{tmp_path}/people.db", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", CALLS.replace("NEW", repr(new))]  # it has settings of its own
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    assert done.stdout.splitlines() == ["401", "201", "{'hello': 'Ann Smith'}"]
    assert len((ROOT / "examples/django_app.py").read_text("utf-8").splitlines()) < 40
