"""The API of REMP CRM, in this process: what is refused, and any input."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import usercore
from examples.demo.setting import FooAuthenticator
from examples.remp_api import OF_PROGRAMS, OPEN, application
from tests.wire.requests_of import ANY_JSON, TEXTS, bodies
from usercore import UserCore

PASSWORD = "a sunny day in Bratislava"
EMAILS = st.sampled_from(["ann@example.com", "new@example.com", "a@b@c", "ann@localhost"])
FIELDS = {
    "email": EMAILS | ANY_JSON,
    "password": st.just(PASSWORD) | TEXTS,
    "user_id": st.just(9) | ANY_JSON,
    "group_id": st.sampled_from(["7", "99"]) | TEXTS,
    "type": st.just("print") | TEXTS,
    **dict.fromkeys(("key", "value", "is_public", "user_ids", "page", "device_id", "country_id", "zip"), ANY_JSON),
    **dict.fromkeys(("source", "ext_id", "note", "referer", "send_email", "autologin_token", "device_token"), TEXTS),
}


class Client:
    """A client with the secrets that it needs."""

    def __init__(self, client: TestClient, api_token: str) -> None:
        self.http = client
        self.bearer = {"Authorization": f"Bearer {api_token}"}

    def post(self, endpoint: str, data: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Any:
        return self.http.post(f"/api/v1/{endpoint}", data=data, headers=self.bearer if headers is None else headers)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    secrets: list[str] = []

    def open_core() -> UserCore:
        core = usercore.open("memory://", authenticators=[FooAuthenticator()])
        core.registration.register("ann@example.com", password=PASSWORD)
        core.addresses.declare_type("print")
        core.groups.create("Subscribers")
        issued = core.api_tokens.issue("cms", addresses=["192.0.2.0/24"])
        core.api_tokens.grant(issued.token.public_id, OF_PROGRAMS)
        secrets.append(issued.secret.reveal())
        return core

    with TestClient(application(open_core), client=("192.0.2.7", 50000)) as http:
        yield Client(http, secrets[0])


@given(endpoint=st.sampled_from([*OPEN, *OF_PROGRAMS]), method=st.sampled_from(["GET", "POST"]), body=bodies(FIELDS))
def test_any_body_is_answered_in_the_form_of_the_api(
    client: Client, endpoint: str, method: str, body: tuple[str, bytes]
) -> None:
    headers = {**client.bearer, **({"Content-Type": body[0]} if body[0] else {})}
    answer = client.http.request(method, f"/api/v1/{endpoint}", headers=headers, content=body[1])
    assert answer.status_code in {200, 204, 400, 403, 404, 413, 415, 429}
    if answer.status_code >= 400:
        assert answer.json()["status"] == "error"
        assert {"error", "code", "message"} & answer.json().keys()
    elif answer.status_code == 200:
        assert answer.headers["content-type"] == "application/json"
        answer.json()


@pytest.mark.parametrize("endpoint", OF_PROGRAMS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer XXX"}, {"Authorization": "Basic XXX"}, {"Authorization": "Bearer "}],
    ids=["none", "unknown", "another scheme", "empty"],
)
def test_a_program_needs_its_token(client: Client, endpoint: str, headers: dict[str, str]) -> None:
    answer = client.post(endpoint, {"email": "ann@example.com"}, headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "no_authorization")


def test_a_token_opens_only_what_it_was_granted() -> None:
    secrets: list[str] = []

    def open_core() -> UserCore:
        core = usercore.open("memory://")
        issued = core.api_tokens.issue("cms", addresses=["192.0.2.0/24"])
        core.api_tokens.grant(issued.token.public_id, ["users/list"])
        secrets.append(issued.secret.reveal())
        return core

    for peer, endpoint, status in (
        ("192.0.2.7", "users/list", 200),
        ("192.0.2.7", "users/list/", 200),
        ("192.0.2.7", "users/confirm", 403),
        ("198.51.100.1", "users/list", 403),
    ):
        with TestClient(application(open_core), client=(peer, 50000)) as http:
            headers = {"Authorization": f"Bearer {secrets[-1]}"}
            assert (
                http.post(f"/api/v1/{endpoint}", data={"user_ids": "[]", "page": "1"}, headers=headers).status_code
                == status
            )


def test_a_list_of_no_ids_is_an_empty_object(client: Client) -> None:
    answer = client.post("users/list", {"user_ids": "[]", "page": "1"}).json()
    assert answer == {"status": "ok", "page": 1, "totalPages": 0, "totalCount": 0, "users": {}}


@pytest.mark.parametrize("ids", ["x", "9", "{}", "[true]", '["9"]', "[1.0]", "[" * 9000, "[9,null]"])
def test_ids_that_are_no_list_of_numbers_are_refused(client: Client, ids: str) -> None:
    answer = client.post("users/list", {"user_ids": ids, "page": "1"})
    assert (answer.status_code, answer.json()["errors"]) == (400, {"user_ids": ["malformed"]})


def test_what_the_authenticators_of_the_host_add_is_shown(client: Client) -> None:
    made = client.post("users/create", {"email": "badge@example.com", "first_name": "Bea"}).json()
    shown = client.http.get("/api/v1/user/info", headers={"Authorization": f"Bearer {made['access']['token']}"}).json()
    assert shown["foo"] == {"external_id": "baz", "custom_flag": True}
    assert (shown["status"], shown["user"]["first_name"]) == ("ok", "Bea")


def test_missing_fields_are_named(client: Client) -> None:
    answer = client.post("users/add-to-group", {"email": ""})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"email": ["missing"], "group_id": ["missing"]}
    answer = client.http.post("/api/v1/user-meta/upsert", json={"user_id": "9", "more": 1}, headers=client.bearer)
    assert answer.json()["errors"] == {
        "more": ["unknown"],
        "key": ["missing"],
        "value": ["missing"],
        "user_id": ["wrong_type"],
    }


def test_an_email_that_is_none_is_refused_as_the_api_does(client: Client) -> None:
    answer = client.post("users/create", {"email": "ann@localhost"})
    assert (answer.status_code, answer.json()["code"]) == (404, "invalid_email")
    assert client.post("users/email", {"email": "ann@localhost"}).status_code == 400


def test_other_requests_that_cannot_be_meant(client: Client) -> None:
    assert client.post("users/unknown", {}).status_code == 404
    wrong = client.http.delete("/api/v1/users/list", headers=client.bearer)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    big = client.http.post("/api/v1/users/email", data={"email": "x" * 70_000})
    assert (big.status_code, big.json()["status"]) == (413, "error")
    foreign = client.http.post(
        "/api/v1/users/email", data={"email": "a@b.sk"}, headers={"Origin": "https://evil.example"}
    )
    assert (foreign.status_code, foreign.json()["error"]) == (403, "origin_not_allowed")


def test_a_wrong_password_and_an_unknown_email_are_answered_alike(client: Client) -> None:
    answers = [
        client.post("users/login", {"email": email, "password": "wrong"}, {})
        for email in ("ann@example.com", "x@example.com")
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content
