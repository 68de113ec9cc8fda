"""The API of REMP CRM's users module, every endpoint of its document: ``uvicorn examples.remp_api:app``.

Programs send an API token of usercore as a bearer token; it may call the endpoints that it was granted, by their names,
such as ``users/create``. Users send their access token. It needs the extras ``starlette`` and ``country-names``.

The document differs from itself, or from what is safe, in these points; this is what is done here:

- The method does not matter, as in REMP CRM: headings and examples name different ones (``users/create``,
  ``users/email``, ``users/add-to-group``, ``users/remove-from-group``, ``users/autologin-token-login``).
- The heading says ``users/address``, its example ``users/addresses``: a POST to either adds an address. The example of
  the list has a broken path; the email is read from the query or the body.
- Examples of ``users/create`` lack the API token, which is needed. A trailing slash is ignored.
- ``Email``, ``Password`` and ``Source`` are written in lower case, as in the examples.
- The status of an unknown parent address is spelt ``error``, not ``errror``.
- The description of ``users/confirm`` is that of ``users/list``; it confirms. ``email`` of the address endpoints names
  the user, whatever its description says.
- ``country_id`` is a code of ISO 3166-1. ``group_id`` is the id of a group of usercore; ids may need 53 bits.
- ``user-meta/upsert`` without ``is_public`` leaves the flag of a value that exists as it is.
- ``users/list`` of no ids lists no user. ``users`` is always an object, also an empty one.
- Failures of ``users/autologin-token-login`` have the status 403, those of ``users/login`` 400; neither says why.

No field is a constant. ``totalPages`` of an empty list is 0.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
from starlette.applications import Starlette
from starlette.routing import Mount

import usercore
from usercore import (
    Address,
    AddressNotAllowed,
    AddressTypeNotFound,
    DeviceTokenUnknown,
    Email,
    FieldError,
    GroupNotFound,
    Invalid,
    NothingChanged,
    ParentAddressNotFound,
    Preferences,
    RateLimited,
    ResourceNotGranted,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    Secret,
    SignInRefused,
    Taken,
    TokenInvalid,
    TokenMissing,
    User,
    UserCore,
    UsercoreError,
    UserNotFound,
    forms,
)
from usercore.addresses.country_names import country_name
from usercore.addresses.model import AddressFields
from usercore_web import (
    Call,
    CrossOrigin,
    Request,
    Response,
    Route,
    check_present,
    error_headers,
    every_row,
    json_response,
    problem_of,
    read_bearer,
    read_flag,
    read_form,
    read_json,
    read_number,
)
from usercore_web.starlette import Accounts

STORE: Final = os.environ.get("USERCORE_STORE", "sqlite:///people.db")

AUTH_FAILED: Final[dict[str, object]] = {"error": "auth_failed", "message": "email or password is wrong"}
"""The same, whatever the reason."""

Handler = Callable[[Call], Response]


def user_info(call: Call) -> Response:
    """Answer with the user of an access token, and with what the authenticators of the host add."""
    secret = read_bearer(call.request.headers.get("authorization"))
    if secret is None:
        raise TokenMissing
    identity = call.core.sign_in.identify(secret)
    extras = forms.identity(identity, "operator")["extras"]
    return json_response({**extras, "status": "ok", "user": person(identity.user)})


def login(call: Call) -> Response:
    """Sign in by email and password; ``source`` chooses among the authenticators of the host."""
    fields = fields_of(call, "email", "password")
    signed_in = call.core.sign_in.with_password(
        fields["email"], fields["password"], source=source_of(fields), device_token=fields.get("device_token") or None
    )
    return json_response(signed_in_form(signed_in.user, signed_in.roles, signed_in.access_token))


def check_email(call: Call) -> Response:
    """Answer whether an email can be registered, and whether a password is right; it counts as a sign-in then."""
    fields = fields_of(call, "email")
    check = call.core.registration.check_email(fields["email"], fields.get("password") or None)
    return json_response(
        {"email": fields["email"], "status": check.status, "id": check.user_id, "password": check.password}
    )


def create(call: Call) -> Response:
    """Register a user with a generated password, which is mailed, and sign them in."""
    fields = fields_of(call, "email")
    try:
        made = call.core.registration.register(
            fields["email"],
            first_name=fields.get("first_name"),
            last_name=fields.get("last_name"),
            external_id=fields.get("ext_id") or None,
            source=fields.get("source") or "api",
            referer=fields.get("referer"),
            note=fields.get("note"),
            send_email=read_flag(fields, "send_email", default=True),
            validate_email=not read_flag(fields, "disable_email_validation", default=False),
            device_token=fields.get("device_token") or None,
            sign_in=True,
        )
    except Invalid as invalid:
        if "email" not in {error.field for error in invalid.errors}:
            raise
        return failure(404, code="invalid_email", message="this is not an email that can be registered")
    roles = [held.role.name for held in call.core.roles.of_user(made.user.id)]
    return json_response(signed_in_form(made.user, roles, made.access_token))


def add_to_group(call: Call) -> Response:
    """Add a user to a group; whether they were in it makes no difference."""
    fields = fields_of(call, "email", "group_id")
    call.core.groups.add(Email(fields["email"]), read_number(fields, "group_id"))
    return json_response({"status": "ok"})


def remove_from_group(call: Call) -> Response:
    """Remove a user from a group; whether they were in it makes no difference."""
    fields = fields_of(call, "email", "group_id")
    call.core.groups.remove(Email(fields["email"]), read_number(fields, "group_id"))
    return json_response({"status": "ok"})


def list_addresses(call: Call) -> Response:
    """List the addresses of a user, of one type or of all."""
    fields = fields_of(call, "email", query=True)
    user = call.core.users.get(Email(fields["email"]))
    shown = call.core.users.preferences(user.id)
    rows = every_row(lambda cursor: call.core.addresses.list(user.id, fields.get("type") or None, cursor=cursor))
    return json_response({"status": "ok", "addresses": [address_form(user, address, shown) for address in rows]})


def add_address(call: Call) -> Response:
    """Add an address."""
    fields = fields_of(call, "email", "type")
    added = call.core.addresses.add(Email(fields["email"]), fields["type"], **values_of(fields, ADDRESS))
    return json_response({"status": "ok", "address": {"id": added.id}})


def request_address_change(call: Call) -> Response:
    """Request a change of the address of a type; fields that are left out stay, empty ones are cleared."""
    fields = fields_of(call, "email", "type")
    user, values = Email(fields["email"]), values_of(fields, ADDRESS_CHANGE)
    requested = call.core.addresses.request_change(user, fields["type"], **values)
    return json_response({"status": "ok", "address": {"id": requested.address_id}})


def list_users(call: Call) -> Response:
    """List users by ids, 1000 on a page."""
    fields = fields_of(call, "user_ids", "page")
    page = call.core.users.list_by_ids(ids_of(fields["user_ids"]), read_number(fields, "page"))
    users = {str(user.id): {"id": user.id, "email": user.email} for user in page}
    counts = {"page": page.page, "totalPages": page.total_pages, "totalCount": page.total_count}
    return json_response({"status": "ok", **counts, "users": users})


def confirm(call: Call) -> Response:
    """Confirm a user; again changes nothing."""
    call.core.users.confirm(Email(fields_of(call, "email")["email"]))
    return json_response({"status": "ok"})


def upsert_meta(call: Call) -> Response:
    """Store a value of a user by its key."""

    def upsert(user_id: int, key: str, value: str, *, is_public: bool | None = None) -> Response:
        stored = call.core.meta.upsert(user_id, key, value, public=is_public)
        return json_response({"key": stored.key, "value": stored.value, "is_public": stored.public})

    return run(call, upsert, ["user_id", "key", "value", "is_public"])


def list_meta(call: Call) -> Response:
    """List all values of a user, or the one of a key."""

    def list_of(user_id: int, key: str | None = None) -> Response:
        rows = every_row(lambda cursor: call.core.meta.list(user_id, key, cursor=cursor))
        return json_response([{"key": row.key, "value": row.value, "is_public": row.public} for row in rows])

    return run(call, list_of, ["user_id", "key"])


def list_key_users(call: Call) -> Response:
    """List the users that have a key, with any value or one."""

    def list_of(key: str, value: str | None = None) -> Response:
        rows = every_row(lambda cursor: call.core.meta.key_users(key, value, cursor=cursor))
        return json_response([{"user_id": row.user_id, "value": row.value} for row in rows])

    return run(call, list_of, ["key", "value"])


def delete_meta(call: Call) -> Response:
    """Delete the value of a key, or do so only if it is this one."""

    def delete(user_id: int, key: str, value: str | None = None) -> Response:
        call.core.meta.delete(user_id, key, value)
        return Response(204, (), b"")

    return run(call, delete, ["user_id", "key", "value"])


def autologin(call: Call) -> Response:
    """Sign in by an autologin token."""
    fields = fields_of(call, "autologin_token", query=True)
    try:
        signed_in = call.core.sign_in.with_autologin_token(fields["autologin_token"], source=source_of(fields))
    except SignInRefused:
        return failure(403, message="Invalid token")
    user = {**person(signed_in.user), "public_name": signed_in.user.public_name}
    return json_response({"status": "ok", "user": user, "access": {"token": signed_in.access_token.reveal()}})


def issue_device_token(call: Call) -> Response:
    """Issue a token for a device, with which access tokens can be paired."""
    secret = call.core.device_tokens.issue(fields_of(call, "device_id")["device_id"])
    return json_response({"device_token": secret.reveal()})


ADDRESS: Final = {
    "first_name": "first_name",
    "last_name": "last_name",
    "address": "street",
    "number": "number",
    "zip": "zip",
    "city": "city",
    "company_name": "company_name",
    "company_id": "company_id",
    "tax_id": "tax_id",
    "vat_id": "vat_id",
    "phone_number": "phone",
}
"""The values of an address: their names, and ours."""

ADDRESS_CHANGE: Final = {
    **ADDRESS,
    "company_tax_id": "tax_id",
    "company_vat_id": "vat_id",
    "country_id": "country",
}
"""The same of a request to change one."""


def person(user: User) -> dict[str, object]:
    """Return the form of a user."""
    return {"id": user.id, "email": user.email, "first_name": user.first_name, "last_name": user.last_name}


def signed_in_form(user: User, roles: Iterable[str], secret: Secret | None) -> dict[str, object]:
    """Return the form of a user who is signed in, with the secret of the new access token."""
    access = None if secret is None else {"token": secret.reveal()}
    return {"status": "ok", "user": {**person(user), "roles": list(roles)}, "access": access}


def address_form(user: User, address: Address, shown: Preferences) -> dict[str, object]:
    """Return the form of an address, its country and the instant as the user reads them."""
    values = {theirs: getattr(address, ours) or "" for theirs, ours in ADDRESS.items()}
    country = "" if address.country is None else country_name(address.country, shown.language)
    created_at = address.created_at.astimezone(ZoneInfo(shown.time_zone)).isoformat(timespec="seconds")
    about = {"user_id": user.id, "type": address.type, "created_at": created_at, "email": user.email}
    return {**about, **values, "country": country}


def values_of(fields: Mapping[str, str], names: Mapping[str, str]) -> AddressFields:
    """Return the values of an address that a form has, by our names."""
    values: Any = {ours: fields[theirs] for theirs, ours in names.items() if theirs in fields}
    return values  # type: ignore[no-any-return]  # the names are those of the values


def fields_of(call: Call, *required: str, query: bool = False) -> dict[str, str]:
    """Return the fields of the form that was sent, and on request those of the query, which secrets do not belong in.

    Raises:
        Invalid: a required field is missing or empty.
    """
    request = call.request
    fields = dict(request.query) if query else {}
    if request.body:
        fields |= read_form(request.body, request.headers.get("content-type"), max_bytes=call.site.max_body_bytes)
    check_present(fields, *required)
    return fields


def ids_of(text: str) -> list[int]:
    """Return the ids in a text of JSON.

    Raises:
        Invalid: it is not a list of numbers.
    """
    try:
        ids = json.loads(text)
    except (ValueError, RecursionError):
        ids = None
    if not isinstance(ids, list) or not all(type(one) is int for one in ids):
        raise Invalid((FieldError("user_ids", "malformed"),))
    return ids


def source_of(fields: Mapping[str, str]) -> str:
    """Return the source of a sign-in as it is recorded."""
    source = fields.get("source") or "api"
    return source if source == "api" else f"api+{source}"


def run(call: Call, use_case: Callable[..., Response], fields: Sequence[str]) -> Response:
    """Call a use-case with fields of a body of JSON; what has the wrong type is refused by field."""
    request = call.request
    body = read_json(request.body, request.headers.get("content-type"), max_bytes=call.site.max_body_bytes)
    return forms.call(use_case, body, fields=fields)


def failure(status: int, *headers: tuple[str, str], **details: object) -> Response:
    """Return the response to a request that failed."""
    return json_response({"status": "error", **details}, *headers, status=status)


FAILURES: Final[Mapping[type[UsercoreError], tuple[int, dict[str, object]]]] = {
    DeviceTokenUnknown: (400, {"code": "device_token_doesnt_exist", "message": "there is no such device token"}),
    TokenInvalid: (403, {"error": "no_authorization", "message": "the token is missing or not valid"}),
    AddressNotAllowed: (403, {"error": "no_authorization", "message": "the token is not valid from this address"}),
    ResourceNotGranted: (403, {"error": "no_authorization", "message": "the token may not call this endpoint"}),
    CrossOrigin: (403, {"error": "origin_not_allowed", "message": "a page of another origin sent this"}),
    SignInRefused: (400, AUTH_FAILED),
    SecondFactorRequired: (400, AUTH_FAILED),
    SecondFactorSetupRequired: (400, AUTH_FAILED),
    Taken: (404, {"code": "email_taken", "message": "another user has this email or id"}),
    RateLimited: (429, {"code": "limit_reached", "message": "too many tries"}),
    UserNotFound: (404, {"code": "user_not_found", "message": "there is no such user"}),
    GroupNotFound: (404, {"code": "group_not_found", "message": "there is no such group"}),
    AddressTypeNotFound: (400, {"message": "there is no such type of addresses"}),
    ParentAddressNotFound: (400, {"message": "Parent address not found"}),
    NothingChanged: (400, {"code": "nothing_changed", "message": "the address is as requested already"}),
}
"""Status and body of each error that clients of this API tell apart."""


def respond_to_error(_: Request, error: UsercoreError) -> Response:
    """Return the response to an error; of those that are not listed, with the status that fits and the code."""
    listed = next((FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES), None)
    if listed is not None:
        return failure(listed[0], *error_headers(error), **listed[1])
    if isinstance(error, Invalid):
        reasons = {one.field: [one.reason] for one in error.errors}
        return failure(400, code="invalid_input", message="fields are missing or malformed", errors=reasons)
    status = problem_of(error).status
    status = HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status
    return failure(status, *error_headers(error), code=error.code)


def of_program(handle: Handler) -> Handler:
    """Return a handler that first checks the API token of a program, which acts from then on."""

    def checked(call: Call) -> Response:
        endpoint = call.request.path.removeprefix("/v1/").rstrip("/")
        secret = read_bearer(call.request.headers.get("authorization"))
        token = call.core.api_tokens.authorize(secret, endpoint)
        return handle(attrs.evolve(call, core=call.core.bind(actor=token.actor)))

    return checked


OPEN: Final[Mapping[str, tuple[str, Handler]]] = {
    "user/info": ("sign_in.identify", user_info),
    "users/login": ("sign_in.with_password", login),
    "users/email": ("registration.check_email", check_email),
    "users/autologin-token-login": ("sign_in.with_autologin_token", autologin),
    "users/get-device-token": ("device_tokens.issue", issue_device_token),
}
"""The endpoints that need no API token, each with the call of usercore that may take long."""

OF_PROGRAMS: Final[Mapping[str, tuple[str, Handler]]] = {
    "users/create": ("registration.register", create),
    "users/add-to-group": ("groups.add", add_to_group),
    "users/remove-from-group": ("groups.remove", remove_from_group),
    "users/addresses": ("addresses.list", list_addresses),
    "users/address": ("addresses.add", add_address),
    "users/change-address-request": ("addresses.request_change", request_address_change),
    "users/list": ("users.list_by_ids", list_users),
    "users/confirm": ("users.confirm", confirm),
    "user-meta/upsert": ("meta.upsert", upsert_meta),
    "user-meta/list": ("meta.list", list_meta),
    "user-meta/key-users": ("meta.key_users", list_key_users),
    "user-meta/delete": ("meta.delete", delete_meta),
}
"""The endpoints that need an API token, which is granted them by these names."""

ROUTES: Final = [
    *(
        Route(method, f"/v1/{endpoint}{slash}", use_case, handle)
        for endpoint, (use_case, handle) in {
            **OPEN,
            **{endpoint: (use_case, of_program(handle)) for endpoint, (use_case, handle) in OF_PROGRAMS.items()},
        }.items()
        for method in ("GET", "POST")
        for slash in ("", "/")
    ),
    Route("POST", "/v1/users/addresses", "addresses.add", of_program(add_address)),
]


def application(open_core: Callable[[], UserCore]) -> Starlette:
    """Return the application on a core that is opened when it starts."""
    accounts = Accounts(open_core, routes=ROUTES, respond_to_error=respond_to_error)
    return Starlette(routes=[Mount("/api", app=accounts.app)], lifespan=accounts.lifespan)


app = application(lambda: usercore.open(STORE))
