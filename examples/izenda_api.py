"""Izenda's API that adds external users, and the lists that its callers read first.

Run it by ``uvicorn examples.izenda_api:app``. A program sends an API token of usercore in the header ``access_token``.
One of the tenant ``system`` acts on all tenants; one of another tenant acts on that one, whose id it sends as
``current_tenant``. It may call what it was granted, by the names in ``ENDPOINTS``. It needs the extra ``starlette``.

What the document leaves open, or what differs from it:

- In its sample the ``userId`` of ``userRoles`` is not the ``id`` of the user. Here it is.
- ``external/user`` without an ``id`` adds, with one it updates. ``user/integration/saveUser`` also finds users by their
  names in their tenants, and tenants by ``tenantDisplayId``, too. Names of roles that do not exist are ignored; ids are
  not.
- A refused call is answered with the status 200, ``success`` false, and what is wrong with each field. Wrong access
  tokens have 401 and 403, bodies that cannot be read 400, 413 and 415, in the same form.
- A detail without a tenant is of ``selected_tenant``, if that header is there.
- ``active``, ``version`` and ``state`` of a request are ignored: saving changes neither the state of a user, nor is it
  refused because another change came first.
- ``createdBy`` is the name of the API token that calls; of others it is their public id.
- The list of tenants has no ``system``; roles without a tenant are those of admins, of which there are none.

``examples/izenda_form.py`` lists the fields that are constants.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import attrs
from starlette.applications import Starlette
from starlette.routing import Mount

import usercore
from examples.izenda_form import FIELDS, KEYS, detail_of, name_in, role_form, tenant_form, user_form, uuid_of
from usercore import (
    ApiToken,
    FieldError,
    Invalid,
    RoleNotFound,
    SystemOnly,
    Taken,
    Tenant,
    TenantNotFound,
    TokenInvalid,
    UserCore,
    UsercoreError,
    UserNotFound,
    forms,
)
from usercore_web import (
    Call,
    Request,
    Response,
    Route,
    RouteUnknown,
    error_headers,
    every_row,
    json_response,
    problem_of,
    read_json,
)
from usercore_web.starlette import Accounts

STORE: Final = os.environ.get("USERCORE_STORE", "sqlite:///people.db")

OPERATORS: Final = "system"
"""The key of the tenant whose users are admins."""

REFUSED: Final = {404, 409, 422}
"""Statuses of what usercore refuses, which are answered with 200 here."""


@attrs.frozen
class Caller:
    """A program that calls: its token, the core of the tenant that this is of, and that tenant, unless it is system."""

    token: ApiToken
    core: UserCore
    tenant: Tenant | None

    def names(self, actor: str) -> str:
        """Return the name of an actor: of this program its own, of another one its public id."""
        return self.token.name if actor == str(self.token.actor) else name_in(actor)


Handler = Callable[[Call, Caller], Response]


def add_user(call: Call, caller: Caller) -> Response:
    """Add a user, or update the one with this id."""
    return save(call, caller, upsert=False)


def save_user(call: Call, caller: Caller) -> Response:
    """Add a user, or update the one with this id or this name."""
    return save(call, caller, upsert=True)


def save(call: Call, caller: Caller, *, upsert: bool) -> Response:
    """Save a user detail, and answer with the user."""
    body = read_json(call.request.body, call.request.headers.get("content-type"), max_bytes=call.site.max_body_bytes)
    if not isinstance(body, dict):
        raise Invalid((FieldError("body", "wrong_type"),))
    detail = detail_of(body)
    named = tenant_named(call, body)
    core, tenant = caller.core, caller.tenant
    if named is not None and tenant is None and detail.get("is_admin") is not True:
        core, tenant = core.tenant(named), operators(call).tenants.get(named)
    plain = {name: detail.pop(name) for name in PLAIN if name in detail}
    saved = forms.call(core.registration.save, plain, fields=PLAIN, upsert=upsert, tenant=named, **detail)
    tenant_id = None if tenant is None else tenant.uuid
    return json_response({"success": True, "messages": None, "data": user_form(core, tenant_id, saved, caller.names)})


def active_tenants(call: Call, caller: Caller) -> Response:
    """List the active tenants."""
    if caller.tenant is not None:
        raise SystemOnly
    rows = every_row(lambda cursor: operators(call).tenants.list(active=True, cursor=cursor))
    return json_response([tenant_form(tenant, caller.names) for tenant in rows if tenant.key != OPERATORS])


def roles(call: Call, caller: Caller) -> Response:
    """List the roles of a tenant."""
    core, tenant = caller.core, caller.tenant
    if "tenant_id" in call.parameters:
        wanted = operators(call).tenants.get(uuid_of(call.parameters["tenant_id"], "tenant"))
        if tenant not in {None, wanted}:
            raise TenantNotFound
        core, tenant = core.tenant(wanted.key), wanted
    rows = every_row(lambda cursor: core.roles.list(cursor=cursor))
    return json_response([role_form(role, tenant, caller.names) for role in rows])


PLAIN: Final = tuple(FIELDS.values())
"""The fields of a detail that are passed on as they come; their types are checked."""


def tenant_named(call: Call, body: Mapping[str, Any]) -> UUID | str | None:
    """Return the tenant that a detail names, by its id or key; one that is no admin may leave it to a header.

    Raises:
        Invalid: it is no id or no text.
    """
    if body.get("tenantId") is not None:
        return uuid_of(body["tenantId"], "tenant")
    if body.get("tenantDisplayId") is not None:
        if not isinstance(body["tenantDisplayId"], str):
            raise Invalid((FieldError("tenant", "wrong_type"),))
        return body["tenantDisplayId"]
    selected = call.request.headers.get("selected_tenant")
    return None if selected is None or body.get("systemAdmin") is True else uuid_of(selected, "tenant")


def operators(call: Call) -> UserCore:
    """Return the core of the tenant ``system``, which manages tenants."""
    return call.core.tenant(OPERATORS)


def respond_to_error(_: Request, error: UsercoreError) -> Response:
    """Return the response to an error: what is wrong with each field."""
    status = problem_of(error).status
    if status in REFUSED and not isinstance(error, RouteUnknown):
        status = 200
    faults = FAULTS.get(type(error), ("", error.code))
    wrong = [(one.field, one.reason) for one in error.errors] if isinstance(error, Invalid) else [faults]
    if isinstance(error, Taken):
        wrong = [(error.field, error.code)]
    messages = [{"key": key_of(field), "detail": None, "messages": [reason]} for field, reason in wrong]
    return json_response({"success": False, "messages": messages, "data": None}, *error_headers(error), status=status)


FAULTS: Final[Mapping[type[UsercoreError], tuple[str, str]]] = {
    UserNotFound: ("id", "unknown"),
    TenantNotFound: ("tenant", "unknown"),
    RoleNotFound: ("roles", "unknown"),
}
"""The field that is wrong where an error names none, and the reason."""


def key_of(field: str) -> str:
    """Return the name of a field in answers; that of a role has its place."""
    name, dot, place = field.partition(".")
    return KEYS.get(name, name) + dot + place


def of_program(endpoint: str, handle: Handler) -> Callable[[Call], Response]:
    """Return a handler that first checks the access token of a program, which acts from then on."""

    def checked(call: Call) -> Response:
        headers = call.request.headers
        tenant = None
        if "current_tenant" in headers:
            try:
                tenant = operators(call).tenants.get(uuid_of(headers["current_tenant"], "tenant"))
            except (Invalid, TenantNotFound):
                raise TokenInvalid from None
        core = call.core.tenant(OPERATORS if tenant is None else tenant.key)
        token = core.api_tokens.authorize(headers.get("access_token"), endpoint)
        return handle(call, Caller(token, core.bind(actor=token.actor), tenant))

    return checked


ENDPOINTS: Final[Mapping[str, tuple[str, tuple[str, ...], str, Handler]]] = {
    "external/user": ("POST", ("/external/user",), "registration.save", add_user),
    "user/integration/saveUser": ("POST", ("/user/integration/saveUser",), "registration.save", save_user),
    "tenant/activeTenants": ("GET", ("/tenant/activeTenants",), "tenants.list", active_tenants),
    "role/all": ("GET", ("/role/all", "/role/all/{tenant_id}"), "roles.list", roles),
}
"""The endpoints by the names that are granted, with the call of usercore that each is about."""

ROUTES: Final = [
    Route(method, path, use_case, of_program(endpoint, handle))
    for endpoint, (method, paths, use_case, handle) in ENDPOINTS.items()
    for path in paths
]


def application(open_core: Callable[[], UserCore]) -> Starlette:
    """Return the application on a core that is opened when it starts."""
    accounts = Accounts(open_core, routes=ROUTES, respond_to_error=respond_to_error)
    return Starlette(routes=[Mount("/api", app=accounts.app)], lifespan=accounts.lifespan)


app = application(lambda: usercore.open(STORE))
