"""The contract of removing users who never came."""

from typing import Any

import pytest

from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, store
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, a_claim, a_credential, a_user, an_access_token
from usercore.users.keys import KeySpace
from usercore.users.model import NO_ACCESS_IDS, LastSignIn, User, UserState


def an_absent_user(**fields: Any) -> User:  # noqa: ANN401 - any field of a user
    """Return a user who never came, and was changed an instant before noon."""
    bare = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, supplied_uuid=None)
    absent = evolve(bare, state=UserState.ACTIVE, confirmed_at=None, email_verified_at=None, last_sign_in_at=None)
    return evolve(absent, **({"modified_at": NOON - TICK} | fields))


def get(units: Units[Unit], user_id: int = ANN) -> User | None:
    """Return a user, or None."""
    return units.read(lambda unit: unit.users.get(UserId(user_id)))


class UnconfirmedUsersContract(Contract):
    """Each case is a promise of ``UserRepository.remove_unconfirmed``."""

    @pytest.mark.parametrize(
        "came",
        [
            {"state": UserState.DEACTIVATED},
            {"state": UserState.UNCLAIMED},
            {"state": UserState.ERASED},
            {"confirmed_at": NOON},
            {"email_verified_at": NOON},
            {"last_sign_in_at": NOON},
            {"modified_at": NOON},
        ],
        ids=str,
    )
    @pytest.mark.rule("U12")
    def test_users_who_never_came_are_removed_and_others_stay(
        self, main: Units[Unit], acme: Units[Unit], came: dict[str, Any]
    ) -> None:
        absent, present = an_absent_user(), an_absent_user(id=BOB, **came)
        store(main, lambda unit: unit.users.add, absent, present)
        store(acme, lambda unit: unit.users.add, an_absent_user(id=11, tenant_id=ACME))
        listed = main.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=9))
        removed = main.write(lambda unit: unit.users.remove_unconfirmed(listed))
        assert sorted(user.id for user in removed) == sorted(user.id for user in listed) == [11, ANN]
        assert_same(next(user for user in removed if user.id == ANN), absent)
        assert (get(main), get(main, BOB), get(acme, 11)) == (None, present, None)

    @pytest.mark.rule("U12")
    def test_the_users_who_were_changed_first_are_listed_first(self, main: Units[Unit]) -> None:
        absent = [an_absent_user(id=number, modified_at=NOON - number * TICK) for number in range(1, 6)]
        store(main, lambda unit: unit.users.add, *absent)
        listed = main.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=3))
        assert [user.id for user in listed] == [5, 4, 3]
        main.write(lambda unit: unit.users.remove_unconfirmed(listed))
        assert [user.id for user in main.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=3))] == [2, 1]

    @pytest.mark.rule("U12")
    def test_a_user_who_was_locked_since_the_list_was_read_stays(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, an_absent_user(), an_absent_user(id=BOB))
        listed = main.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=9))
        main.write(lambda unit: unit.users.lock(ANN))
        removed = main.write(lambda unit: unit.users.remove_unconfirmed(listed))
        assert [user.id for user in removed] == [BOB]
        assert get(main) is not None

    @pytest.mark.rule("U12", "T5")
    def test_no_user_of_the_operators_tenant_is_removed(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, an_absent_user(tenant_id=SYSTEM))
        assert main.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=9)) == []

    @pytest.mark.rule("U12")
    def test_rows_of_a_removed_user_go_and_those_of_others_stay(self, main: Units[Unit]) -> None:
        emails = {user_id: f"{user_id}@example.com" for user_id in (ANN, BOB)}
        kept = an_absent_user(id=BOB, email=emails[BOB], confirmed_at=NOON)
        store(main, lambda unit: unit.users.add, an_absent_user(email=emails[ANN]), kept)
        for user_id in (ANN, BOB):
            store(main, lambda unit: unit.claims.put, a_claim(key=emails[user_id], holder_id=user_id))
            store(main, lambda unit: unit.credentials.put, a_credential(user_id=user_id))
            store(main, lambda unit: unit.access_tokens.add, an_access_token(user_id=user_id))
        main.write(lambda unit: unit.users.remove_unconfirmed(unit.users.list_unconfirmed(NOON, limit=9)))

        def rows(unit: Unit) -> list[object]:
            return [
                *(unit.claims.find(KeySpace.LOGIN, emails[user_id]) for user_id in (ANN, BOB)),
                *unit.credentials.get_many([ANN, BOB]),
                *unit.access_tokens.list_of(ANN),
                *unit.access_tokens.list_of(BOB),
            ]

        found = main.read(rows)
        assert found[0] is None
        assert len(found) == 4
        assert None not in found[1:]

    @pytest.mark.rule("U12")
    def test_of_two_open_units_one_removes_a_user_or_the_other_signs_the_user_in(self, main: Units[Unit]) -> None:
        def remove_or_sign_in(unit: Unit, number: int, meet: Meet) -> bool:
            listed = unit.users.list_unconfirmed(NOON, limit=9)
            meet()
            if number:
                return bool(unit.users.remove_unconfirmed(listed))
            try:
                unit.users.lock(ANN, LastSignIn(NOON, None))
            except UserNotFound:
                return False
            return True

        store(main, lambda unit: unit.users.add, an_absent_user())
        signed_in, removed = overlap(main, remove_or_sign_in)
        assert signed_in != removed
        assert (get(main) is None) == removed
