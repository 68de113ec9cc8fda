"""plenigo's API, in this process: tokens that are refused, and any input."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import usercore
from examples.plenigo_api import (
    LONGEST,
    OPERATIONS,
    REGISTRATION,
    SLOTS,
    Claims,
    UsedTokens,
    application,
    read_token,
)
from tests.wire.requests_of import ANY_JSON, TEXTS, bodies
from tests.wire.signing import COMPANY, SECRET, claims_of, signed
from usercore import TokenInvalid, UserCore

FIELDS = {
    **dict.fromkeys([*REGISTRATION, *SLOTS, "externalUserId", "customerId"], ANY_JSON),
    "email": st.just("ann@example.com") | ANY_JSON,
    "customerId": st.sampled_from(["7", "A1", "A/1"]) | ANY_JSON,
    "useExternalCustomerId": st.booleans() | st.just("'false'") | ANY_JSON,
}
REGISTER = "/api/v2/externalUser/register"
NEW = {"email": "new@example.com", "language": "en"}


class Prepared:
    """Opens cores with a company, and has the companies of the last one."""

    def __init__(self, *resources: str, address: str = "192.0.2.0/24") -> None:
        self.companies: dict[str, Any] = {}
        self._resources, self._address = resources, address

    def __call__(self) -> UserCore:
        core = usercore.open("memory://")
        core.tenant("system").tenants.create(COMPANY, "The company")
        company = core.tenant(COMPANY)
        issued = company.api_tokens.issue("SDK", addresses=[self._address])
        company.api_tokens.grant(issued.token.public_id, self._resources)
        company.registration.register_external("ann@example.com", external_id="A1")
        company.registration.import_users([{"email": "bob@example.com"}])
        self.companies[COMPANY] = {"secret": SECRET, "api_token": issued.secret.reveal()}
        self.companies["unknown"] = self.companies[COMPANY]
        return core


def client_of(prepared: Prepared) -> TestClient:
    return TestClient(application(prepared, prepared.companies), client=("192.0.2.7", 50000))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with client_of(Prepared(*OPERATIONS)) as client:
        yield client


def send(client: TestClient, token: str | None, method: str = "POST", path: str = REGISTER, **more: Any) -> Any:
    headers = {} if token is None else {"plenigoToken": token}
    return client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)


@given(
    operation=st.sampled_from(list(OPERATIONS)),
    ref=st.sampled_from(["A1", "7", "0"]) | TEXTS.filter(lambda text: "\n" not in text),
    query=st.dictionaries(st.sampled_from(["useExternalCustomerId", "amount", "customerId", "productId"]), TEXTS),
    body=bodies(FIELDS),
)
def test_any_input_is_answered_in_the_form_of_the_api(
    client: TestClient, operation: str, ref: str, query: dict[str, str], body: tuple[str, bytes]
) -> None:
    # A path with a line end never comes here: Starlette, which mounts the application, answers that it knows none.
    method, path, *_ = OPERATIONS[operation]
    url = "/api" + path.replace("{id}", quote(ref, safe=""))
    headers = {"Content-Type": body[0]} if body[0] else {}
    answer = send(client, signed(claims_of()), method, url, params=query, headers=headers, content=body[1])
    assert answer.status_code in {200, 400, 403, 404, 405, 409, 413, 415, 429}
    assert isinstance(answer.json(), dict)
    assert answer.status_code < 400 or {"error", "accessGranted"} & answer.json().keys()


@given(claims=st.dictionaries(st.sampled_from(["jti", "aud", "exp", "companyId"]), ANY_JSON) | ANY_JSON)
def test_any_claims_are_read_or_refused(claims: Any) -> None:
    companies: Any = {COMPANY: {"secret": SECRET, "api_token": ""}}
    with pytest.raises(TokenInvalid):
        read_token(signed(claims), companies, datetime.now(UTC))


@given(text=st.text() | st.text("abc.=-_", max_size=20))
def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read_token(text, {}, datetime.now(UTC))


def changed(**claims: object) -> Callable[[], str]:
    return lambda: signed({**claims_of(), **claims})


def test_an_sdk_is_known_by_its_token_once(client: TestClient) -> None:
    token = signed(claims_of())
    assert send(client, token, json=NEW).status_code == 200
    again = send(client, token, json=NEW)
    assert (again.status_code, again.json()) == (401, {"error": "tokens.invalid"})


@pytest.mark.parametrize(
    "token",
    [
        lambda: signed(claims_of(), SECRET + "x"),
        lambda: signed(claims_of(), algorithm="HS512"),
        lambda: signed(claims_of(), "", algorithm="none"),
        lambda: jwt.encode(claims_of(), SECRET * 2, algorithm="HS512"),
        lambda: jwt.encode(claims_of(), SECRET * 2, algorithm="HS384"),
        lambda: jwt.encode(claims_of(), "", algorithm="none"),
        lambda: signed(claims_of(valid_for=timedelta(seconds=-1))),
        lambda: signed(claims_of(valid_for=LONGEST + timedelta(minutes=1))),
        lambda: signed(claims_of("nowhere")),
        lambda: signed(claims_of("unknown")),
        lambda: signed(claims_of(COMPANY.lower())),
        changed(aud="another"),
        changed(aud=None),
        changed(jti=7),
        changed(jti=None),
        changed(exp="soon"),
        changed(exp=1e300),
        lambda: "x",
    ],
    ids=itertools.count(1),
)
def test_a_token_that_is_not_right_is_refused(client: TestClient, token: Callable[[], str]) -> None:
    answer = send(client, token(), json=NEW)
    assert (answer.status_code, answer.json()) == (401, {"error": "tokens.invalid"})


def test_a_call_without_a_token_is_refused(client: TestClient) -> None:
    assert send(client, None, json=NEW).json() == {"error": "tokens.missing"}


@pytest.mark.parametrize(
    ("prepared", "error"),
    [
        (Prepared("register", address="198.51.100.1"), "tokens.address_not_allowed"),
        (Prepared("changeEmail"), "tokens.resource_not_granted"),
    ],
)
def test_a_company_may_do_what_its_api_token_may(prepared: Prepared, error: str) -> None:
    with client_of(prepared) as client:
        answer = send(client, signed(claims_of()), json=NEW)
        assert (answer.status_code, answer.json()) == (403, {"error": error})


def test_a_used_token_is_remembered_for_as_long_as_it_may_be_valid() -> None:
    used, start = UsedTokens(), datetime(2026, 1, 1, tzinfo=UTC)
    for minute in range(40):
        used.check_new(Claims(COMPANY, str(minute)), start + timedelta(minutes=minute))
        for earlier in range(max(0, minute - 10), minute + 1):
            with pytest.raises(TokenInvalid):
                used.check_new(Claims(COMPANY, str(earlier)), start + timedelta(minutes=minute))
    used.check_new(Claims("another", "39"), start + timedelta(minutes=39))
    used.check_new(Claims(COMPANY, "0"), start + timedelta(minutes=40))


@pytest.mark.parametrize(
    ("body", "description"),
    [
        ({}, "email: missing"),
        ({**NEW, "language": "english"}, "language: malformed"),
        ({**NEW, "email": "new"}, "email: malformed"),
        ({**NEW, "externalUserId": True}, "external_id: wrong_type"),
        ({**NEW, "withPasswordReset": 2}, "with_password_reset: wrong_type"),
        ({**NEW, "more": 1}, "more: unknown"),
        ([], "body: wrong_type"),
    ],
    ids=str,
)
def test_a_registration_that_is_not_right_is_refused(client: TestClient, body: object, description: str) -> None:
    answer = send(client, signed(claims_of()), json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "input.invalid", "description": description})


def test_other_sdks_write_other_names_and_flags(client: TestClient) -> None:
    perl: Mapping[str, object] = {"firstName": "Ida", "surname": "Int", "gender": "FEMALE", "withPasswordReset": 0}
    java = {"email": "ida@example.com", "language": None, "externalUserId": "77"}
    made = send(client, signed(claims_of()), json={**java, **perl, "failByExistingEmail": 1})
    assert made.status_code == 200
    path = f"/api/v2/externalUser/{made.json()['customerId']}/createMultipleLoginTokens"
    for amount, status in (("100", 200), ("101", 400), ("0", 400), ("x", 400)):
        assert send(client, signed(claims_of()), "POST", path, params={"amount": amount}).status_code == status
    quoted = {"useExternalCustomerId": "'true'"}
    token = "/api/v2/externalUser/77/createLoginToken"
    assert send(client, signed(claims_of()), "POST", token, params=quoted).status_code == 200
    taken = send(client, signed(claims_of()), json={**NEW, "email": "bob@example.com", "failByExistingEmail": True})
    assert (taken.status_code, taken.json()) == (409, {"error": "users.taken"})
