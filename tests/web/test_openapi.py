"""Descriptions of routes by OpenAPI."""

from contextlib import closing
from typing import Any

import jsonschema_rs
import pytest

import usercore
from tests.web.test_routes import LINKS
from usercore import MailPolicy, Policy, UserCore
from usercore.testing import MemoryMailer
from usercore_web import Call, Response, Route
from usercore_web.openapi import describe
from usercore_web.routes import ROUTES


def opened(*, mailer: MemoryMailer | None = None) -> UserCore:
    return usercore.open("memory://", mailer=mailer, policy=Policy(mail=MailPolicy(links=LINKS)))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with closing(opened(mailer=MemoryMailer())) as core:
        return describe(core, ROUTES, prefix="/account")


def body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def test_each_route_is_described_once(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert described == {(route.method, f"/account{route.path}") for route in ROUTES}
    operations = [one for operations in document["paths"].values() for one in operations.values()]
    assert len({one["operationId"] for one in operations}) == len(ROUTES)
    assert all(one["summary"].endswith(".") for one in operations)


def test_bodies_have_the_fields_of_their_use_cases(document: dict[str, Any]) -> None:
    schema = body_schema(document["paths"]["/account/login"]["post"])
    is_valid = jsonschema_rs.validator_for(schema).is_valid
    assert is_valid({"login": "ann", "password": "secret"})
    assert not is_valid({"login": "ann"})
    assert not is_valid({"login": "ann", "password": "secret", "note": "more"})
    assert body_schema(document["paths"]["/account/email/request-change"]["post"])["required"] == ["email"]
    assert "requestBody" not in document["paths"]["/account/logout"]["post"]


def test_parameters_are_those_of_the_path_and_the_query(document: dict[str, Any]) -> None:
    (public_id,) = document["paths"]["/account/sessions/{public_id}"]["delete"]["parameters"]
    assert (public_id["name"], public_id["in"], public_id["required"]) == ("public_id", "path", True)
    found = {one["name"]: one["required"] for one in document["paths"]["/account/sessions"]["get"]["parameters"]}
    assert found == {"cursor": False, "limit": False}
    (secret,) = document["paths"]["/account/password/reset"]["get"]["parameters"]
    assert (secret["name"], secret["in"], secret["required"]) == ("secret", "query", True)


def test_routes_that_mail_are_described_if_there_is_a_mailer(document: dict[str, Any]) -> None:
    with closing(opened()) as core:
        without = describe(core, ROUTES, prefix="/account")["paths"]
    assert document["paths"].keys() - without.keys() == {
        "/account/register/request",
        "/account/password/request-reset",
        "/account/email/send-confirmation",
        "/account/email/request-change",
    }


def test_a_route_whose_field_is_no_parameter_is_refused() -> None:
    def answer(call: Call) -> Response:
        return call.answer({})

    with closing(opened()) as core, pytest.raises(TypeError, match="no parameter 'nickname'"):
        describe(core, [Route("POST", "/me", "users.update", answer, fields=("nickname",))])
