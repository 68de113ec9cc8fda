"""Deleting tenants: what is gone at once, and what clean-up finishes."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.services.helpers import PASSWORD, add_tenant, dump, over, refused, register, sign_in, unclaim
from usercore import (
    Actor,
    BuiltIn,
    Email,
    Entry,
    SignInRefused,
    Subject,
    TenantInactive,
    TenantNotFound,
    TenantTaken,
    TokenInvalid,
    User,
    UserCore,
    UserNotFound,
    UserState,
)
from usercore.kernel.ids import TENANT_KIND, uuid_of
from usercore.maintenance import cleanup
from usercore.storage import Unit
from usercore.tenants.service import Tenants
from usercore.testing import FakeClock
from usercore.users.model import NO_ACCESS_IDS, PERSONAL

SHOP = UUID("8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11")


@pytest.fixture
def tenants(core: UserCore) -> Tenants:
    return core.tenant("system").tenants


@pytest.mark.rule("I2", "T3")
def test_a_supplied_uuid_is_the_tenants_and_is_no_other_tenants(core: UserCore, tenants: Tenants) -> None:
    acme = tenants.create("acme", "Acme", uuid=SHOP)
    assert (acme.uuid, tenants.get(SHOP), tenants.list().rows[0]) == (SHOP, acme, acme)
    assert core.tenant(SHOP).context.tenant_id == acme.id
    other = add_tenant(core, "other")
    for uuid in (SHOP, other.uuid):
        with refused(core, TenantTaken, but=()) as taken:
            tenants.create("third", "Third", uuid=uuid)
        assert (taken.value.space, taken.value.field) == ("tenant_uuid", "uuid")
    with refused(core, TenantNotFound, but=()):
        tenants.get(uuid_of(acme.id, TENANT_KIND))
    with refused(core, TypeError, but=()):
        tenants.create("third", "Third", uuid=str(SHOP))  # type: ignore[arg-type]  # what is refused


@pytest.mark.rule("T1", "T7")
@pytest.mark.parametrize("key", ["system", "main", "MAIN"])
def test_a_built_in_tenant_is_not_deleted(core: UserCore, tenants: Tenants, key: str) -> None:
    with refused(core, BuiltIn, but=()):
        tenants.delete(key)


@pytest.mark.rule("T7", "X2")
def test_a_deleted_tenant_is_not_there(core: UserCore, tenants: Tenants, clock: FakeClock) -> None:
    acme = tenants.create("acme", "Acme", uuid=SHOP)
    bound = core.tenant("acme")
    ann = register(bound, password=PASSWORD)
    token, login_token, api = sign_in(bound, ann), bound.login_tokens.issue(ann.id), bound.api_tokens.issue("Export")
    clock.tick()
    core.tenant("system").bind(actor=Actor.operator("Olga")).tenants.delete("ACME")
    for key in ("acme", SHOP, acme.uuid):
        with refused(core, TenantNotFound, but=()):
            core.tenant(key)
        with refused(core, TenantNotFound, but=()):
            tenants.get(key)
    assert "Acme" not in [tenant.name for tenant in tenants.list()]
    refusals: tuple[tuple[type[Exception], Callable[[], object]], ...] = (
        (TokenInvalid, lambda: bound.sign_in.identify(token)),
        (TokenInvalid, lambda: bound.api_tokens.authorize(api.secret, "orders")),
        (SignInRefused, lambda: bound.sign_in.with_password("ann@example.com", PASSWORD)),
        (SignInRefused, lambda: bound.sign_in.with_login_token(login_token)),
        (SignInRefused, lambda: bound.sign_in.trusted(ann.id)),
        (TenantInactive, lambda: bound.registration.register("bob@example.com")),
    )
    for error, call in refusals:
        with pytest.raises(error):
            call()
    again = tenants.create("acme", "Acme", uuid=SHOP)
    assert core.tenant("acme").context.tenant_id == core.tenant(SHOP).context.tenant_id == again.id
    assert core.tenant("acme").users.find(Email("ann@example.com")) is None
    with pytest.raises(SignInRefused):
        core.tenant("acme").sign_in.with_password("ann@example.com", PASSWORD)


@pytest.mark.rule("T7")
def test_another_process_binds_no_core_to_a_deleted_tenant_for_long(
    core: UserCore, tenants: Tenants, clock: FakeClock
) -> None:
    another = over(core)
    first = add_tenant(core)
    assert another.tenant("acme").context.tenant_id == first.id
    tenants.delete("acme")
    second = add_tenant(core)
    assert core.tenant("acme").context.tenant_id == second.id, "at once in the process that deleted it"
    clock.advance(timedelta(seconds=5))
    assert another.tenant("acme").context.tenant_id == second.id
    clock.advance(timedelta(seconds=-9))
    tenants.delete("acme")
    with pytest.raises(TenantNotFound):
        another.tenant("acme")


def fill(acme: UserCore) -> None:
    """Register five users in each state, in a role and a group."""
    users = [register(acme, f"user{number}", password=PASSWORD, username=f"u{number}") for number in range(5)]
    acme.roles.create("Editors", active=False)
    acme.groups.create("Readers")
    for user in users:
        acme.roles.give(user.id, "Editors")
        acme.groups.add(user.id, "Readers")
        acme.meta.upsert(user.id, "size", "42")
        acme.products.grant(user.id, ["weekly"])
    acme.users.deactivate(users[1].id)
    unclaim(acme, register(acme, "user9"))
    acme.emails.set_verified(users[2].id, verified=True)
    acme.emails.change(users[2].id, "moved@example.com", undo=True)


@pytest.mark.rule("T7", "X6")
def test_cleanup_erases_the_users_of_a_deleted_tenant_in_batches(
    core: UserCore, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "ERASED_AT_ONCE", 2)
    kept = register(core, "kept", password=PASSWORD)
    before = dump(core)
    add_tenant(core)
    acme = core.tenant("acme")
    fill(acme)
    acme.history.log_action("printed", params={"for": "user0@example.com"})
    tenants.delete("acme")
    batches: list[int] = []

    def stop_after_one(rows: int) -> None:
        batches.append(rows)
        if len(batches) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        core.cleanup(on_progress=stop_after_one)
    cleaned = core.cleanup(on_progress=batches.append)
    assert (cleaned.tenants, cleaned.roles, cleaned.groups) == (7, 1, 1)
    assert batches[:4] == [2, 2, 1, 1], "users, then those in other states"
    after = dump(core)
    erased = [row for row in after["users"] if row not in before["users"]]
    assert ["erased" in row["state"] for row in erased] == [True] * 6
    text = repr({table: rows for table, rows in after.items() if table != "registration_attempts"})
    for personal in ("user0", "user9", "moved@", "'u3'"):
        assert personal not in text
    for table in ("claims", "meta", "credentials", "attempts"):
        assert after.get(table, []) == before.get(table, [])
    for table in ("roles", "groups", "group_members", "role_assignments", "product_grants", "access_tokens"):
        assert table not in after
    assert core.users.get(kept.id) == kept
    assert core.cleanup().tenants == 0
    for user in erased:
        with pytest.raises(UserNotFound):
            acme.users.get(int(user["id"]))


@pytest.mark.rule("T7")
def test_a_deletion_is_finished_a_day_after_it_so_that_late_units_leave_nothing(
    core: UserCore, tenants: Tenants, clock: FakeClock
) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    tenants.delete("acme")
    core.cleanup()
    acme.registration.import_users([{"email": "late@example.com"}])
    clock.advance(timedelta(days=1, seconds=1))
    assert core.cleanup().tenants == 1
    assert acme.users.find(Email("late@example.com")) is None

    def unfinished(unit: Unit) -> int:
        return len(unit.tenants.list_deleted(9))

    assert core._service.units.read(unfinished) == 0
    assert core.cleanup().tenants == 0


@pytest.mark.rule("T7", "X2", "X6")
def test_an_erased_user_has_no_personal_values_in_the_row_and_in_history(core: UserCore, tenants: Tenants) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    ann = register(acme, first_name="Ann", last_name="Lee", note="rich", username="ann", external_id="ext-17")
    acme.users.update(ann.id, first_name="Anna", referer="https://example.com/")
    tenants.delete("acme")
    core.cleanup()

    def query(unit: Unit) -> tuple[User | None, list[Entry]]:
        return unit.users.get(ann.id), unit.history.list_of(Subject.USER, ann.id, before=None, limit=99)

    user, entries = acme._service.units.read(query)
    assert user is not None
    assert (user.state, user.version, user.created_at) == (UserState.ERASED, ann.version + 2, ann.created_at)
    assert {getattr(user, name) for name in PERSONAL} == {None, NO_ACCESS_IDS}
    assert [entry.kind for entry in entries] == ["user.erased", "user.updated", "user.registered"]
    texts = repr([(entry.old_text, entry.new_text) for entry in entries])
    assert not [personal for personal in ("Ann", "Lee", "rich", "ann@", "ext-17") if personal in texts]
