"""The contract of roles."""

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, RoleId
from usercore.kernel.text import unique_key
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_runs_again,
    check_stored_completely,
    store,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.contracts.rows import check_pages
from usercore.testing.contracts.tenants import NAMES
from usercore.testing.fakes import TICK
from usercore.testing.samples import ACME, ROLE, a_role
from usercore.testing.strategies import roles

OF_ACME = a_role(id=RoleId(602), tenant_id=ACME)
"""A role of another tenant with the same name."""


def get(units: Units[Unit], role_id: int = ROLE.id) -> Role | None:
    """Return a role, or None."""
    return units.read(lambda unit: unit.roles.get(RoleId(role_id)))


def find(units: Units[Unit], name: str = ROLE.name) -> Role | None:
    """Return the role with this name, or None."""
    return units.read(lambda unit: unit.roles.find_by_name(name))


def numbered(number: int, **fields: object) -> Role:
    """Return a role whose id and name are unique."""
    return evolve(a_role(id=number, name=f"name {number}"), **fields)


def listed(units: Units[Unit], *, active: bool | None = None) -> list[Role]:
    """Return all roles of the tenant, in pages of different sizes."""
    rows = units.read(lambda unit: unit.roles.list_from(None, active=active, limit=1000))
    check_pages(
        units,
        lambda unit, after, limit: unit.roles.list_from(after, active=active, limit=limit),
        place_of=lambda role: unique_key(role.name),
        expected=rows,
    )
    return rows


class RoleRepositoryContract(Contract):
    """One case for each promise of ``RoleRepository``."""

    @pytest.mark.rule("T4", "T8")
    def test_roles_are_stored_completely(self, main: Units[Unit]) -> None:
        drawn = with_unique(roles(), "id").map(lambda role: evolve(role, name=f"{role.id}{role.name}"))
        check_stored_completely(
            main, drawn, add=lambda unit, role: unit.roles.add(role), get=lambda unit, role: unit.roles.get(role.id)
        )

    @pytest.mark.parametrize(
        "role",
        [
            ROLE,
            a_role(id=LIMIT - 1, created_at=FIRST, modified_at=LAST - TICK, version=LIMIT - 1, change_no=LIMIT - 1),
            a_role(name="😀" * 256, active=False, privileged=False, permissions=()),
            a_role(permissions=("", "null", '"],["', "p" * 255, *map(str, range(996)))),
        ],
        ids=["sample", "numbers", "nothing", "permissions"],
    )
    @pytest.mark.rule("T4")
    def test_roles_with_boundary_values_are_stored(self, main: Units[Unit], role: Role) -> None:
        store(main, lambda unit: unit.roles.add, role)
        assert_same(get(main, role.id), role)
        assert_same(find(main, role.name), role)

    def test_a_missing_role_is_none(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        assert (get(main, 999), find(main, "Editor")) == (None, None)
        assert main.read(lambda unit: unit.roles.get_many([RoleId(998), RoleId(999)])) == []

    @pytest.mark.rule("T4")
    def test_several_roles_are_found_by_their_ids(self, main: Units[Unit]) -> None:
        several = [numbered(number) for number in range(11, 14)]
        store(main, lambda unit: unit.roles.add, *several)
        ids = [RoleId(number) for number in (13, 999, 11, 13)]
        found = main.read(lambda unit: unit.roles.get_many(ids))
        assert sorted(found, key=lambda role: role.id) == [several[0], several[2]]

    @pytest.mark.parametrize("spelling", ["editors", "EDITORS", "\uff45\uff44\uff49tors"])
    @pytest.mark.rule("T4")
    def test_a_name_is_found_ignoring_case_and_width(self, main: Units[Unit], spelling: str) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        assert find(main, spelling) == ROLE

    @pytest.mark.parametrize(("field", "taken"), [("id", ROLE.id), ("name", "Editors"), ("name", "\uff25DITORS")])
    @pytest.mark.rule("T4")
    def test_an_id_or_a_name_in_use_runs_the_unit_again(self, main: Units[Unit], field: str, taken: object) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        check_runs_again(
            main, lambda unit, fields: unit.roles.add(numbered(11, **fields)), taken={field: taken}, free={}
        )
        assert listed(main) == [ROLE, numbered(11)]

    @pytest.mark.rule("T4")
    def test_a_unit_that_fails_leaves_the_name_free(self, main: Units[Unit]) -> None:
        write_and_fail(main, lambda unit: unit.roles.add(ROLE))
        store(main, lambda unit: unit.roles.add, a_role(id=11))
        assert find(main) == a_role(id=11)

    @pytest.mark.rule("X2")
    def test_lock_counts_a_change_and_returns_the_current_role(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        locked = main.write(lambda unit: unit.roles.lock(ROLE.id))
        assert_same(locked, a_role(change_no=ROLE.change_no + 1))
        assert get(main) == locked

    def test_locking_a_missing_role_is_refused(self, main: Units[Unit]) -> None:
        with pytest.raises(RoleNotFound):
            main.write(lambda unit: unit.roles.lock(RoleId(999)))

    @pytest.mark.rule("T4")
    def test_a_role_is_replaced_completely(self, main: Units[Unit]) -> None:
        def check(drawn: Role) -> None:
            locked = main.write(lambda unit: [unit.roles.lock(ROLE.id), unit.roles.replace(drawn)][0])
            assert locked is not None
            assert_same(get(main), evolve(drawn, change_no=locked.change_no))

        store(main, lambda unit: unit.roles.add, ROLE)
        check_for_all(roles().map(lambda drawn: evolve(drawn, id=ROLE.id, name=f"its {drawn.name}")), check)

    @pytest.mark.rule("T4")
    def test_a_roles_new_name_is_found_and_the_old_one_is_free(self, main: Units[Unit]) -> None:
        renamed = a_role(name="Writers", change_no=ROLE.change_no + 1)
        store(main, lambda unit: unit.roles.add, ROLE)
        main.write(lambda unit: [unit.roles.lock(ROLE.id), unit.roles.replace(renamed)])
        assert (find(main, "writers"), find(main)) == (renamed, None)
        store(main, lambda unit: unit.roles.add, numbered(11, name=ROLE.name))

    @pytest.mark.rule("T4")
    def test_a_roles_own_name_may_be_spelt_otherwise(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        main.write(lambda unit: [unit.roles.lock(ROLE.id), unit.roles.replace(a_role(name="EDITORS"))])
        assert [role.name for role in listed(main)] == ["EDITORS"]

    @pytest.mark.rule("T4")
    def test_renaming_a_role_to_anothers_name_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def rename(unit: Unit, name: str) -> None:
            unit.roles.replace(evolve(unit.roles.lock(RoleId(11)), name=name))

        store(main, lambda unit: unit.roles.add, ROLE, numbered(11))
        check_runs_again(main, rename, taken="EDITORS", free="free")
        assert [role.name for role in listed(main)] == ["Editors", "free"]

    @pytest.mark.rule("T4")
    def test_roles_are_listed_by_the_key_of_their_name(self, main: Units[Unit]) -> None:
        several = [numbered(number, name=name) for number, name in enumerate(NAMES, start=11)]
        store(main, lambda unit: unit.roles.add, *several)
        assert listed(main) == sorted(several, key=lambda role: unique_key(role.name))

    @pytest.mark.parametrize("active", [True, False])
    @pytest.mark.rule("T4")
    def test_roles_are_listed_by_being_active(self, main: Units[Unit], *, active: bool) -> None:
        several = [numbered(number, active=number % 2 == 0) for number in range(11, 17)]
        store(main, lambda unit: unit.roles.add, *several)
        assert listed(main, active=active) == [role for role in several if role.active is active]

    @pytest.mark.rule("T2", "T4")
    def test_another_tenants_roles_do_not_exist(self, main: Units[Unit], acme: Units[Unit]) -> None:
        store(main, lambda unit: unit.roles.add, ROLE)
        store(acme, lambda unit: unit.roles.add, OF_ACME)
        assert (get(main, OF_ACME.id), get(acme, OF_ACME.id)) == (None, OF_ACME)
        assert (find(main), find(acme)) == (ROLE, OF_ACME)
        assert (listed(main), listed(acme)) == ([ROLE], [OF_ACME])
        assert main.read(lambda unit: unit.roles.get_many([ROLE.id, OF_ACME.id])) == [ROLE]
        with pytest.raises(RoleNotFound):
            main.write(lambda unit: unit.roles.lock(OF_ACME.id))

    @pytest.mark.rule("T4")
    def test_one_of_eight_threads_gets_the_name(self, main: Units[Unit]) -> None:
        def read_then_add(number: int, meet: Meet) -> bool:
            assert find(main) is None
            meet()
            return main.write(lambda unit: add_unless_exists(unit, number))

        won = race(read_then_add)
        assert (won.count(True), len(won)) == (1, THREADS)
        assert [role.id for role in listed(main)] == [11 + won.index(True)]

    @pytest.mark.rule("T4")
    def test_one_of_two_open_units_gets_the_name(self, main: Units[Unit]) -> None:
        assert sorted(overlap(main, add_unless_exists)) == [False, True]
        assert [role.name for role in listed(main)] == [ROLE.name]

    @pytest.mark.rule("T4")
    def test_of_two_open_units_that_lock_a_role_the_second_sees_what_the_first_stored(self, main: Units[Unit]) -> None:
        def add_permission(unit: Unit, number: int, meet: Meet) -> None:
            assert unit.roles.get(ROLE.id)
            meet()
            role = unit.roles.lock(ROLE.id)
            unit.roles.replace(evolve(role, permissions=(*role.permissions, str(number))))

        store(main, lambda unit: unit.roles.add, a_role(permissions=()))
        overlap(main, add_permission)
        (found,) = listed(main)
        assert sorted(found.permissions) == ["0", "1"]
        assert found.tenant_id == MAIN


def add_unless_exists(unit: Unit, number: int, meet: Meet | None = None) -> bool:
    """Add a role as services do: read, and add it if it does not exist; return whether it was added."""
    found = unit.roles.find_by_name(ROLE.name)
    if meet:
        meet()
    if found is None:
        unit.roles.add(numbered(11 + number, name=ROLE.name))
    return found is None
