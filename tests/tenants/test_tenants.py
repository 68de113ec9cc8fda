"""Tenants: the built-in ones, their fields, the list, and the effect of deactivating one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.services.helpers import PASSWORD, add_tenant, refused, register, sign_in, unchanged
from usercore import (
    BuiltIn,
    Email,
    Identity,
    Invalid,
    SignInRefused,
    StaleVersion,
    SystemOnly,
    Taken,
    Tenant,
    TenantInactive,
    TenantNotFound,
    TenantStaleVersion,
    TenantTaken,
    TokenInvalid,
    UserCore,
)
from usercore.kernel.ids import TENANT_KIND, uuid_of
from usercore.kernel.preferences import DateFormat
from usercore.tenants.service import Tenants
from usercore.testing import NOON, FakeClock


@pytest.fixture
def tenants(core: UserCore) -> Tenants:
    return core.tenant("system").tenants


def names(tenants: Tenants, **asked: Any) -> list[str]:
    return [tenant.name for tenant in tenants.list(**asked).rows]


@pytest.mark.rule("T1")
def test_a_new_store_has_two_tenants_and_no_users(core: UserCore, tenants: Tenants) -> None:
    assert [(tenant.key, tenant.active) for tenant in tenants.list().rows] == [("main", True), ("system", True)]
    assert core.context.tenant_key == "main"
    assert core.tenant("main").context == core.context


@pytest.mark.rule("T1")
def test_a_core_is_bound_to_a_tenant_by_its_key_in_any_case(core: UserCore) -> None:
    acme = add_tenant(core, "Acme")
    assert core.tenant("ACME").context.tenant_id == core.tenant("acme").context.tenant_id == acme.id
    with refused(core, TenantNotFound, but=()):
        core.tenant("other")
    with refused(core, TypeError, but=()):
        core.tenant(2)  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("I2", "T1")
def test_a_tenant_is_found_by_its_uuid(core: UserCore, tenants: Tenants) -> None:
    acme = add_tenant(core, "Acme")
    assert tenants.get(acme.uuid) == tenants.get("acme") == acme
    assert core.tenant(acme.uuid).context == core.tenant("acme").context == core.tenant(acme.uuid).context
    assert core.tenant(tenants.get("main").uuid).context == core.context


@pytest.mark.rule("I2", "T2")
def test_a_uuid_of_no_tenant_is_refused(core: UserCore, tenants: Tenants) -> None:
    user = register(core)
    for uuid in (uuid_of(1 << 50, TENANT_KIND), user.uuid, UUID(int=0), UUID(int=(1 << 128) - 1)):
        with refused(core, TenantNotFound, but=()):
            core.tenant(uuid)
        with refused(core, TenantNotFound, but=()):
            tenants.get(uuid)


@pytest.mark.rule("I2")
def test_a_key_in_the_form_of_a_uuid_is_a_key(core: UserCore, tenants: Tenants) -> None:
    acme = add_tenant(core, "acme")
    with refused(core, TenantNotFound, but=()):
        tenants.get(str(acme.uuid))
    assert core.tenant(acme.uuid).context.tenant_id == acme.id, "and is looked up faster from now on"
    twin = add_tenant(core, str(acme.uuid))
    assert tenants.get(acme.uuid) == acme
    assert tenants.get(str(acme.uuid)) == twin
    assert core.tenant(str(acme.uuid)).context.tenant_id == twin.id
    assert core.tenant(acme.uuid).context.tenant_id == acme.id


@pytest.mark.rule("T1")
def test_tenants_are_managed_from_system_only(core: UserCore) -> None:
    tenants = core.tenants
    for call in (
        lambda: tenants.create("acme", "Acme"),
        lambda: tenants.get("main"),
        lambda: tenants.update("main", country="SK"),
        lambda: tenants.activate("main"),
        lambda: tenants.deactivate("main"),
        lambda: tenants.delete("main"),
        tenants.list,
    ):
        with refused(core, SystemOnly, but=()):
            call()


@pytest.mark.rule("T1")
def test_the_built_in_tenants_cannot_be_renamed_and_system_cannot_be_deactivated(
    core: UserCore, tenants: Tenants
) -> None:
    for key in ("system", "main"):
        with refused(core, BuiltIn, but=()):
            tenants.update(key, name="other")
        assert tenants.update(key, name=key, country="SK").country == "SK"
    with refused(core, BuiltIn, but=()):
        tenants.deactivate("system")


@pytest.mark.rule("T3")
def test_every_field_is_stored(core: UserCore, tenants: Tenants) -> None:
    created = tenants.create(
        "acme",
        " Acme Ltd. ",
        description="one\ntwo",
        time_zone="Europe/Bratislava",
        country="sk",
        language="sk_sk",
        date_format="DD/MM/YYYY",
        timestamp_offset_minutes=60,
        data_offset_minutes=-15,
    )
    assert tenants.get("ACME") == created
    assert (created.key, created.name, created.description, created.active) == ("acme", "Acme Ltd.", "one\ntwo", True)
    assert (created.time_zone, created.country, created.language) == ("Europe/Bratislava", "SK", "sk-SK")
    assert (created.timestamp_offset_minutes, created.data_offset_minutes) == (60, -15)
    assert created.date_format is DateFormat.DAY_FIRST
    assert (created.created_at, created.created_by, created.version) == (NOON, "host", 1)
    assert core.tenant("acme").context.tenant_key == "acme"


@pytest.mark.rule("T3", "T8", "U13")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Acme & Sons"),
        ("description", "makes everything"),
        ("time_zone", "Europe/Bratislava"),
        ("country", "SK"),
        ("language", "sk"),
        ("date_format", "DD/MM/YYYY"),
        ("timestamp_offset_minutes", 60),
        ("data_offset_minutes", -15),
    ],
)
def test_each_field_is_updated(core: UserCore, clock: FakeClock, tenants: Tenants, field: str, value: Any) -> None:
    old = add_tenant(core)
    clock.tick()
    given: dict[str, Any] = {field: value}
    new = tenants.update("acme", **given, version=1)
    assert (getattr(new, field), new.version, new.modified_at) == (value, 2, clock.now)
    assert tenants.get("acme") == new != old
    with unchanged(core):
        assert tenants.update("acme", **given).version == new.version
    with refused(core, StaleVersion, but=()) as raised:
        tenants.update("acme", description="late", version=1)
    assert (type(raised.value), raised.value.code) == (TenantStaleVersion, "tenants.stale_version")


@pytest.mark.rule("T3")
def test_key_and_name_are_unique_ignoring_case(core: UserCore, tenants: Tenants) -> None:
    add_tenant(core, "acme")
    for key, name, space in (("ACME", "Other", "tenant_key"), ("other", "ACME", "tenant_name")):
        with refused(core, Taken, but=()) as raised:
            tenants.create(key, name)
        assert (type(raised.value), raised.value.code) == (TenantTaken, "tenants.taken")
        assert raised.value.space == space
    add_tenant(core, "other")
    with refused(core, Taken, but=()) as raised:
        tenants.update("other", name="aCME")
    assert raised.value.code == "tenants.taken"
    assert tenants.update("acme", name="ACME").name == "ACME"


@pytest.mark.rule("T3", "ERR")
def test_all_errors_are_reported_at_once(core: UserCore, tenants: Tenants) -> None:
    with refused(core, Invalid, but=()) as raised:
        tenants.create("", "n" * 257, time_zone="Mars/Olympus", country="SVK", language="", data_offset_minutes=7)
    fields = [fault.field for fault in raised.value.errors]
    assert fields == ["key", "name", "time_zone", "country", "language", "data_offset_minutes"]


@pytest.mark.rule("T3")
def test_deactivating_a_tenant_disables_every_sign_in_and_token_and_activating_restores_them(
    core: UserCore, tenants: Tenants
) -> None:
    user = register(core, password=PASSWORD)
    token, login_token = sign_in(core, user), core.login_tokens.issue(user.id)
    ways: tuple[Callable[[], Identity], ...] = (
        lambda: core.sign_in.with_password("ann@example.com", PASSWORD),
        lambda: core.sign_in.with_login_token(login_token),
        lambda: core.sign_in.with_access_token(token),
        lambda: core.sign_in.trusted(user.id),
    )
    assert not tenants.deactivate("main").active
    for way in ways:
        with refused(core, SignInRefused):
            way()
    with refused(core, TokenInvalid):
        core.sign_in.identify(token)
    with refused(core, TenantInactive):
        core.registration.register("bob@example.com")
    assert core.history.explain(user.id) == ("inactive_tenant",)
    assert tenants.activate("main").active
    assert core.sign_in.identify(token).user == core.users.get(Email("ann@example.com"))
    assert [way().user.id for way in ways] == [user.id] * 4


@pytest.mark.rule("T3")
def test_deactivating_or_activating_twice_changes_nothing(core: UserCore, tenants: Tenants) -> None:
    add_tenant(core)
    with unchanged(core):
        tenants.activate("acme")
    shut = tenants.deactivate("acme")
    with unchanged(core):
        assert tenants.deactivate("acme").version == shut.version


@pytest.mark.rule("T3")
def test_tenants_are_listed_by_name_and_whether_they_are_active(core: UserCore, tenants: Tenants) -> None:
    for key in ("Zoo", "acme", "Ölwerk"):
        add_tenant(core, key)
    tenants.deactivate("zoo")
    assert names(tenants) == ["Acme", "main", "system", "Zoo", "Ölwerk"]
    assert names(tenants, active=True) == ["Acme", "main", "system", "Ölwerk"]
    assert names(tenants, active=False) == ["Zoo"]


@pytest.mark.rule("T3")
def test_a_list_continues_after_its_cursor_although_tenants_are_added(core: UserCore, tenants: Tenants) -> None:
    first = tenants.list(limit=1)
    assert [tenant.name for tenant in first.rows] == ["main"]
    add_tenant(core, "acme")
    add_tenant(core, "north")
    second = tenants.list(limit=2, cursor=first.cursor)
    assert [tenant.name for tenant in second.rows] == ["North", "system"]
    assert second.cursor is None


@pytest.mark.rule("T3")
@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1001}, {"cursor": "?"}, {"cursor": "WzFd"}], ids=str)
def test_a_wrong_page_is_refused(core: UserCore, tenants: Tenants, asked: dict[str, Any]) -> None:
    with refused(core, Invalid, but=()):
        tenants.list(**asked)


@pytest.mark.rule("T3")
def test_changing_an_unknown_tenant_is_refused(core: UserCore, tenants: Tenants) -> None:
    calls: tuple[Callable[[str], Tenant | None], ...] = (
        lambda key: tenants.update(key, country="SK"),
        tenants.activate,
        tenants.deactivate,
        tenants.delete,
        tenants.get,
    )
    for call in calls:
        with refused(core, TenantNotFound, but=()):
            call("other")
