"""plenigo's API of external users, as its SDKs speak it: ``uvicorn examples.plenigo_api:app``.

A company is a tenant whose key is the company id. Its SDK signs each call by the company's secret, in a JSON Web Token
in the header ``plenigoToken``. ``PLENIGO_COMPANIES`` has JSON: for each company id the ``secret`` of its SDKs, and the
``api_token`` of usercore that its calls are made with; this one says which operations are granted, by the names in
``OPERATIONS``, and from which addresses. It needs the extra ``starlette`` and PyJWT.

The document is silent, or differs from its SDKs, in these points; this is what is done here:

- ``externalUserId`` is text or a whole number, flags are booleans or 0 and 1, ``surname`` is read as ``name``.
- ``useExternalCustomerId`` may be missing, which is false, or in quotes, as one of the document's samples makes it.
- The fourth access id is named ``yourForthIdentifier``. Ids that are not sent stay as they are.
- Where a customer has an external id already, where another one has it, or the email, the status is 409.
- Tokens without ``typ`` are accepted, other algorithms than HS256 are not, nor those that are valid for more than ten
  minutes or were used before. What was used is remembered by the process; run one process, or share it.
- ``createMultipleLoginTokens`` answers with ``loginTokens``, at most 100.
- An answer without a value is ``{}``. An error has the code of usercore as ``error``.

These have no counterpart here, and are read and ignored: ``gender`` and ``testMode``. Purchases, apps, mobile secrets,
sessions of plenigo's own pages, signing in by a password (``verifyLogin``) and addresses are not answered; whether a
customer has a product is.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, NamedTuple, TypedDict

import attrs
import jwt
from starlette.applications import Starlette
from starlette.routing import Mount

import usercore
from usercore import (
    AnyId,
    ExternalId,
    FieldError,
    Invalid,
    Reference,
    TenantNotFound,
    TokenInvalid,
    TokenMissing,
    UserCore,
    UsercoreError,
    UserNotFound,
    forms,
    user_id_of,
)
from usercore_web import (
    Call,
    Request,
    Response,
    Route,
    check_present,
    error_headers,
    json_response,
    problem_of,
    read_flag,
    read_json,
    read_number,
)
from usercore_web.starlette import Accounts

STORE: Final = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COMPANIES: Final = json.loads(os.environ.get("PLENIGO_COMPANIES", "{}"))

LONGEST: Final = timedelta(minutes=10)
"""How long a token may be valid. SDKs make them for five minutes, by clocks that may differ from ours."""

LANGUAGE: Final = re.compile("[a-z]{2}")
"""A code of ISO 639-1."""

Handler = Callable[[Call], Response]

SLOTS: Final = {"yourFirstIdentifier": 1, "yourSecondIdentifier": 2, "yourThirdIdentifier": 3, "yourForthIdentifier": 4}


class Company(TypedDict):
    """A company: the secret of its SDKs, and the secret of the API token that its calls are made with."""

    secret: str
    api_token: str


class Claims(NamedTuple):
    """What a token says that a company signed: of all its tokens none has the same id."""

    company_id: str
    token_id: str


class UsedTokens:
    """Remembers the tokens that came for as long as they may be valid. For any number of threads."""

    def __init__(self) -> None:
        """Remember none."""
        self._earlier: set[Claims] = set()
        self._recent: set[Claims] = set()
        self._until: datetime | None = None
        self._lock = Lock()

    def check_new(self, claims: Claims, now: datetime) -> None:
        """Remember a token.

        Raises:
            TokenInvalid: it came before.
        """
        with self._lock:
            if self._until is None or now >= self._until:
                self._earlier, self._recent, self._until = self._recent, set(), now + LONGEST
            if claims in self._recent or claims in self._earlier:
                raise TokenInvalid
            self._recent.add(claims)


def read_token(token: str | None, companies: Mapping[str, Company], now: datetime) -> Claims:
    """Return what a token says that a company signed.

    Raises:
        TokenMissing: there is none.
        TokenInvalid: it is malformed, of an unknown company, signed by another secret, or too old.
    """
    if not token:
        raise TokenMissing
    required = ["aud", "companyId", "exp", "jti"]
    try:
        company_id = jwt.decode(token, options={"verify_signature": False})["companyId"]
        secret = companies[company_id]["secret"]
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience="plenigo", options={"require": required})
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
        raise TokenInvalid from None
    if not isinstance(claims["jti"], str) or expires_at > now + LONGEST:
        raise TokenInvalid
    return Claims(company_id, claims["jti"])


def register(call: Call) -> Response:
    """Register a user of the host; a known email answers with the user who has it, on request with an error."""
    body = body_of(call, REGISTRATION)
    for flag in ("with_password_reset", "fail_by_existing_email"):
        if type(body.get(flag)) is int and body[flag] in {0, 1}:
            body[flag] = bool(body[flag])
    body = {name: value for name, value in body.items() if value is not None and name != "gender"}
    language = body.setdefault("language", "en")
    if isinstance(language, str) and not LANGUAGE.fullmatch(language):
        raise Invalid((FieldError("language", "malformed"),))
    made = forms.call(call.core.registration.register_external, body, fields=set(REGISTRATION.values()) - {"gender"})
    return json_response({"customerId": str(made.user.id)})


def create_login_token(call: Call) -> Response:
    """Issue a token that signs a customer in once, within five minutes."""
    return json_response({"loginToken": call.core.login_tokens.issue(customer_in_path(call)).reveal()})


def create_login_tokens(call: Call) -> Response:
    """Issue several of them."""
    amount = read_number({"amount": "1", **call.request.query}, "amount")
    secrets = call.core.login_tokens.issue_many(customer_in_path(call), amount)
    return json_response({"loginTokens": [secret.reveal() for secret in secrets]})


def change_email(call: Call) -> Response:
    """Change the email of a customer, as the host has done already."""
    forms.call(call.core.emails.change, body_of(call, {"email": "email"}), fields=["email"], ref=customer_in_path(call))
    return json_response({})


def import_access(call: Call) -> Response:
    """Set access ids of a customer by which products are asked for, too."""
    body = body_of(call, {"customerId": "customer_id", "useExternalCustomerId": "is_external"})
    sent = {slot: body.pop(name, None) for name, slot in SLOTS.items()}

    def set_ids(customer_id: str, access_ids: Mapping[int, str | int], *, is_external: bool | str = False) -> None:
        flag = read_quoted_flag({"useExternalCustomerId": str(is_external)})
        call.core.users.set_access_ids(customer(customer_id, is_external=flag), access_ids)

    given = {**body, "access_ids": {str(slot): value for slot, value in sent.items() if value is not None}}
    forms.call(set_ids, given, fields=["customer_id", "access_ids", "is_external"])
    return json_response({})


def add_external_id(call: Call) -> Response:
    """Add an external id to a customer who has none."""
    user_id = customer(call.parameters["id"], is_external=False)
    body = body_of(call, {"externalUserId": "external_id"})
    forms.call(call.core.users.link_external_id, body, fields=["external_id"], ref=user_id)
    return json_response({})


def has_product(call: Call) -> Response:
    """Answer whether a customer has one of some products: 200 or 403. Any id of the host's names the customer."""
    query = call.request.query
    check_present(query, "customerId", "productId")
    is_external = read_quoted_flag(query)
    ref = AnyId(query["customerId"]) if is_external else customer(query["customerId"], is_external=False)
    granted = call.core.products.has_access(ref, query["productId"].split(","))
    return json_response({"accessGranted": granted}, status=200 if granted else 403)


REGISTRATION: Final = {
    "email": "email",
    "language": "language",
    "externalUserId": "external_id",
    "firstName": "first_name",
    "name": "name",
    "surname": "name",
    "gender": "gender",
    "withPasswordReset": "with_password_reset",
    "failByExistingEmail": "fail_by_existing_email",
}
"""The names of a registration, and ours."""


def body_of(call: Call, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of a body of JSON by our names.

    Raises:
        Invalid: it is not an object.
    """
    request = call.request
    body = read_json(request.body, request.headers.get("content-type"), max_bytes=call.site.max_body_bytes)
    if not isinstance(body, dict):
        raise Invalid((FieldError("body", "wrong_type"),))
    return {names.get(name, name): value for name, value in body.items()}


def customer(text: str, *, is_external: bool) -> Reference:
    """Return the reference to a customer, by the id of the host or by that of usercore.

    Raises:
        UserNotFound: no customer can have this id.
    """
    if is_external:
        return ExternalId(text)
    try:
        return user_id_of(text)
    except Invalid:
        raise UserNotFound from None


def customer_in_path(call: Call) -> Reference:
    """Return the reference to the customer whom the path names."""
    return customer(call.parameters["id"], is_external=read_quoted_flag(call.request.query))


def read_quoted_flag(fields: Mapping[str, str]) -> bool:
    """Return whether an id is the host's, by a flag that may be in quotes."""
    flag = fields.get("useExternalCustomerId", "").strip("'\"")
    return read_flag({"useExternalCustomerId": flag}, "useExternalCustomerId", default=False)


def respond_to_error(_: Request, error: UsercoreError) -> Response:
    """Return the response to an error: its code, and what is wrong with each field."""
    status = problem_of(error).status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    details = {"error": error.code}
    if isinstance(error, Invalid):
        details["description"] = "; ".join(f"{one.field}: {one.reason}" for one in error.errors)
    return json_response(details, *error_headers(error), status=status)


OPERATIONS: Final = {
    "register": ("POST", "/v2/externalUser/register", "registration.register_external", register),
    "createLoginToken": ("POST", "/v2/externalUser/{id}/createLoginToken", "login_tokens.issue", create_login_token),
    "createMultipleLoginTokens": (
        "POST",
        "/v2/externalUser/{id}/createMultipleLoginTokens",
        "login_tokens.issue_many",
        create_login_tokens,
    ),
    "changeEmail": ("PUT", "/v2/externalUser/{id}/changeEmail", "emails.change", change_email),
    "customerAccess": ("POST", "/v2/import/customerAccess", "users.set_access_ids", import_access),
    "addExternalUserId": ("PUT", "/v2/externalUser/{id}/addExternalUserId", "users.link_external_id", add_external_id),
    "product": ("GET", "/v2/user/product", "products.has_access", has_product),
}
"""Each operation with its method, path, the call of usercore that it is about, and its handler."""


def routes_of(companies: Mapping[str, Company]) -> list[Route]:
    """Return the routes that these companies may call."""
    used = UsedTokens()

    def of_company(operation: str, handle: Handler) -> Handler:
        """Return a handler that first checks the token of a company, whose API token acts from then on."""

        def checked(call: Call) -> Response:
            now = datetime.now(UTC)
            claims = read_token(call.request.headers.get("plenigotoken"), companies, now)
            used.check_new(claims, now)
            try:
                core = call.core.tenant(claims.company_id)
            except TenantNotFound:
                raise TokenInvalid from None
            token = core.api_tokens.authorize(companies[claims.company_id]["api_token"], operation)
            return handle(attrs.evolve(call, core=core.bind(actor=token.actor)))

        return checked

    return [
        Route(method, path, use_case, of_company(operation, handle))
        for operation, (method, path, use_case, handle) in OPERATIONS.items()
    ]


def application(open_core: Callable[[], UserCore], companies: Mapping[str, Company]) -> Starlette:
    """Return the application on a core that is opened when it starts."""
    accounts = Accounts(open_core, routes=routes_of(companies), respond_to_error=respond_to_error)
    return Starlette(routes=[Mount("/api", app=accounts.app)], lifespan=accounts.lifespan)


app = application(lambda: usercore.open(STORE), COMPANIES)
