"""Each example of the document of REMP CRM's users module, sent by curl with its method, path, headers and fields.

Tokens and the id of the group are our own; the ids of users are those of the document. What is sent otherwise is marked
with "misprint".
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

import usercore
from tests.wire.server import Answer, Server, serving
from usercore import ChangeRequestState, Email, UserCore
from usercore.kernel.time import system_clock

pytestmark = pytest.mark.needs_curl

PASSWORD = "a sunny day in Bratislava"
ENDPOINTS = [
    *(f"users/{name}" for name in ("create", "add-to-group", "remove-from-group", "addresses", "address")),
    *(f"users/{name}" for name in ("change-address-request", "list", "confirm")),
    *(f"user-meta/{name}" for name in ("upsert", "list", "key-users", "delete")),
]
FORM = ("-H", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8", "-H", "Accept: application/json")
SAMPLE = "first_name=AdrName&last_name=AdrLastName&address=11th%20str.&number=112&zip=81105&city=Bratislava"


class Remp(NamedTuple):
    """A running application, and what the requests need."""

    server: Server
    store: str
    api_token: str
    autologin_token: str
    group_id: int

    def program(self, path: str, *arguments: str, json: bool = False) -> Answer:
        """Send what a program sends: with its API token, and without a cache."""
        media_type = "application/json" if json else "application/x-www-form-urlencoded"
        headers = ("-H", f"Authorization: Bearer {self.api_token}", "-H", "Cache-Control: no-cache")
        return self.server.curl(f"/api/v1/{path}", *headers, "-H", f"Content-Type: {media_type}", *arguments)

    def login(self) -> str:
        """Return the access token of the administrator."""
        answer = self.server.curl(
            "/api/v1/users/login/", *FORM, "--data", f"email=admin%40admin.sk&password={PASSWORD}"
        )
        return str(answer.json["access"]["token"])


@pytest.fixture(scope="module")
def remp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remp]:
    store = f"sqlite:///{tmp_path_factory.mktemp('remp')}/people.db"
    with usercore.open(store) as core:
        prepared = prepare(core)
    with serving("examples.remp_api:app", USERCORE_STORE=store) as server:
        yield Remp(server, store, *prepared)


def prepare(core: UserCore) -> tuple[str, str, int]:
    """Store what the examples presuppose."""
    core.registration.import_users(
        [
            {"id": 9, "email": "admin@admin.sk", "first_name": "Test", "last_name": "Admin"},
            {"id": 10, "email": "user@user.sk", "first_name": "Test", "last_name": "User", "language": "sk"},
            {"id": 12345, "email": "meta@user.sk"},
        ]
    )
    core.passwords.set(9, PASSWORD)
    core.roles.create("redaktor")
    core.roles.give(9, "redaktor")
    for kind in ("invoice", "print"):
        core.addresses.declare_type(kind)
    issued = core.api_tokens.issue("cms", addresses=["127.0.0.0/8"])
    core.api_tokens.grant(issued.token.public_id, ENDPOINTS)
    autologin = core.autologin_tokens.issue(10, valid_to=system_clock() + timedelta(days=1))
    return issued.secret.reveal(), autologin.reveal(), core.groups.create("Subscribers").id


def test_user_info(remp: Remp) -> None:
    answer = remp.server.curl(
        "/api/v1/user/info",
        "-X",
        "GET",
        "-H",
        "Content-Type:application/json",
        "-H",
        f"Authorization: Bearer {remp.login()}",
    )
    assert (answer.status, answer.media_type) == (200, "application/json")
    user = {"id": 9, "email": "admin@admin.sk", "first_name": "Test", "last_name": "Admin"}
    assert answer.json == {"status": "ok", "user": user}


def test_users_login(remp: Remp) -> None:
    answer = remp.server.curl("/api/v1/users/login/", *FORM, "--data", f"email=admin%40admin.sk&password={PASSWORD}")
    token = answer.json["access"]["token"]
    user = {"id": 9, "email": "admin@admin.sk", "first_name": "Test", "last_name": "Admin", "roles": ["redaktor"]}
    assert (answer.status, answer.json) == (200, {"status": "ok", "user": user, "access": {"token": token}})
    refused = remp.server.curl("/api/v1/users/login/", *FORM, "--data", "email=admin%40admin.sk&password=password")
    assert (refused.status, refused.json["status"], refused.json["error"]) == (400, "error", "auth_failed")


def test_users_email(remp: Remp) -> None:
    def check(data: str) -> Any:
        answer = remp.server.curl("/api/v1/users/email", *FORM, "--data", data)
        assert answer.status == 200
        return answer.json

    taken = {"email": "admin@admin.sk", "status": "taken", "id": 9, "password": None}
    assert check("email=admin%40admin.sk") == taken
    assert check(f"email=admin%40admin.sk&password={PASSWORD}") == {**taken, "password": True}
    assert check("email=admin%40admin.sk&password=password") == {**taken, "password": False}
    free = {"email": "free@user.sk", "status": "available", "id": None, "password": None}
    assert check("email=free%40user.sk") == free


def test_users_create(remp: Remp) -> None:
    data = ("--data", "email=new%40user.sk")
    answer = remp.server.curl("/api/v1/users/create", *FORM, *data)
    assert (answer.status, answer.json["error"]) == (403, "no_authorization")  # misprint: the header is missing
    answer = remp.program("users/create", "-X", "GET", *data)
    user = answer.json["user"]
    nothing: dict[str, object] = {"first_name": None, "last_name": None, "roles": []}
    assert (answer.status, user) == (200, {"id": user["id"], "email": "new@user.sk", **nothing})
    shown = remp.server.curl("/api/v1/user/info", "-H", f"Authorization: Bearer {answer.json['access']['token']}")
    assert shown.json["user"]["id"] == user["id"]
    with usercore.open(remp.store) as core:
        stored = core.users.get(user["id"])
        assert (stored.source, stored.created_by.partition(":")[0]) == ("api", "api_token")
    again = remp.program("users/create", *data)
    assert (again.status, again.json["code"]) == (429, "limit_reached")
    taken = remp.program("users/create", "-d", "email=admin%40admin.sk")
    assert (taken.status, taken.json["code"]) == (404, "email_taken")


@pytest.mark.parametrize("action", ["add-to-group", "remove-from-group"])
def test_users_in_groups(remp: Remp, action: str) -> None:
    data = f"email=user%40user.sk&group_id={remp.group_id}"
    for _ in range(2):
        answer = remp.program(f"users/{action}", "-X", "POST", "-d", data)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    with usercore.open(remp.store) as core:
        assert len(core.groups.of_user(10)) == (action == "add-to-group")
    assert remp.program(f"users/{action}", "-X", "POST", "-d", "email=user%40user.sk&group_id=1").status == 404
    assert (
        remp.program(f"users/{action}", "-X", "POST", "-d", f"email=x%40user.sk&group_id={remp.group_id}").status == 404
    )


def test_users_addresses(remp: Remp) -> None:
    added = remp.program(
        "users/addresses", "-X", "POST", "-d", f"email=user%40user.sk&type=invoice&{SAMPLE}"
    )  # misprint
    assert (added.status, added.json) == (200, {"status": "ok", "address": {"id": added.json["address"]["id"]}})
    with usercore.open(remp.store) as core:
        (stored,) = core.addresses.list(10, "invoice")
        assert stored.id == added.json["address"]["id"]
    listed = remp.program(
        "users/addresses", "-X", "GET", "-d", "email=user%40user.sk"
    )  # misprint: the email was the path
    values = {"first_name": "AdrName", "last_name": "AdrLastName", "address": "11th str.", "number": "112"}
    empty = dict.fromkeys(("company_name", "phone_number", "company_id", "tax_id", "vat_id", "country"), "")
    assert (listed.status, listed.json["status"]) == (200, "ok")
    assert [address for address in listed.json["addresses"] if address["type"] == "invoice"] == [
        {
            "user_id": 10,
            "type": "invoice",
            "created_at": stored.created_at.isoformat(timespec="seconds"),
            "email": "user@user.sk",
            **values,
            "zip": "81105",
            "city": "Bratislava",
            **empty,
        }
    ]
    assert remp.program("users/addresses?email=user%40user.sk&type=invoice", "-X", "GET").json == listed.json


def test_users_change_address_request(remp: Remp) -> None:
    def request(data: str) -> Answer:
        return remp.program("users/change-address-request", "-X", "POST", "-d", data)

    sample = f"email=user%40user.sk&type=print&{SAMPLE}"
    answer = request(sample)
    assert (answer.status, answer.json) == (400, {"status": "error", "message": "Parent address not found"})
    added = remp.program("users/address", "-X", "POST", "-d", "email=user%40user.sk&type=print&address=10th%20street")
    answer = request(f"{sample}&country_id=SK&company_tax_id=2020")
    assert (answer.status, answer.json) == (200, {"status": "ok", "address": added.json["address"]})
    with usercore.open(remp.store) as core:
        (requested,) = core.addresses.requests(10, state=ChangeRequestState.NEW)
        assert (requested.new.street, requested.new.country, requested.new.tax_id) == ("11th str.", "SK", "2020")
        assert requested.requested_by.startswith("api_token:")
        core.addresses.accept(10, requested.id)
    listed = remp.program("users/addresses", "-X", "GET", "-d", "email=user%40user.sk&type=print").json["addresses"]
    assert [address["country"] for address in listed] == ["Slovensko"]
    assert request(f"{sample}&country_id=SK").json["code"] == "nothing_changed"


def test_users_list(remp: Remp) -> None:
    answer = remp.program("users/list", "-X", "POST", "-d", "user_ids=%5B9%2C10%5D&page=1")
    users = {"9": {"id": 9, "email": "admin@admin.sk"}, "10": {"id": 10, "email": "user@user.sk"}}
    assert answer.status == 200
    assert answer.json == {"status": "ok", "page": 1, "totalPages": 1, "totalCount": 2, "users": users}


def test_users_confirm(remp: Remp) -> None:
    answer = remp.program("users/confirm", "-X", "POST", "-d", "email=admin%40admin.sk")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    with usercore.open(remp.store) as core:
        assert core.users.get(Email("admin@admin.sk")).confirmed_at is not None
    unknown = remp.program("users/confirm", "-X", "POST", "-d", "email=x%40user.sk")
    assert (unknown.status, unknown.json["code"]) == (404, "user_not_found")


def test_user_meta(remp: Remp) -> None:
    def send(endpoint: str, body: str) -> Answer:
        return remp.program(f"user-meta/{endpoint}", "-X", "POST", "-d", body, json=True)

    stored = send("upsert", '{"user_id": 12345, "key": "foo", "value": "bar", "is_public": false}')
    assert (stored.status, stored.json) == (200, {"key": "foo", "value": "bar", "is_public": False})
    send("upsert", '{"user_id": 12345, "key": "fooz", "value": "1", "is_public": true}')
    send("upsert", '{"user_id": 9, "key": "foo", "value": "friend"}')
    rows = [{"key": "foo", "value": "bar", "is_public": False}, {"key": "fooz", "value": "1", "is_public": True}]
    assert send("list", '{"user_id": 12345}').json == rows
    assert send("list", '{"user_id": 12345, "key": "fooz"}').json == rows[1:]
    users = [{"user_id": 9, "value": "friend"}, {"user_id": 12345, "value": "bar"}]
    assert send("key-users", '{"key": "foo"}').json == users
    assert send("key-users", '{"key": "foo", "value": "bar"}').json == users[1:]
    deleted = send("delete", '{"user_id": 12345, "key": "foo"}')
    assert (deleted.status, deleted.text) == (204, "")
    assert send("list", '{"user_id": 12345}').json == rows[1:]


def test_users_autologin_token_login(remp: Remp) -> None:
    def sign_in(token: str) -> Answer:
        return remp.server.curl(
            f"/api/v1/users/autologin-token-login?autologin_token={token}", "--location", "--request", "GET"
        )

    answer = sign_in(remp.autologin_token)
    names = {"public_name": "user@user.sk", "first_name": "Test", "last_name": "User"}
    assert (answer.status, answer.json["user"]) == (200, {"id": 10, "email": "user@user.sk", **names})
    assert answer.json["access"]["token"]
    for token in (remp.autologin_token, "f8fb5c8d41e454852c0049cfe1031ac1"):
        refused = sign_in(token)
        assert (refused.status, refused.json) == (403, {"status": "error", "message": "Invalid token"})


def test_users_get_device_token(remp: Remp) -> None:
    answer = remp.server.curl(
        "/api/v1/users/get-device-token", "--location", "--request", "POST", "--form", "device_id=cosijak2"
    )
    assert (answer.status, list(answer.json)) == (200, ["device_token"])
    device = f"device_token={answer.json['device_token']}"
    signed_in = remp.server.curl(
        "/api/v1/users/login/", *FORM, "--data", f"email=admin%40admin.sk&password={PASSWORD}&{device}"
    )
    assert signed_in.status == 200
    with usercore.open(remp.store) as core:
        assert [user.id for user in core.device_tokens.users(answer.json["device_token"])] == [9]
    wrong = remp.program("users/create", "-d", "email=device%40user.sk&device_token=none")
    assert (wrong.status, wrong.json["code"]) == (400, "device_token_doesnt_exist")
