"""Izenda's API, in this process: what is refused, and any input."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import usercore
from examples.izenda_api import ENDPOINTS, application
from examples.izenda_form import FIELDS, OFFSETS, detail_of, minutes_of
from tests.wire.requests_of import ANY_JSON, TEXTS, bodies
from usercore import Invalid, UserCore

NAMES = {"userName": "dwebb", "firstName": "David", "lastName": "Webb", "roles": [{"name": "Designer"}]}
VALUES = {
    **dict.fromkeys([*FIELDS, *OFFSETS, "id", "tenantDisplayId", "fullName"], ANY_JSON),
    "roles": st.lists(st.fixed_dictionaries({}, optional={"id": ANY_JSON, "name": TEXTS}), max_size=3) | ANY_JSON,
}


class Running(NamedTuple):
    """A client, the ids of two tenants, and tokens: of operators, and of the first tenant."""

    client: TestClient
    acme: str
    globex: str
    operators: str
    of_acme: str

    def send(self, method: str, path: str, token: str | None, *, current: str | None = None, **more: Any) -> Any:
        headers = {} if token is None else {"access_token": token}
        headers |= {} if current is None else {"current_tenant": current}
        return self.client.request(method, f"/api/{path}", headers={**headers, **more.pop("headers", {})}, **more)


def issued(core: UserCore) -> str:
    token = core.api_tokens.issue("a program", addresses=["192.0.2.0/24"])
    core.api_tokens.grant(token.token.public_id, ENDPOINTS)
    return token.secret.reveal()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    core = usercore.open("memory://")
    ids = []
    for key in ("acme", "globex"):
        ids.append(str(core.tenant("system").tenants.create(key, key).uuid))
        core.tenant(key).roles.create("Designer")
    with TestClient(application(lambda: core), client=("192.0.2.7", 50000)) as client:
        yield Running(client, ids[0], ids[1], issued(core.tenant("system")), issued(core.tenant("acme")))


@given(
    endpoint=st.sampled_from(["external/user", "user/integration/saveUser"]),
    tenant=st.sampled_from(["acme", "unknown", None]) | ANY_JSON,
    body=bodies(VALUES),
    detail=st.fixed_dictionaries({}, optional=VALUES),
    is_whole=st.booleans(),
)
def test_any_detail_is_answered_in_the_form_of_the_api(
    running: Running, endpoint: str, tenant: Any, body: tuple[str, bytes], detail: dict[str, Any], *, is_whole: bool
) -> None:
    if is_whole:
        whole = {**NAMES, "tenantId": running.acme if tenant == "acme" else tenant, **detail}
        body = ("application/json", json.dumps(whole).encode())
    headers = {"Content-Type": body[0]} if body[0] else {}
    answer = running.send("POST", endpoint, running.operators, headers=headers, content=body[1])
    assert answer.status_code in {200, 400, 413, 415, 429}
    form = answer.json()
    assert list(form) == ["success", "messages", "data"]
    assert (form["messages"] is None) == form["success"] == (form["data"] is not None)
    assert all(list(one) == ["key", "detail", "messages"] for one in form["messages"] or ())


@given(path=st.sampled_from(["role/all/", "tenant/activeTenants", "role/all"]), ref=TEXTS, current=TEXTS | st.none())
def test_any_path_and_header_is_answered(running: Running, path: str, ref: str, current: str | None) -> None:
    target = path + quote(ref, safe="") if path.endswith("/") else path
    sent = None if current is None else quote(current)
    answer = running.send("GET", target, running.operators, current=sent)
    assert answer.status_code in {200, 401, 404}


@given(hours=st.integers(-56, 56).map(lambda quarters: quarters / 4))
def test_an_offset_in_hours_is_one_in_minutes(hours: float) -> None:
    assert minutes_of(hours, "data_offset_minutes") == hours * 60


@given(body=st.dictionaries(st.sampled_from([*VALUES, "tenantId"]), ANY_JSON))
def test_any_detail_is_read_or_refused(body: dict[str, Any]) -> None:
    with suppress(Invalid):
        assert "roles" in detail_of(body)


@pytest.mark.parametrize("path", [*ENDPOINTS, "role/all/7"])
def test_a_program_needs_its_token(running: Running, path: str) -> None:
    method = ENDPOINTS[path.removesuffix("/7")][0]
    for token in (None, "", "XXX", running.of_acme):
        answer = running.send(method, path, token)
        assert (answer.status_code, answer.json()["success"]) == (401, False)
    for current in (running.globex, "unknown", ""):
        assert running.send(method, path, running.of_acme, current=current).status_code == 401


def test_a_program_of_a_tenant_acts_on_that_tenant(running: Running) -> None:
    assert running.send("GET", "tenant/activeTenants", running.of_acme, current=running.acme).status_code == 403
    assert len(running.send("GET", "role/all", running.of_acme, current=running.acme).json()) == 1
    assert len(running.send("GET", f"role/all/{running.acme}", running.of_acme, current=running.acme).json()) == 1
    other = running.send("GET", f"role/all/{running.globex}", running.of_acme, current=running.acme).json()
    assert other["messages"] == [{"key": "TenantId", "detail": None, "messages": ["unknown"]}]
    own = {**NAMES, "userName": "own"}
    assert running.send("POST", "external/user", running.of_acme, current=running.acme, json=own).json()["success"]
    foreign = {**own, "userName": "foreign", "tenantId": running.globex}
    refused = running.send("POST", "external/user", running.of_acme, current=running.acme, json=foreign).json()
    assert [one["key"] for one in refused["messages"]] == ["TenantId"]
    admin = {**own, "userName": "admin", "systemAdmin": True, "roles": []}
    refused = running.send("POST", "external/user", running.of_acme, current=running.acme, json=admin).json()
    assert "SystemAdmin" in [one["key"] for one in refused["messages"]]


def test_a_detail_without_a_tenant_is_of_the_selected_one(running: Running) -> None:
    headers = {"selected_tenant": running.globex}
    saved = running.send("POST", "external/user", running.operators, json=NAMES, headers=headers).json()
    assert saved["data"]["tenantId"] == running.globex


@pytest.mark.parametrize(
    ("detail", "key"),
    [
        ({"id": "7"}, "Id"),
        ({"id": "98bfcd0c-76eb-46e3-acca-500a6bc18caf"}, "Id"),
        ({"tenantId": "98bfcd0c-76eb-46e3-acca-500a6bc18caf"}, "TenantId"),
        ({"tenantId": 7}, "TenantId"),
        ({"roles": "Designer"}, "Roles"),
        ({"roles": [{"id": "Designer"}]}, "Roles.1"),
        ({"roles": [{"name": "Designer"}, {}]}, "Roles.2"),
        ({"roles": [{"id": "98bfcd0c-76eb-46e3-acca-500a6bc18caf"}]}, "Roles.1"),
        ({"roles": [{"name": "unknown"}]}, "Roles"),
        ({"dataOffset": "1"}, "DataOffset"),
        ({"timestampOffset": 0.001}, "TimestampOffset"),
        ({"dataOffset": 15}, "DataOffset"),
        ({"dataOffset": 1e308}, "DataOffset"),
        ({"timestampOffset": -1e308}, "TimestampOffset"),
        ({"timestampOffset": 10**400}, "TimestampOffset"),
        ({"dateFormat": "D"}, "DateFormat"),
        ({"emailAddress": "x"}, "EmailAddress"),
        ({"userName": 7}, "UserName"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_by_field(running: Running, detail: dict[str, Any], key: str) -> None:
    body = {**NAMES, "userName": "wrong", "tenantId": running.acme, **detail}
    answer = running.send("POST", "external/user", running.operators, json=body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert [one["key"] for one in answer.json()["messages"]] == [key]


def test_other_requests_that_cannot_be_meant(running: Running) -> None:
    malformed: dict[str, Any] = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    form: dict[str, Any] = {"data": {"a": "1"}}
    for status, body in ((415, form), (400, malformed)):
        answer = running.send("POST", "external/user", running.operators, **body)
        assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert running.send("POST", "external/user", running.operators, json="x" * 70_000).status_code == 413
    assert running.send("GET", "external/unknown", running.operators).status_code == 404
    assert running.send("GET", "external/user", running.operators).headers["allow"] == "POST"
