"""Every public method is driven: what changes stored state leaves the rows it should, and nothing else leaves any."""

import inspect
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from types import FunctionType

import attrs
import pytest

from tests.services.helpers import (
    ANOTHER,
    PASSWORD,
    TRIES,
    Dump,
    add_tenant,
    changed,
    dump,
    over,
    register,
    sign_in,
)
from usercore import Event, PasswordCredentials, Secret, Subscriber, User, UserCore
from usercore.testing import FakeClock, MemoryMailer

NO_CHANGES = TRIES | {"deliveries", "history"}
"""Tables that history says nothing of, and history itself."""

NO_CHANGE = {"last_used_at", "last_sign_in_at", "last_sign_in_ip"}


@attrs.frozen(kw_only=True)
class Stage:
    """A store in which every call has something to do."""

    core: UserCore
    ann: User
    bob: User
    access: Secret
    login: Secret
    link: str
    failed_id: str

    @property
    def system(self) -> UserCore:
        return self.core.tenant("system")


Call = Callable[[Stage], object]

CALLS: dict[str, tuple[Call, list[str]]] = {
    "atomic": (
        lambda on: on.core.atomic(lambda core: core.users.update(on.ann.id, first_name="Ann")),
        ["user.updated"],
    ),
    "tenants.create": (lambda on: on.system.tenants.create("north", "North"), ["tenant.created"]),
    "tenants.get": (lambda on: on.system.tenants.get("acme"), []),
    "tenants.list": (lambda on: on.system.tenants.list(), []),
    "tenants.update": (lambda on: on.system.tenants.update("acme", country="SK"), ["tenant.updated"]),
    "tenants.activate": (lambda on: on.system.tenants.activate("acme"), ["tenant.activated"]),
    "tenants.deactivate": (lambda on: on.system.tenants.deactivate("main"), ["tenant.deactivated"]),
    "users.get": (lambda on: on.core.users.get(on.ann.id), []),
    "users.find": (lambda on: on.core.users.find(on.ann.id), []),
    "users.status": (lambda on: on.core.users.status(on.ann.id), []),
    "users.preferences": (lambda on: on.core.users.preferences(on.ann.id), []),
    "users.update": (lambda on: on.core.users.update(on.ann.id, first_name="Ann"), ["user.updated"]),
    "users.link_external_id": (lambda on: on.core.users.link_external_id(on.ann.id, 1), ["user.ids_changed"]),
    "users.unlink_external_id": (lambda on: on.core.users.unlink_external_id(on.bob.id), ["user.ids_changed"]),
    "users.set_access_ids": (lambda on: on.core.users.set_access_ids(on.ann.id, ["a"]), ["user.ids_changed"]),
    "users.activate": (lambda on: on.core.users.activate(on.bob.id), ["user.activated"]),
    "users.deactivate": (lambda on: on.core.users.deactivate(on.ann.id), ["user.deactivated", "tokens.revoked"]),
    "registration.register": (
        lambda on: on.core.registration.register("dan@example.com", password=PASSWORD),
        ["user.registered", "password.set", "user.welcomed", "access_token.issued"],
    ),
    "registration.register_external": (
        lambda on: on.core.registration.register_external("dan@example.com"),
        ["user.registered"],
    ),
    "registration.request": (lambda on: on.core.registration.request("dan@example.com"), ["registration.requested"]),
    "registration.complete": (
        lambda on: on.core.registration.complete(on.link),
        ["user.registered", "access_token.issued", "registration.completed"],
    ),
    "registration.check_email": (lambda on: on.core.registration.check_email("ann@example.com", PASSWORD), []),
    "registration.import_users": (
        lambda on: on.core.registration.import_users(
            [{"email": "dan@example.com"}, {"external_id": "17", "first_name": "Bob"}]
        ),
        ["user.imported"] * 2,
    ),
    "sign_in.authenticate": (
        lambda on: on.core.sign_in.authenticate(PasswordCredentials(login="ann@example.com", password=PASSWORD)),
        ["access_token.issued"],
    ),
    "sign_in.with_password": (
        lambda on: on.core.sign_in.with_password("ann@example.com", PASSWORD),
        ["access_token.issued"],
    ),
    "sign_in.with_login_token": (
        lambda on: on.core.sign_in.with_login_token(on.login),
        ["login_token.redeemed", "access_token.issued"],
    ),
    "sign_in.with_access_token": (lambda on: on.core.sign_in.with_access_token(on.access), []),
    "sign_in.trusted": (lambda on: on.core.sign_in.trusted(on.ann.id), ["access_token.issued"]),
    "sign_in.identify": (lambda on: on.core.sign_in.identify(on.access), []),
    "sign_in.verify_password": (lambda on: on.core.sign_in.verify_password("ann@example.com", PASSWORD), []),
    "passwords.set": (lambda on: on.core.passwords.set(on.ann.id, ANOTHER), ["password.set", "tokens.revoked"]),
    "emails.change": (
        lambda on: on.core.emails.change(on.ann.id, "lee@example.com"),
        ["user.email_changed", "user.email_replaced", "tokens.revoked"],
    ),
    "emails.set_verified": (
        lambda on: on.core.emails.set_verified(on.bob.id, verified=True),
        ["user.email_verification_changed"],
    ),
    "access_tokens.list": (lambda on: on.core.access_tokens.list(on.ann.id), []),
    "access_tokens.revoke": (lambda on: on.core.access_tokens.revoke(on.access), ["access_token.revoked"]),
    "access_tokens.revoke_all": (lambda on: on.core.access_tokens.revoke_all(on.ann.id), ["tokens.revoked"]),
    "login_tokens.issue": (lambda on: on.core.login_tokens.issue(on.ann.id), ["login_token.issued"]),
    "login_tokens.issue_many": (lambda on: on.core.login_tokens.issue_many(on.ann.id, 2), ["login_token.issued"] * 2),
    "history.of_user": (lambda on: on.core.history.of_user(on.ann.id), []),
    "history.attempts": (lambda on: on.core.history.attempts(on.ann.id), []),
    "history.explain": (lambda on: on.core.history.explain(on.ann.id), []),
    "outbox.deliver": (lambda on: on.core.outbox.deliver(), ["password.set"]),
    "outbox.pending": (lambda on: on.core.outbox.pending(), []),
    "outbox.failed": (lambda on: on.core.outbox.failed(), []),
    "outbox.retry": (lambda on: on.core.outbox.retry(on.failed_id), []),
    "outbox.discard": (lambda on: on.core.outbox.discard(on.failed_id), []),
    "over": (lambda on: UserCore.over(on.core._engine.storage, on.core._engine.host), []),
    "tenant": (lambda on: on.core.tenant("acme"), []),
    "bind": (lambda on: on.core.bind(ip="192.0.2.1"), []),
    "relay": (lambda on: on.core.relay(), []),
    "cleanup": (lambda on: on.core.cleanup(), []),
    "close": (lambda on: on.core.close(), []),
}
"""How each public method is driven, and the kinds of the rows that it leaves."""


def fail(_: Event) -> None:
    raise ConnectionError


@pytest.fixture
def stage(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> Stage:
    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.deactivated"}, handle=fail)])
    bob = register(core, "bob", external_id="17")
    core.users.deactivate(bob.id)
    core.outbox.deliver()
    clock.advance(timedelta(days=1))
    core.registration.request("new@example.com")
    core.outbox.deliver()
    link = re.search(r"join/(\S+)", mailer.sent[-1].text)
    assert link
    add_tenant(core)
    core.tenant("system").tenants.deactivate("acme")
    ann = core.emails.set_verified(register(core, password=PASSWORD).id, verified=True)
    core.registration.register("cid@example.com", sign_in=False)
    return Stage(
        core=core,
        ann=ann,
        bob=bob,
        access=sign_in(core, ann),
        login=core.login_tokens.issue(ann.id),
        link=link[1],
        failed_id=core.outbox.failed().rows[0].id,
    )


def public_methods() -> set[str]:
    """Give the names of the core's public methods and of its services'."""
    members = [(name, value) for name, value in vars(UserCore).items() if not name.startswith("_")]
    own = {name for name, value in members if isinstance(value, FunctionType | classmethod)}
    own -= {"joined"}  # changes nothing by itself; its cases drive every call
    for name, value in members:
        if isinstance(value, cached_property):
            service = inspect.get_annotations(value.func)["return"]
            methods = [method for method, _ in inspect.getmembers(service, inspect.isfunction)]
            own |= {f"{name}.{method}" for method in methods if not method.startswith("_")}
    return own


def state_in(dump: Dump) -> Dump:
    """Leave out what is no change."""
    return {
        table: [{field: value for field, value in row.items() if field not in NO_CHANGE} for row in rows]
        for table, rows in dump.items()
        if table not in NO_CHANGES
    }


def history_in(dump: Dump) -> Counter[str]:
    return Counter(row["kind"].strip("'") for row in dump.get("history", []))


@pytest.mark.rule("X2")
def test_every_public_method_is_driven() -> None:
    assert set(CALLS) == public_methods()


@pytest.mark.rule("X2")
@pytest.mark.parametrize("name", CALLS)
def test_a_change_leaves_its_rows_and_a_call_without_effect_leaves_none(stage: Stage, name: str) -> None:
    call, kinds = CALLS[name]
    before = dump(stage.core)
    call(stage)
    after = dump(stage.core)
    assert history_in(after) - history_in(before) == Counter(kinds)
    assert bool(changed(state_in(before), state_in(after))) == bool(kinds)
