"""What every storage must do for addresses, their versions, requests to change them, and types."""

from datetime import date, timedelta
from typing import Any

import pytest

from usercore.addresses.model import (
    FIELDS,
    AddressType,
    AddressVersion,
    ChangeRequestState,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, TenantId, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_for_all,
    units_of,
    write_and_fail,
)
from usercore.testing.contracts.rows import OF_ACME, UserRows, check_pages, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB
from usercore.testing.strategies import entities

DAY = NOON.date()
IDS = (1, 2, 601, LIMIT - 2, LIMIT - 1)
FILLED: dict[str, Any] = {field: f"the {field}, ä" for field in FIELDS}
LONGEST: dict[str, Any] = dict.fromkeys(FIELDS, "😀" * 255)


def an_address(number: int = 601, *, user_id: UserId = ANN, tenant_id: TenantId = MAIN) -> StoredAddress:
    """Return an address."""
    return StoredAddress(
        user_id=user_id,
        id=number,
        tenant_id=tenant_id,
        type="invoice",
        is_default=True,
        created_at=NOON - TICK,
        created_by="user:101",
        modified_at=NOON,
        modified_by="operator:Zoë",
        version=2,
    )


def a_version(number: int = 601, *, until: date | None = None) -> AddressVersion:
    """Return a version of an address of Ann's, which began at noon's day."""
    return AddressVersion(
        user_id=ANN,
        id=number,
        tenant_id=MAIN,
        address_id=601,
        type="invoice",
        valid_from=DAY,
        valid_until=until,
        created_at=NOON,
        created_by="user:101",
        **FILLED,
    )


def a_request(number: int = 601, *, user_id: UserId = ANN, tenant_id: TenantId = MAIN) -> StoredChangeRequest:
    """Return an open request to change the address 601 of a user."""
    return StoredChangeRequest(
        user_id=user_id,
        id=number,
        tenant_id=tenant_id,
        address_id=601,
        type="invoice",
        valid_from=DAY,
        replaces_id=601,
        requested_at=NOON - TICK,
        requested_by="user:101",
        **FILLED,
    )


def decided(request: StoredChangeRequest, state: ChangeRequestState) -> StoredChangeRequest:
    """Return a request after its decision."""
    return evolve(request, state=state, decided_at=NOON, decided_by="host", reason="seen\nby Zoë", version_id=602)


def a_type(key: str = "invoice", *, tenant_id: TenantId = MAIN) -> AddressType:
    """Return a type."""
    return AddressType(
        tenant_id=tenant_id,
        key=key,
        title="Invoice",
        sorting=-7,
        accepts_at_once=True,
        created_at=NOON - TICK,
        created_by="host",
        modified_at=NOON,
        modified_by="operator:Zoë",
        version=3,
    )


ADDRESSES = UserRows(
    name="addresses",
    rules=("A2", "T8"),
    repository=lambda unit: unit.addresses,
    key="id",
    sample=an_address(),
    other=evolve(an_address(), is_default=False, removed_at=NOON, removed_by="host"),
    edges=[evolve(an_address(LIMIT - 1), type="t" * 255, created_at=FIRST, modified_at=LAST - TICK)],
    drawn=entities(StoredAddress),
    keys=IDS,
)
VERSIONS = UserRows(
    name="address_versions",
    rules=("A2", "A9"),
    repository=lambda unit: unit.address_versions,
    key="id",
    sample=a_version(),
    other=evolve(a_version(until=DAY), street=None, zip=""),
    edges=[evolve(a_version(602, until=LAST.date() - timedelta(1)), valid_from=FIRST.date(), **LONGEST)],
    drawn=entities(AddressVersion),
    keys=IDS,
)
REQUESTS = UserRows(
    name="change_requests",
    rules=("A4", "A5"),
    repository=lambda unit: unit.change_requests,
    key="id",
    sample=a_request(),
    other=decided(a_request(), ChangeRequestState.ACCEPTED),
    edges=[evolve(a_request(602), valid_from=None, replaces_id=None, reason="r" * 1000, **LONGEST)],
    drawn=entities(StoredChangeRequest),
    keys=IDS,
)


@row_cases(ADDRESSES)
class AddressRepositoryContract(Contract):
    """The cases of rows of users."""


@row_cases(VERSIONS)
class AddressVersionRepositoryContract(Contract):
    """One case a promise of ``AddressVersionRepository``."""

    @pytest.mark.rule("A9")
    def test_versions_that_end_after_a_day_are_found_by_id(self, people: Units[Unit]) -> None:
        ends = [DAY, DAY + timedelta(1), None, DAY - timedelta(1), DAY + timedelta(400)]
        rows = [a_version(number, until=end) for number, end in zip((5, 3, 4, 1, 2), ends, strict=True)]
        VERSIONS.put(people, *rows, VERSIONS.of_bob())
        for day, expected in ((DAY, [2, 3, 4]), (DAY + timedelta(1), [2, 4]), (DAY - timedelta(1), [2, 3, 4, 5])):
            found = people.read(lambda unit: unit.address_versions.holding_from(ANN, day))  # noqa: B023 - used at once
            assert [row.id for row in found] == expected
        assert_same(people.read(lambda unit: unit.address_versions.holding_from(BOB, DAY))[0], VERSIONS.of_bob())


@row_cases(REQUESTS)
class ChangeRequestRepositoryContract(Contract):
    """One case a promise of ``ChangeRequestRepository``."""

    @pytest.mark.rule("A4")
    def test_a_users_requests_are_listed_by_state_the_newest_first(self, people: Units[Unit]) -> None:
        rows = [a_request(number) for number in range(1, 7)]
        rows[1] = decided(rows[1], ChangeRequestState.ACCEPTED)
        rows[3] = decided(rows[3], ChangeRequestState.REJECTED)
        REQUESTS.put(people, *rows, REQUESTS.of_bob())

        def listed(before: int, state: ChangeRequestState | None, limit: int = 10) -> list[int]:
            found = people.read(lambda unit: unit.change_requests.list_before(ANN, before, state=state, limit=limit))
            return [row.id for row in found]

        assert listed(LIMIT, None) == [6, 5, 4, 3, 2, 1]
        assert (listed(6, None, 2), listed(4, None, 2), listed(1, None)) == ([5, 4], [3, 2], [])
        assert listed(LIMIT, ChangeRequestState.NEW) == [6, 5, 3, 1]
        assert listed(5, ChangeRequestState.NEW, 1) == [3]
        assert listed(LIMIT, ChangeRequestState.ACCEPTED) == [2]
        assert listed(LIMIT, ChangeRequestState.REJECTED) == [4]

    @pytest.mark.rule("A4")
    def test_open_requests_of_all_users_are_found_in_pages(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        theirs = a_request(7, user_id=OF_ACME, tenant_id=ACME)
        for units, user_id, tenant_id in ((people, ANN, MAIN), (people, BOB, MAIN), (acme, OF_ACME, ACME)):
            ADDRESSES.put(units, an_address(user_id=user_id, tenant_id=tenant_id))
        rows = [a_request(number, user_id=user_id) for number, user_id in ((6, ANN), (2, BOB), (4, ANN), (5, BOB))]
        REQUESTS.put(people, *rows, decided(a_request(3), ChangeRequestState.REJECTED))
        REQUESTS.put(acme, theirs)
        in_order = sorted(rows, key=lambda row: row.id)
        check_pages(
            people,
            lambda unit, after, limit: unit.change_requests.list_open(after or 0, limit=limit),
            place_of=lambda row: row.id,
            expected=in_order,
        )
        assert acme.read(lambda unit: unit.change_requests.list_open(0, limit=10)) == [theirs]

    @pytest.mark.rule("A5", "A7")
    def test_decided_requests_and_those_of_removed_addresses_are_not_open(self, people: Units[Unit]) -> None:
        def open_ids() -> list[int]:
            return [row.id for row in people.read(lambda unit: unit.change_requests.list_open(0, limit=10))]

        ADDRESSES.put(people, an_address(), an_address(602))
        of_second = evolve(a_request(3), address_id=602)
        of_none = evolve(a_request(4), address_id=603)
        REQUESTS.put(people, a_request(1), a_request(2), of_second, of_none)
        write_and_fail(people, lambda unit: REQUESTS.remove_in(unit, a_request(1)))
        assert open_ids() == [1, 2, 3]
        REQUESTS.put(people, decided(a_request(1), ChangeRequestState.ACCEPTED))
        assert open_ids() == [2, 3]
        ADDRESSES.put(people, evolve(an_address(602), removed_at=NOON, removed_by="host"))
        assert open_ids() == [2]


class AddressTypeRepositoryContract(Contract):
    """One case a promise of ``AddressTypeRepository``."""

    def put(self, units: Units[Unit], *rows: AddressType) -> None:
        """Store types, each after locking its tenant."""

        def work(unit: Unit) -> None:
            for row in rows:
                unit.lock_tenant(row.tenant_id)
                unit.address_types.put(row)

        units.write(work)

    @pytest.mark.rule("A1")
    def test_any_type_is_stored_whole(self, main: Units[Unit]) -> None:
        def check(row: AddressType) -> None:
            self.put(main, row)
            assert_same(main.read(lambda unit: unit.address_types.get(row.key)), row)

        check_for_all(entities(AddressType), check)

    @pytest.mark.rule("A1")
    def test_a_type_is_stored_instead_of_the_one_before(self, main: Units[Unit]) -> None:
        first, second = a_type(), evolve(a_type(), title=None, accepts_at_once=False, sorting=1, version=4)
        for row in (first, second):
            self.put(main, row)
            assert_same(main.read(lambda unit: unit.address_types.get("invoice")), row)
        write_and_fail(main, lambda unit: unit.address_types.put(first))
        assert main.read(lambda unit: unit.address_types.list_all()) == [second]

    @pytest.mark.rule("A1", "T2")
    def test_each_tenant_has_types_of_its_own_in_the_order_of_their_keys(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        keys = ("B", "a", "aa", "é", "中")
        self.put(main, *(a_type(key) for key in reversed(keys)))
        self.put(acme, a_type("b", tenant_id=ACME))
        assert [row.key for row in main.read(lambda unit: unit.address_types.list_all())] == list(keys)
        assert [row.key for row in acme.read(lambda unit: unit.address_types.list_all())] == ["b"]
        assert main.read(lambda unit: unit.address_types.get("b")) is None
        assert acme.read(lambda unit: unit.address_types.get("B")) is None

    @pytest.mark.rule("A1")
    def test_a_store_begins_without_types(self, storage: Storage, main: Units[Unit]) -> None:
        for units in (main, units_of(storage, SYSTEM)):
            assert units.read(lambda unit: unit.address_types.list_all()) == []
