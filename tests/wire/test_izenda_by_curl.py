"""The steps of Izenda's document, sent by curl, with the sample's values.

The document shows no command; method, path and headers are those that it names. The role has an id of our own.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

import usercore
from examples.demo.izenda import SAMPLE, TENANT, masked
from examples.izenda_api import ENDPOINTS
from tests.wire.server import Answer, Server, serving

pytestmark = pytest.mark.needs_curl

EMPTY: Mapping[str, object] = {
    "id": None,
    "systemAdmin": False,
    "userName": "",
    "tenantId": None,
    "emailAddress": None,
    "roles": [],
    "lastName": "",
    "firstName": "",
    "fullName": None,
    "dataOffset": 0,
    "timestampOffset": 0,
    "cultureName": "",
    "dateFormat": "",
}
"""The empty detail of the document."""


class Izenda(NamedTuple):
    """A running application with the access token of a program."""

    server: Server
    store: str
    token: str

    def get(self, path: str) -> Answer:
        return self.server.curl(f"/api/{path}", "-H", f"access_token: {self.token}")

    def post(self, path: str, detail: object) -> Answer:
        headers = ("-H", f"access_token: {self.token}", "-H", "Content-Type: application/json")
        return self.server.curl(f"/api/{path}", *headers, "--data", json.dumps(detail))

    def populated(self) -> dict[str, Any]:
        """Return the populated detail, made of what the lists say."""
        (tenant,) = (one for one in self.get("tenant/activeTenants").json if one["name"] == "Acme")
        (role,) = (one for one in self.get(f"role/all/{tenant['id']}").json if one["name"] == "Designer")
        names = {"userName": "dwebb", "lastName": "Webb", "firstName": "David"}
        formats = {"cultureName": "en-US", "dateFormat": "MM/DD/YYYY"}
        return {**EMPTY, **names, **formats, "tenantId": tenant["id"], "roles": [{"id": role["id"]}]}


@pytest.fixture(scope="module")
def izenda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Izenda]:
    store = f"sqlite:///{tmp_path_factory.mktemp('izenda')}/people.db"
    with usercore.open(store) as core:
        operators = core.tenant("system")
        operators.tenants.create("acme", "Acme", uuid=TENANT)
        operators.tenants.create("globex", "Globex")
        operators.tenants.deactivate("globex")
        core.tenant("acme").roles.create("Designer")
        issued = operators.api_tokens.issue("John Doe")
        operators.api_tokens.grant(issued.token.public_id, ENDPOINTS)
    with serving("examples.izenda_api:app", USERCORE_STORE=store) as server:
        yield Izenda(server, store, issued.secret.reveal())


def test_the_lists_that_are_read_first(izenda: Izenda) -> None:
    tenants = izenda.get("tenant/activeTenants")
    assert (tenants.status, tenants.media_type) == (200, "application/json")
    assert [(one["name"], one["active"]) for one in tenants.json] == [("Acme", True), ("main", True)]
    assert tenants.json[0]["id"] == str(TENANT)
    (role,) = izenda.get(f"role/all/{TENANT}").json
    assert (role["name"], role["tenantId"], role["tenantUniqueName"]) == ("Designer", str(TENANT), "acme")


def test_the_empty_detail_is_refused_by_field(izenda: Izenda) -> None:
    answer = izenda.post("external/user", EMPTY)
    assert (answer.status, answer.json["success"], answer.json["data"]) == (200, False, None)
    wrong = {one["key"]: one["messages"] for one in answer.json["messages"]}
    missing = {name: ["missing"] for name in ("UserName", "FirstName", "LastName")}
    assert wrong == {**missing, "SystemAdmin": ["another_tenant"]}


def test_the_populated_detail_is_answered_as_in_the_sample(izenda: Izenda) -> None:
    answer = izenda.post("external/user", izenda.populated())
    assert (answer.status, masked(answer.json)) == (200, masked(json.loads(SAMPLE.read_text("utf-8"))))
    data = answer.json["data"]
    assert list(data) == list(json.loads(SAMPLE.read_text("utf-8"))["data"])
    assert data["userRoles"][0]["userId"] == data["id"]
    with usercore.open(izenda.store) as core:
        user = core.tenant(TENANT).users.get(usercore.Username("dwebb"))
        assert (str(user.uuid), user.created_by.partition(":")[0]) == (data["id"], "api_token")

    again = izenda.post("external/user", izenda.populated())
    assert [(one["key"], one["messages"]) for one in again.json["messages"]] == [("UserName", ["users.taken"])]

    changed = izenda.post("external/user", {**data, "lastName": "Webb-Jones", "dataOffset": -3.25})
    assert changed.json["success"]
    assert (changed.json["data"]["fullName"], changed.json["data"]["version"]) == ("David Webb-Jones", 2)
    assert (changed.json["data"]["dataOffset"], changed.json["data"]["id"]) == (-3.25, data["id"])


def test_save_user_finds_the_user_by_name(izenda: Izenda) -> None:
    names = {"userName": "jdoe", "firstName": "John", "lastName": "Doe", "tenantDisplayId": "acme"}
    detail = {**names, "roles": [{"name": "Designer"}, {"name": "unknown"}]}
    first = izenda.post("user/integration/saveUser", detail).json
    second = izenda.post("user/integration/saveUser", {**detail, "firstName": "Jon"}).json
    assert (first["success"], second["success"]) == (True, True)
    assert (first["data"]["id"], first["data"]["tenantId"]) == (second["data"]["id"], str(TENANT))
    assert (second["data"]["fullName"], len(second["data"]["userRoles"])) == ("Jon Doe", 1)


def test_a_system_admin_has_no_tenant(izenda: Izenda) -> None:
    admin = {**EMPTY, "userName": "root", "firstName": "Ada", "lastName": "Root", "systemAdmin": True}
    data = izenda.post("external/user", admin).json["data"]
    assert (data["systemAdmin"], data["tenantId"], data["roles"]) == (True, None, [])
