"""The contract of references: find the user that one names, in the unit's own tenant."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.errors import Invalid, UserNotFound
from usercore.kernel.ids import LIMIT, TENANT_KIND, USER_KIND, UserId, uuid_of
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Reference, Username
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, add_users
from usercore.testing.samples import ACME, ANN, BOB, USER, a_user, claims_for
from usercore.users.keys import claim_of
from usercore.users.model import User, UserState
from usercore.users.service import get_user

BROUGHT = UUID("8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11")

ALL_QUERIES: Final[Sequence[Reference]] = [
    USER.id,
    BROUGHT,
    Email("Ann.Lee+news@example.com"),
    Email("ann.lee+NEWS@EXAMPLE.com"),
    Username("ann"),
    Username("\uff21\uff2e\uff2e"),
    ExternalId("0042"),
    AccessId("a-1"),
    AccessId("a-3"),
    AccessId("a-4"),
    AnyId("0042"),
    AnyId("a-3"),
]

NO_USER: Final[Sequence[Reference]] = [
    0,
    -1,
    LIMIT,
    1 << 70,
    999,
    UUID(int=0),
    uuid_of(ANN, USER_KIND),  # Ann was imported with another one, and only that one names her
    uuid_of(ANN, TENANT_KIND),
    Email("bob@example.com"),
    Username("bob"),
    Username("ann.lee+news@example.com"),  # her email, not her username
    ExternalId("42"),
    ExternalId(42),
    ExternalId("a-1"),
    AccessId("0042"),
    AccessId("a-2"),
    AnyId("ann"),
]


def _present(unit: Unit, reference: Reference) -> UserId:
    return unit.get_or_raise(reference)


def store_user(units: Units[Unit], user: User) -> None:
    """Store a user with the claims of their identifiers."""
    units.write(lambda unit: [unit.claims.add_many(claims_for(user)), unit.users.add(user)])


class ResolvingContract(Contract):
    """One case for each promise of ``resolve`` and ``get_or_raise``."""

    @pytest.mark.parametrize("reference", ALL_QUERIES, ids=str)
    @pytest.mark.rule("I3")
    def test_a_user_is_found_by(self, main: Units[Unit], reference: Reference) -> None:
        store_user(main, USER)
        assert main.read(lambda unit: unit.resolve(reference)) == ANN
        assert main.read(lambda unit: unit.get_or_raise(reference)) == ANN
        assert main.write(lambda unit: unit.get_or_raise(reference)) == ANN
        assert main.read(lambda unit: get_user(unit, reference)) == USER

    @pytest.mark.parametrize("reference", NO_USER, ids=str)
    @pytest.mark.rule("I3")
    def test_references_that_match_no_user_find_none(self, main: Units[Unit], reference: Reference) -> None:
        store_user(main, USER)
        for query in (get_user, _present):
            with pytest.raises(UserNotFound):
                main.read(lambda unit: query(unit, reference))  # noqa: B023 - used at once

    @pytest.mark.rule("I2")
    def test_a_user_without_an_imported_uuid_is_found_by_the_derived_one(self, people: Units[Unit]) -> None:
        for find in (lambda unit, uuid: unit.resolve(uuid), _present, lambda unit, uuid: get_user(unit, uuid).id):
            assert people.read(lambda unit: find(unit, uuid_of(ANN, USER_KIND))) == ANN  # noqa: B023 - used at once

    @pytest.mark.rule("I2")
    def test_a_uuid_names_the_user_imported_with_it_before_the_one_it_derives_from(self, main: Units[Unit]) -> None:
        store_user(main, a_user(id=BOB, supplied_uuid=uuid_of(ANN, USER_KIND)))
        main.write(lambda unit: unit.users.add(a_user(id=ANN, supplied_uuid=None)))
        for find in (lambda unit, uuid: unit.resolve(uuid), _present, lambda unit, uuid: get_user(unit, uuid).id):
            assert main.read(lambda unit: find(unit, uuid_of(ANN, USER_KIND))) == BOB  # noqa: B023 - used at once

    @pytest.mark.rule("I3")
    def test_a_number_written_as_text_names_the_same_external_id(self, main: Units[Unit]) -> None:
        store_user(main, a_user(external_id="42"))
        assert main.read(lambda unit: unit.resolve(ExternalId(42))) == ANN

    @pytest.mark.rule("I3")
    def test_an_id_resolves_without_a_lookup(self, main: Units[Unit]) -> None:
        assert main.read(lambda unit: unit.resolve(999)) == 999

    @pytest.mark.parametrize("number", [0, -1, LIMIT, 1 << 70])
    @pytest.mark.rule("I1")
    def test_a_number_that_is_no_id_names_no_user(self, main: Units[Unit], number: int) -> None:
        with pytest.raises(UserNotFound):
            main.read(lambda unit: unit.resolve(number))

    @pytest.mark.parametrize("reference", [Email("nonsense"), Email("a\0@example.com"), Username("\ud800")], ids=ascii)
    @pytest.mark.rule("I3")
    def test_an_identifier_that_cannot_exist_is_refused(self, main: Units[Unit], reference: Reference) -> None:
        with pytest.raises(Invalid):
            main.read(lambda unit: unit.resolve(reference))
        with pytest.raises(Invalid):
            main.read(lambda unit: unit.get_or_raise(reference))

    @pytest.mark.parametrize("reference", ALL_QUERIES, ids=str)
    @pytest.mark.rule("T2")
    def test_another_tenants_user_is_not_found_by(
        self, main: Units[Unit], acme: Units[Unit], reference: Reference
    ) -> None:
        store_user(main, USER)
        for query in (get_user, _present):
            with pytest.raises(UserNotFound):
                acme.read(lambda unit: query(unit, reference))  # noqa: B023 - used at once

    @pytest.mark.rule("T2")
    def test_a_tenant_finds_its_own_user_by_the_same_identifier(self, main: Units[Unit], acme: Units[Unit]) -> None:
        store_user(main, USER)
        store_user(acme, evolve(USER, id=BOB, tenant_id=ACME))
        assert [units.read(lambda unit: unit.get_or_raise(Username("ann"))) for units in (main, acme)] == [ANN, BOB]

    @pytest.mark.parametrize("state", [UserState.UNCLAIMED, UserState.ACTIVE, UserState.DEACTIVATED])
    @pytest.mark.rule("U2")
    def test_in_this_state_a_user_is_present(self, main: Units[Unit], state: UserState) -> None:
        store_user(main, a_user(state=state))
        assert main.read(lambda unit: unit.get_or_raise(ANN)) == ANN

    @pytest.mark.rule("U2")
    def test_an_erased_user_is_not_present(self, main: Units[Unit]) -> None:
        store_user(main, a_user(state=UserState.ERASED))
        for reference in ALL_QUERIES:
            for query in (get_user, _present):
                with pytest.raises(UserNotFound):
                    main.read(lambda unit: query(unit, reference))  # noqa: B023 - used at once

    @pytest.mark.rule("U2")
    def test_an_erased_user_is_found_by_remaining_claims(self, main: Units[Unit]) -> None:
        erased = a_user(state=UserState.ERASED)
        store_user(main, erased)
        assert main.read(lambda unit: unit.users.find_by_claim(claim_of(Username("ann")))) == erased
        assert main.read(lambda unit: unit.users.find_by_uuid(BROUGHT)) == erased

    @pytest.mark.rule("U3")
    def test_a_freed_key_names_no_user(self, main: Units[Unit]) -> None:
        store_user(main, USER)
        main.write(lambda unit: unit.claims.remove(claims_for(USER)))
        add_users(main, USER.tenant_id, BOB)
        for reference in ALL_QUERIES[1:]:
            with pytest.raises(UserNotFound):
                main.read(lambda unit: unit.resolve(reference))  # noqa: B023 - used at once
