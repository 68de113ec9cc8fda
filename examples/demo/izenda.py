"""Izenda: adding an external user, with the sample data of its document, field by field.

It answers by ``examples/izenda_form.py``, as ``examples/izenda_api.py`` does. ``izenda_answer.json`` is the answer of
the document's sample, with which the demo compares its own.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from examples.demo.setting import EXAMPLES, Demo
from examples.izenda_form import user_form
from usercore import Actor, Reference, Role, SavedUser, User, UserCore, UserDetail

TENANT: Final = UUID("d34515f6-cd6f-4e40-bb65-c930ef61f528")
SAMPLE: Final = EXAMPLES / "demo" / "izenda_answer.json"

EMPTY: Final[UserDetail] = {
    "id": None,
    "is_admin": False,
    "username": "",
    "tenant": None,
    "email": None,
    "roles": [],
    "last_name": "",
    "first_name": "",
    "data_offset_minutes": 0,
    "timestamp_offset_minutes": 0,
    "language": "",
    "date_format": "",
}
"""The document's empty user detail. The full name is computed, so none is passed."""

_GENERATED: Final = {
    "an id": re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "an instant": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}"),
}
"""Values that differ from run to run, or from the sample to the demo."""


def play(demo: Demo) -> Iterator[str]:
    """Play the steps of the document, then what it says of updates, refusals and tenants."""
    yield "== Izenda: external users =="
    operators = demo.core.tenant("system").bind(actor=Actor.operator("John Doe"))
    acme = yield from _prepare(operators)
    designer = acme.roles.create("Designer")
    yield f"role/all: {[role.name for role in acme.roles.list().rows]}"
    yield demo.refused("the empty user detail", lambda: acme.registration.save(**EMPTY))
    saved = yield from _add(acme, designer)
    yield from _update(demo, acme, saved.user)
    yield from _refuse(demo, acme, saved.user)
    yield from _save_admin(demo, operators)
    yield from _isolate(demo, operators, acme, saved.user)


def _prepare(operators: UserCore) -> Generator[str, None, UserCore]:
    """Make the tenant with the id of the sample, and another one; list the active ones."""
    tenants = operators.tenants
    tenants.create("acme", "Acme", uuid=TENANT, date_format="MM/DD/YYYY", language="en-US")
    tenants.create("globex", "Globex")
    tenants.deactivate("globex")
    yield f"tenant/activeTenants: {[tenant.name for tenant in tenants.list(active=True).rows]}"
    return operators.tenant(TENANT)


def _add(acme: UserCore, designer: Role) -> Generator[str, None, SavedUser]:
    """Save the populated user detail of the sample, and compare the answer with the sample's."""
    detail: UserDetail = {
        **EMPTY,
        "username": "dwebb",
        "tenant": TENANT,
        "roles": [designer.uuid],
        "last_name": "Webb",
        "first_name": "David",
        "language": "en-US",
        "date_format": "MM/DD/YYYY",
    }
    saved = acme.registration.save(**detail)
    sample = json.loads(SAMPLE.read_text("utf-8"))
    answer: dict[str, Any] = {"success": True, "messages": None, "data": user_form(acme, TENANT, saved)}
    yield f"external/user: success {answer['success']}, messages {answer['messages']}, and in data:"
    yield from _shown(answer["data"], "  ")
    yield f"the answer is that of the sample but for ids and instants: {masked(answer) == masked(sample)}"
    return saved


def masked(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with words in place of ids and instants."""
    if isinstance(value, Mapping):
        return {name: masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    words = (word for word, form in _GENERATED.items() if isinstance(value, str) and form.fullmatch(value))
    return next(words, value)


def _shown(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Return a line for each field, that of the sample in the same order."""
    for name, value in fields.items():
        if isinstance(value, list):
            yield f"{indent}{name}:"
            for part in value:
                yield from _shown(part, indent + "  ")
        elif name == "tenantId" or masked(value) == value:
            yield f"{indent}{name}: {json.dumps(value)}"
        else:
            yield f"{indent}{name}: {masked(value)}"


def _update(demo: Demo, acme: UserCore, user: User) -> Iterator[str]:
    """Update the user by id, then by username, as hosts in the same process do."""
    save = acme.registration.save
    acme.roles.create("Auditor")
    demo.wait(timedelta(days=1))
    names: UserDetail = {"username": "dwebb", "first_name": "David", "last_name": "Webb-Jones"}
    saved = save(**names | {"id": user.uuid, "version": user.version, "roles": ["Designer", "Auditor", "unknown"]})
    yield f"updated by id: {saved.user.full_name}, version {saved.user.version}, still {saved.user.language}"
    for held in saved.roles:
        yield f"  {held.role.name}: given on {held.assignment.created_at:%d %B}, version {held.assignment.version}"
    stale: UserDetail = {"id": user.uuid, "version": user.version, "roles": ["Designer"]}
    yield demo.refused("the version from before", lambda: save(**names | stale))
    saved = save(**names | {"roles": ["Auditor"]}, upsert=True)
    yield f"AddOrUpdateUser: created {saved.created}, roles {[held.role.name for held in saved.roles]}"
    saved = save(username="jdoe", first_name="John", last_name="Doe", roles=["Auditor"], upsert=True)
    yield f"AddOrUpdateUser of another one: created {saved.created}, {saved.user.full_name}"


def _refuse(demo: Demo, acme: UserCore, user: User) -> Iterator[str]:
    """Save what must be refused."""
    others = demo.core.roles.create("Designer of main")
    names: UserDetail = {"username": "x", "first_name": "X", "last_name": "Y"}
    save = acme.registration.save
    for what, detail in (
        ("an unknown id", {"id": UUID(int=7), "roles": ["Auditor"]}),
        ("a username that another user has", {"username": "DWEBB", "roles": ["Auditor"]}),
        ("an unknown role, by id", {"roles": [UUID(int=7)]}),
        ("another tenant's role", {"roles": [others.uuid]}),
        ("no role that exists", {"roles": ["unknown"]}),
        ("another tenant", {"tenant": "main", "roles": ["Auditor"]}),
        ("a wrong offset, format and culture", {"data_offset_minutes": 7, "date_format": "D", "language": "?"}),
    ):
        given: Any = {**names, "roles": ["Auditor"], **detail}
        yield demo.refused(what, lambda given=given: save(**given))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    yield f"the user after that: {acme.users.get(user.id).full_name}"


def _save_admin(demo: Demo, operators: UserCore) -> Iterator[str]:
    """Save a system admin, who has neither a tenant nor roles."""
    admin: UserDetail = {"username": "root", "first_name": "Ada", "last_name": "Root", "is_admin": True}
    yield f"system admin: {operators.registration.save(**admin).user.is_admin}"
    yield demo.refused(
        "a system admin with roles and a tenant",
        lambda: operators.registration.save(**admin | {"tenant": "acme", "roles": ["Auditor"]}, upsert=True),
    )


def _isolate(demo: Demo, operators: UserCore, acme: UserCore, user: User) -> Iterator[str]:
    """Show that tenants are isolated, and that those of an inactive one are signed out."""
    core = demo.core
    references: dict[str, Reference] = {"their id": user.id, "their UUID": user.uuid}
    for what, ref in references.items():
        yield demo.refused(f"{what}, from main", lambda ref=ref: core.users.get(ref))  # type: ignore[misc]  # as above
    token = acme.sign_in.trusted(user.id).access_token
    operators.tenants.deactivate("acme")
    yield demo.refused("their token, in an inactive tenant", lambda: acme.sign_in.identify(token))
    yield f"tenant/activeTenants: {[tenant.name for tenant in operators.tenants.list(active=True).rows]}"
    operators.tenants.activate("acme")
    yield f"active again: {acme.sign_in.identify(token).user.full_name}"
