"""The contract of tenants."""

import itertools
from datetime import datetime
from uuid import UUID

import pytest

from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import TenantNotFound
from usercore.kernel.ids import LIMIT, TENANT_KIND, TenantId, uuid_of
from usercore.kernel.text import unique_key
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.tenants.model import BUILT_IN, Tenant
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_runs_again,
    store,
    units_of,
    write_and_fail,
)
from usercore.testing.contracts.named import NAMES
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, TENANT, a_tenant
from usercore.testing.strategies import tenants


def get(units: Units[Unit], tenant_id: int = ACME) -> Tenant:
    """Return a tenant that must exist."""
    tenant = units.read(lambda unit: unit.tenants.get(TenantId(tenant_id)))
    assert tenant is not None
    return tenant


def numbered(number: int, **fields: object) -> Tenant:
    """Return a tenant whose id, key and name are unique."""
    return evolve(a_tenant(id=number, key=f"key {number}", name=f"name {number}"), **fields)


def listed(units: Units[Unit], limit: int, *, active: bool | None = None) -> list[Tenant]:
    """Return all tenants but those built in, page after page."""
    found: list[Tenant] = []
    after = None
    while page := units.read(lambda unit: unit.tenants.list_from(after, active=active, limit=limit)):  # noqa: B023
        assert len(page) <= limit
        assert len(found) < 1000, "the pages never end"
        found += page
        after = unique_key(page[-1].name)
    return [tenant for tenant in found if tenant.id not in BUILT_IN]


class TenantRepositoryContract(Contract):
    """One case for each promise of ``TenantRepository``."""

    def test_a_new_store_has_no_tenants(self, storage: Storage) -> None:
        new = units_of(storage, SYSTEM)
        assert new.read(lambda unit: unit.tenants.list_from(None, active=None, limit=9)) == []
        assert new.read(lambda unit: unit.tenants.get(MAIN)) is None

    @pytest.mark.rule("T3")
    def test_tenants_are_stored_completely(self, main: Units[Unit]) -> None:
        numbers = itertools.count(1000)

        def check(generated: Tenant) -> None:
            number = next(numbers)
            unique = {"id": number, "key": f"{number}{generated.key}", "name": f"{number}{generated.name}"}
            tenant = evolve(generated, **unique, supplied_uuid=UUID(int=number), deleted_at=None)
            store(main, lambda unit: unit.tenants.add, tenant)
            assert_same(get(main, number), tenant)
            assert_same(main.read(lambda unit: unit.tenants.find_by_key(tenant.key)), tenant)
            assert_same(main.read(lambda unit: unit.tenants.find_by_name(tenant.name)), tenant)

        check_for_all(tenants(), check)

    @pytest.mark.parametrize(
        "tenant",
        [
            TENANT,
            a_tenant(id=LIMIT - 1, created_at=FIRST, modified_at=LAST - TICK, version=LIMIT - 1, change_no=LIMIT - 1),
            a_tenant(key="k" * 256, name="😀" * 256, description="", country=None),
        ],
        ids=["sample", "numbers", "texts"],
    )
    @pytest.mark.rule("T3")
    def test_tenants_with_boundary_values_are_stored(self, main: Units[Unit], tenant: Tenant) -> None:
        store(main, lambda unit: unit.tenants.add, tenant)
        assert_same(get(main, tenant.id), tenant)

    def test_a_missing_tenant_is_none(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, TENANT)
        assert main.read(lambda unit: unit.tenants.get(TenantId(999))) is None
        assert main.read(lambda unit: unit.tenants.is_active(TenantId(999))) is False
        assert main.read(lambda unit: unit.tenants.find_by_key(TENANT.name)) is None
        assert main.read(lambda unit: unit.tenants.find_by_name(TENANT.key)) is None

    @pytest.mark.rule("T3")
    def test_a_tenant_says_whether_it_is_active(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, numbered(11, active=True), numbered(12, active=False))
        assert main.read(lambda unit: unit.tenants.is_active(TenantId(11))) is True
        assert main.read(lambda unit: unit.tenants.is_active(TenantId(12))) is False
        main.write(lambda unit: unit.tenants.replace(evolve(unit.tenants.lock(TenantId(11)), active=False)))
        assert main.read(lambda unit: unit.tenants.is_active(TenantId(11))) is False

    @pytest.mark.parametrize("spelling", ["acme", "ACME", "AcMe", "\uff41\uff43\uff4d\uff45"])
    @pytest.mark.rule("T3")
    def test_key_and_name_are_found_ignoring_case_and_width(self, main: Units[Unit], spelling: str) -> None:
        tenant = a_tenant(key="acme", name="Acme")
        store(main, lambda unit: unit.tenants.add, tenant)
        assert main.read(lambda unit: unit.tenants.find_by_key(spelling)) == tenant
        assert main.read(lambda unit: unit.tenants.find_by_name(spelling)) == tenant

    @pytest.mark.parametrize(
        ("field", "taken"),
        [("id", ACME), ("key", "acme"), ("key", "\uff21CME"), ("name", "Acme Ltd."), ("name", "ACME LTD.")],
    )
    @pytest.mark.rule("T3")
    def test_a_key_or_name_of_another_tenant_runs_the_unit_again(
        self, main: Units[Unit], field: str, taken: object
    ) -> None:
        store(main, lambda unit: unit.tenants.add, TENANT)
        check_runs_again(
            main, lambda unit, fields: unit.tenants.add(numbered(11, **fields)), taken={field: taken}, free={}
        )
        assert get(main) == TENANT
        assert get(main, 11) == numbered(11)

    @pytest.mark.rule("T3")
    def test_a_unit_that_fails_leaves_key_and_name_free(self, main: Units[Unit]) -> None:
        write_and_fail(main, lambda unit: unit.tenants.add(TENANT))
        store(main, lambda unit: unit.tenants.add, a_tenant(id=11))
        assert main.read(lambda unit: unit.tenants.find_by_key("acme")) == a_tenant(id=11)

    @pytest.mark.rule("X2")
    def test_lock_counts_a_change_and_returns_the_current_tenant(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, TENANT)
        locked = main.write(lambda unit: unit.tenants.lock(ACME))
        assert_same(locked, evolve(TENANT, change_no=TENANT.change_no + 1))
        assert get(main) == locked

    def test_locking_a_missing_tenant_is_refused(self, main: Units[Unit]) -> None:
        with pytest.raises(TenantNotFound):
            main.write(lambda unit: unit.tenants.lock(TenantId(999)))

    @pytest.mark.rule("T3")
    def test_a_tenant_is_replaced_completely(self, main: Units[Unit]) -> None:
        def check(generated: Tenant) -> None:
            locked = main.write(lambda unit: [unit.tenants.lock(ACME), unit.tenants.replace(generated)][0])
            assert locked is not None
            stays = {"key": TENANT.key, "supplied_uuid": None, "change_no": locked.change_no}
            assert_same(get(main), evolve(generated, **stays))

        store(main, lambda unit: unit.tenants.add, TENANT)
        own = {"id": ACME, "deleted_at": None}
        check_for_all(tenants().map(lambda drawn: evolve(drawn, name=f"its {drawn.name}", **own)), check)

    @pytest.mark.rule("T3")
    def test_a_new_name_is_found_and_the_old_one_is_free(self, main: Units[Unit]) -> None:
        renamed = a_tenant(name="Umbrella", change_no=TENANT.change_no + 1)
        store(main, lambda unit: unit.tenants.add, TENANT)
        main.write(lambda unit: [unit.lock_tenant(ACME), unit.tenants.replace(renamed)])
        assert main.read(lambda unit: unit.tenants.find_by_name("umbrella")) == renamed
        assert main.read(lambda unit: unit.tenants.find_by_name(TENANT.name)) is None
        store(main, lambda unit: unit.tenants.add, numbered(11, name=TENANT.name))

    @pytest.mark.rule("T3")
    def test_the_own_name_may_be_spelt_otherwise(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, TENANT)
        main.write(lambda unit: [unit.lock_tenant(ACME), unit.tenants.replace(a_tenant(name="ACME LTD."))])
        assert get(main).name == "ACME LTD."

    @pytest.mark.rule("T3")
    def test_renaming_to_anothers_name_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def rename(unit: Unit, name: str) -> None:
            unit.tenants.replace(evolve(unit.tenants.lock(TenantId(11)), name=name))

        store(main, lambda unit: unit.tenants.add, TENANT, numbered(11))
        check_runs_again(main, rename, taken="ACME ltd.", free="free")
        assert [get(main, number).name for number in (ACME, 11)] == [TENANT.name, "free"]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    @pytest.mark.rule("T3")
    def test_tenants_are_listed_by_the_key_of_their_name(self, main: Units[Unit], limit: int) -> None:
        several = [numbered(number, name=name) for number, name in enumerate(NAMES, start=11)]
        store(main, lambda unit: unit.tenants.add, *several)
        assert listed(main, limit) == sorted(several, key=lambda tenant: unique_key(tenant.name))

    @pytest.mark.parametrize("active", [True, False])
    @pytest.mark.rule("T3")
    def test_tenants_are_listed_by_being_active(self, main: Units[Unit], *, active: bool) -> None:
        several = [numbered(number, active=number % 2 == 0) for number in range(11, 17)]
        store(main, lambda unit: unit.tenants.add, *several)
        assert listed(main, 2, active=active) == [tenant for tenant in several if tenant.active is active]

    @pytest.mark.rule("I2", "T3")
    def test_a_supplied_uuid_is_found_and_precedes_a_derived_one(self, main: Units[Unit]) -> None:
        first, second = numbered(11), numbered(12, supplied_uuid=uuid_of(13, TENANT_KIND))
        store(main, lambda unit: unit.tenants.add, first, second, numbered(13))
        assert find_by_uuid(main, first.uuid) == first
        assert find_by_uuid(main, second.uuid) == second
        assert find_by_uuid(main, uuid_of(12, TENANT_KIND)) is None
        assert find_by_uuid(main, uuid_of(999, TENANT_KIND)) is None
        assert find_by_uuid(main, UUID(int=0)) is None
        main.write(lambda unit: unit.tenants.replace(evolve(unit.tenants.lock(TenantId(12)), supplied_uuid=None)))
        locked_once = evolve(second, change_no=second.change_no + 1)
        assert find_by_uuid(main, second.uuid) == locked_once, "it never changes"
        check_runs_again(
            main,
            lambda unit, uuid: unit.tenants.add(numbered(14, supplied_uuid=uuid)),
            taken=second.uuid,
            free=UUID(int=1),
        )

    @pytest.mark.rule("T7")
    def test_a_deleted_tenant_is_not_there_and_its_names_are_free(self, main: Units[Unit]) -> None:
        tenant = a_tenant(supplied_uuid=UUID(int=7))
        store(main, lambda unit: unit.tenants.add, tenant)
        delete(main, ACME)
        for number in (11, 12):
            store(main, lambda unit: unit.tenants.add, evolve(tenant, id=number))
            delete(main, number)
        assert main.read(lambda unit: unit.tenants.get(ACME)) is None
        assert main.read(lambda unit: unit.tenants.find_by_key(tenant.key)) is None
        assert main.read(lambda unit: unit.tenants.find_by_name(tenant.name)) is None
        assert find_by_uuid(main, tenant.uuid) is None
        assert listed(main, 9) == []
        with pytest.raises(TenantNotFound):
            main.write(lambda unit: unit.tenants.lock(ACME))
        store(main, lambda unit: unit.tenants.add, evolve(tenant, id=13))
        assert find_by_uuid(main, tenant.uuid) == get(main, 13)

    @pytest.mark.rule("T7")
    def test_a_unit_that_fails_deletes_no_tenant(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, TENANT)
        write_and_fail(main, lambda unit: mark(unit, ACME, NOON))
        assert get(main) == TENANT
        assert main.read(lambda unit: unit.tenants.find_by_key(TENANT.key)) == TENANT

    @pytest.mark.rule("T7")
    def test_deleted_tenants_are_listed_until_they_are_finished(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.tenants.add, *(numbered(number) for number in range(11, 15)))
        for number, ticks in ((12, 3), (14, 1), (11, 2)):
            delete(main, number, at=NOON + ticks * TICK)
        assert deleted(main) == [14, 11, 12]
        assert deleted(main, limit=1) == [14]
        main.write(lambda unit: [unit.tenants.finish_deletion(TenantId(number), at=NOON) for number in (11, 13)])
        assert deleted(main) == [14, 12]
        assert get(main, 13).erased_at is None, "it is not deleted"

    @pytest.mark.rule("T7")
    def test_of_two_open_units_one_deletes_a_tenant(self, main: Units[Unit]) -> None:
        def delete_once(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.tenants.find_by_key("no such") is None
            meet()
            try:
                mark(unit, ACME, NOON)
            except TenantNotFound:
                return False
            return True

        store(main, lambda unit: unit.tenants.add, TENANT)
        assert sorted(overlap(main, delete_once)) == [False, True]

    @pytest.mark.rule("T1")
    def test_every_unit_sees_all_tenants(self, storage: Storage, acme: Units[Unit]) -> None:
        assert get(acme, MAIN) == get(units_of(storage, SYSTEM), MAIN)
        assert get(units_of(storage), ACME) == get(acme, ACME)

    @pytest.mark.rule("T3")
    def test_one_of_eight_threads_gets_the_key_of_a_tenant(self, main: Units[Unit]) -> None:
        def read_then_add(number: int, meet: Meet) -> bool:
            assert main.read(lambda unit: unit.tenants.find_by_key("acme")) is None
            meet()
            return main.write(lambda unit: add_unless_exists(unit, number))

        won = race(read_then_add)
        assert won.count(True) == 1
        assert get(main, 11 + won.index(True)).key == "acme"
        assert len(listed(main, 99)) == len(won) - THREADS + 1

    @pytest.mark.rule("T3")
    def test_one_of_two_open_units_gets_the_key_of_a_tenant(self, main: Units[Unit]) -> None:
        won = overlap(main, add_unless_exists)
        assert sorted(won) == [False, True]
        assert [tenant.key for tenant in listed(main, 99)] == ["acme"]


def add_unless_exists(unit: Unit, number: int, meet: Meet | None = None) -> bool:
    """Add a tenant as services do: read, and add it if it does not exist; return whether it was added."""
    found = unit.tenants.find_by_key("acme")
    if meet:
        meet()
    if found is None:
        unit.tenants.add(numbered(11 + number, key="acme"))
    return found is None


def mark(unit: Unit, tenant_id: int, at: datetime) -> None:
    """Mark a tenant as deleted."""
    unit.tenants.replace(evolve(unit.tenants.lock(TenantId(tenant_id)), deleted_at=at))


def delete(units: Units[Unit], tenant_id: int, *, at: datetime = NOON) -> None:
    """Mark a tenant as deleted in a unit of its own."""
    units.write(lambda unit: mark(unit, tenant_id, at))


def deleted(units: Units[Unit], *, limit: int = 9) -> list[int]:
    """Return the ids of the deleted tenants that are not finished."""
    return [tenant.id for tenant in units.read(lambda unit: unit.tenants.list_deleted(limit))]


def find_by_uuid(units: Units[Unit], uuid: UUID) -> Tenant | None:
    """Return the tenant with this UUID, or None."""
    return units.read(lambda unit: unit.tenants.find_by_uuid(uuid))
