"""Each sample of plenigo's document, sent by curl as the SDKs send it.

Customer ids are our own, external ids those of the document; tokens are made for each call. What is sent otherwise is
marked with "misprint".
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import usercore
from examples.plenigo_api import OPERATIONS
from tests.wire.server import Answer, Server, serving
from tests.wire.signing import CHECKOUT_COMPANY, CHECKOUT_SECRET, COMPANY, SECRET, claims_of, signed
from usercore import Email, ExternalId, UserCore

pytestmark = pytest.mark.needs_curl

PRODUCT = "EgLUrT56328991046641"
BOTH = {COMPANY: SECRET, CHECKOUT_COMPANY: CHECKOUT_SECRET}


class Plenigo(NamedTuple):
    """A running application with the SDK of one company."""

    server: Server
    store: str
    customer_id: int
    company: str = COMPANY

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Send a call as the SDK does: with JSON, or with a body of no chunks."""
        arguments = ["-X", method, "-H", f"plenigoToken: {signed(claims_of(self.company), BOTH[self.company])}"]
        if body is not None:
            arguments += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        elif method != "GET":
            arguments += ["-H", "Content-Type: application/x-www-form-urlencoded", "--upload-file", "/dev/null"]
        return self.server.curl(path, *arguments)

    @property
    def core(self) -> UserCore:
        """The store, opened anew."""
        return usercore.open(self.store).tenant(self.company)


@pytest.fixture(scope="module")
def plenigo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plenigo]:
    store = f"sqlite:///{tmp_path_factory.mktemp('plenigo')}/people.db"
    companies = {}
    with usercore.open(store) as core:
        for company, secret in BOTH.items():
            core.tenant("system").tenants.create(company, company)
            of_company = core.tenant(company)
            issued = of_company.api_tokens.issue("SDK", addresses=["127.0.0.1"])
            of_company.api_tokens.grant(issued.token.public_id, OPERATIONS)
            companies[company] = {"secret": secret, "api_token": issued.secret.reveal()}
        people = core.tenant(COMPANY)
        people.registration.import_users([{"email": "second@mail.com"}])
        customer_id = people.users.get(Email("second@mail.com")).id
    with serving("examples.plenigo_api:app", USERCORE_STORE=store, PLENIGO_COMPANIES=json.dumps(companies)) as server:
        yield Plenigo(server, store, customer_id)


def register_customer(plenigo: Plenigo, email: str, external_id: object, **more: object) -> Answer:
    fields = {"email": email, "language": "en", "withPasswordReset": False, "failByExistingEmail": False}
    return plenigo.send("POST", "/api/v2/externalUser/register", {**fields, "externalUserId": external_id, **more})


def test_register_user(plenigo: Plenigo) -> None:
    answer = register_customer(plenigo, "testAddNewUser@mail.com", "A1BKAFZZ3H0H", firstName="new", name="user")
    assert (answer.status, answer.media_type) == (200, "application/json")
    with plenigo.core as core:
        user = core.users.get(ExternalId("A1BKAFZZ3H0H"))
        assert answer.json == {"customerId": str(user.id)}
        assert (user.email, user.full_name, user.language) == ("testAddNewUser@mail.com", "new user", "en")
        assert user.created_by.startswith("api_token:")
    again = register_customer(plenigo, "testAddNewUser@mail.com", "A1BKAFZZ3H0H")
    assert (again.status, again.json["error"]) == (429, "attempts.rate_limited")


def test_register_user_and_create_a_login_token_for_a_checkout(plenigo: Plenigo) -> None:
    checkout = plenigo._replace(company=CHECKOUT_COMPANY)
    registered = register_customer(checkout, "test@mail.com", 12345, firstName="new", name="customer")
    path = f"/api/v2/externalUser/{registered.json['customerId']}/createLoginToken"  # the SDK for Java sends no query
    answer = checkout.send("POST", path)
    with checkout.core as core:
        assert core.sign_in.with_login_token(answer.json["loginToken"]).user.full_name == "new customer"
    by_external_id = "/api/v2/externalUser/12345/createLoginToken?useExternalCustomerId=true"
    assert checkout.send("POST", by_external_id).status == 200
    assert plenigo.send("POST", by_external_id).status == 404  # another company's customer


def test_create_login_token(plenigo: Plenigo) -> None:
    answer = plenigo.send(
        "POST", f"/api/v2/externalUser/{plenigo.customer_id}/createLoginToken?useExternalCustomerId=false"
    )
    assert (answer.status, list(answer.json)) == (200, ["loginToken"])
    path = f"/api/v2/externalUser/{plenigo.customer_id}/createMultipleLoginTokens?useExternalCustomerId=false&amount=3"
    several = plenigo.send("POST", path, {})
    assert (several.status, len(several.json["loginTokens"])) == (200, 3)


def test_change_email(plenigo: Plenigo) -> None:
    with plenigo.core as core:
        core.registration.register_external("former@mail.com", external_id="B2")
    body = {"email": "testChangeEMail@mail.com"}
    wrong = plenigo.send("PUT", "/api/v2/externalUser/B2/changeEmail?useExternalCustomerId=false", body)
    assert wrong.status == 404  # misprint: the sample has an external id, and says that it is none
    answer = plenigo.send("PUT", "/api/v2/externalUser/B2/changeEmail?useExternalCustomerId=true", body)
    assert (answer.status, answer.json) == (200, {})
    with plenigo.core as core:
        assert core.users.get(ExternalId("B2")).email == "testChangeEMail@mail.com"
    taken = plenigo.send("PUT", f"/api/v2/externalUser/{plenigo.customer_id}/changeEmail", body)
    assert (taken.status, taken.json) == (409, {"error": "users.taken"})


def test_import_customer_access(plenigo: Plenigo) -> None:
    with plenigo.core as core:
        core.registration.register_external("access@mail.com", external_id="C3")
        core.products.grant(ExternalId("C3"), [PRODUCT])
    body = {"customerId": "C3", "useExternalCustomerId": True, "yourFirstIdentifier": "12345-1"}
    answer = plenigo.send("POST", "/api/v2/import/customerAccess", {**body, "yourForthIdentifier": "d"})
    assert (answer.status, answer.json) == (200, {})
    with plenigo.core as core:
        assert core.users.get(ExternalId("C3")).access_ids == ("12345-1", None, None, "d")
    as_in_the_sample = {**body, "useExternalCustomerId": "false"}  # misprint: a text, and the id is an external one
    assert plenigo.send("POST", "/api/v2/import/customerAccess", as_in_the_sample).status == 404
    product = (
        f"/api/v2/user/product?customerId=12345-1&productId={PRODUCT}%2CP2&testMode=false&useExternalCustomerId=true"
    )
    bought = plenigo.send("GET", product)
    assert (bought.status, bought.json) == (200, {"accessGranted": True})
    other = plenigo.send("GET", "/api/v2/user/product?customerId=C3&productId=P2&useExternalCustomerId=true")
    assert (other.status, other.json) == (403, {"accessGranted": False})


def test_add_external_customer_id(plenigo: Plenigo) -> None:
    path = f"/api/v2/externalUser/{plenigo.customer_id}/addExternalUserId"
    answer = plenigo.send("PUT", path, {"externalUserId": "12345"})
    assert (answer.status, answer.json) == (200, {})
    with plenigo.core as core:
        assert core.users.get(Email("second@mail.com")).external_id == "12345"
    another = plenigo.send("PUT", path, {"externalUserId": "12346"})
    assert (another.status, another.json) == (409, {"error": "users.external_id_linked"})
