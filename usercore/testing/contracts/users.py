"""The contract of users."""

from itertools import product

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_for_all,
    check_runs_again,
    check_stored_completely,
    store,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, USER, a_user
from usercore.testing.strategies import users
from usercore.users.model import LastSignIn, User, UserState

MANY = 2100
"""More than one statement or batch of a storage takes."""

EDGES = [
    a_user(id=1, note="x" * 65_536, first_name="", access_ids=("", "\u0301", None, "😀" * 255)),
    a_user(id=LIMIT - 1, created_at=FIRST, modified_at=LAST - TICK, version=LIMIT - 1, change_no=LIMIT - 1),
    a_user(id=2, access_ids=("null", '"', ",", "[]"), last_name="a\tb\nc", note="'; --"),
]


def get(units: Units[Unit], user_id: int = ANN) -> User:
    """Return a user who must exist."""
    user = units.read(lambda unit: unit.users.get(UserId(user_id)))
    assert user is not None
    return user


def replaced(unit: Unit, new: User) -> User:
    """Store another state of a user under lock, and return the earlier one."""
    old = unit.users.lock(new.id)
    unit.users.replace(new)
    return old


class UserRepositoryContract(Contract):
    """One case for each promise of ``UserRepository``."""

    @pytest.mark.rule("U1")
    def test_users_are_stored_completely(self, main: Units[Unit]) -> None:
        check_stored_completely(
            main,
            with_unique(users(), "id"),
            add=lambda unit, user: unit.users.add(user),
            get=lambda unit, user: unit.users.get(user.id),
        )

    @pytest.mark.parametrize("user", [USER, *EDGES], ids=lambda user: str(user.id))
    @pytest.mark.rule("U1")
    def test_users_with_boundary_values_are_stored(self, main: Units[Unit], user: User) -> None:
        store(main, lambda unit: unit.users.add, user)
        assert_same(get(main, user.id), user)

    @pytest.mark.parametrize("user", [USER, *EDGES], ids=lambda user: str(user.id))
    @pytest.mark.rule("U1")
    def test_boundary_values_replace_others_and_are_replaced(self, main: Units[Unit], user: User) -> None:
        plain = a_user(id=user.id)
        store(main, lambda unit: unit.users.add, plain)
        for number, new in enumerate([user, plain], start=plain.change_no + 1):
            main.write(lambda unit: [unit.lock(user.id), unit.users.replace(new)])  # noqa: B023 - used at once
            assert_same(get(main, user.id), evolve(new, change_no=number))

    def test_a_missing_user_is_none(self, people: Units[Unit]) -> None:
        assert people.read(lambda unit: unit.users.get(UserId(999))) is None

    @pytest.mark.rule("U2")
    def test_an_erased_user_is_returned(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, a_user(state=UserState.ERASED))
        assert get(main).state is UserState.ERASED

    @pytest.mark.rule("T2")
    def test_get_does_not_return_another_tenants_user(self, people: Units[Unit], acme: Units[Unit]) -> None:
        assert acme.read(lambda unit: unit.users.get(ANN)) is None
        assert acme.read(lambda unit: unit.users.get_many([ANN, BOB])) == []
        add_users(acme, ACME, 7)
        assert people.read(lambda unit: [user.id for user in unit.users.get_many([UserId(7), ANN])]) == [ANN]

    @pytest.mark.rule("I1")
    def test_a_user_with_an_id_in_use_runs_the_unit_again(self, people: Units[Unit], acme: Units[Unit]) -> None:
        ann = get(people)
        check_runs_again(people, lambda unit, id_: unit.users.add(a_user(id=id_)), taken=ANN, free=11)
        check_runs_again(acme, lambda unit, id_: unit.users.add(a_user(id=id_, tenant_id=ACME)), taken=ANN, free=12)
        assert get(people) == ann
        assert get(people, 11) == a_user(id=11)
        assert get(acme, 12) == a_user(id=12, tenant_id=ACME)

    @pytest.mark.rule("R7")
    def test_many_users_are_stored_completely(self, main: Units[Unit]) -> None:
        several = [a_user(id=number, first_name=f"Ann {number}") for number in range(1, MANY)]
        main.write(lambda unit: unit.users.add_many(several))
        stored = main.read(lambda unit: unit.users.get_many([user.id for user in several]))
        assert sorted(stored, key=lambda user: user.id) == several

    def test_empty_lists_of_users_can_be_stored_and_read(self, main: Units[Unit]) -> None:
        main.write(lambda unit: unit.users.add_many([]))
        assert main.read(lambda unit: unit.users.get_many([])) == []

    @pytest.mark.rule("I1")
    def test_one_id_in_use_among_many_stores_none_and_runs_again(self, people: Units[Unit]) -> None:
        def add(unit: Unit, ids: list[int]) -> None:
            unit.users.add_many([a_user(id=number) for number in ids])

        check_runs_again(people, add, taken=[11, 12, ANN, 13], free=[14, 15])
        found = people.read(lambda unit: unit.users.get_many([UserId(number) for number in range(11, 16)]))
        assert sorted(user.id for user in found) == [14, 15]

    def test_get_many_returns_only_existing_users(self, people: Units[Unit]) -> None:
        found = people.read(lambda unit: unit.users.get_many([BOB, UserId(999), ANN]))
        assert sorted(user.id for user in found) == [ANN, BOB]
        assert [get(people, user.id) for user in found] == found

    def test_a_user_requested_twice_is_returned_once(self, people: Units[Unit]) -> None:
        found = people.read(lambda unit: unit.users.get_many([ANN, BOB] * MANY))
        assert sorted(user.id for user in found) == [ANN, BOB]

    @pytest.mark.rule("X2")
    def test_lock_counts_a_change_and_returns_the_current_user(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, USER)
        locked = main.write(lambda unit: unit.users.lock(ANN))
        assert_same(locked, evolve(USER, change_no=USER.change_no + 1))
        assert get(main) == locked

    @pytest.mark.rule("X2")
    @pytest.mark.parametrize("state", [state for state in UserState if state is not UserState.ERASED])
    def test_lock_state_counts_a_change_and_returns_the_state(self, main: Units[Unit], state: UserState) -> None:
        user = evolve(USER, state=state)
        store(main, lambda unit: unit.users.add, user)
        assert main.write(lambda unit: unit.users.lock_state(ANN)) is state
        assert get(main) == evolve(user, change_no=user.change_no + 1)

    @pytest.mark.parametrize("ip", ["192.0.2.7", None])
    @pytest.mark.rule("U1")
    def test_lock_with_a_sign_in_stores_the_last_sign_in_and_nothing_else(
        self, main: Units[Unit], ip: str | None
    ) -> None:
        store(main, lambda unit: unit.users.add, USER, a_user(id=BOB))
        locked = main.write(lambda unit: unit.users.lock(ANN, LastSignIn(NOON, ip)))
        assert_same(locked, evolve(USER, change_no=USER.change_no + 1, last_sign_in_at=NOON, last_sign_in_ip=ip))
        assert_same(get(main), locked)
        assert get(main, BOB) == a_user(id=BOB)

    @pytest.mark.rule("U1")
    def test_a_unit_that_raises_stores_no_last_sign_in(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, USER)
        write_and_fail(main, lambda unit: unit.users.lock(ANN, LastSignIn(NOON, None)))
        assert get(main) == USER

    @pytest.mark.rule("U2")
    def test_missing_erased_and_foreign_users_cannot_be_locked(self, people: Units[Unit], acme: Units[Unit]) -> None:
        store(people, lambda unit: unit.users.add, a_user(id=11, state=UserState.ERASED))
        foreign = [(people, 999), (people, 11), (acme, ANN)]
        for (units, user_id), note in product(foreign, (None, LastSignIn(NOON, None))):
            with pytest.raises(UserNotFound):
                units.write(lambda unit: unit.users.lock(UserId(user_id), note))  # noqa: B023 - used at once
            with pytest.raises(UserNotFound):
                units.write(lambda unit: unit.users.lock_state(UserId(user_id)))  # noqa: B023 - used at once
        assert get(people, 11).change_no == USER.change_no

    @pytest.mark.rule("U1")
    def test_a_user_is_replaced_completely(self, people: Units[Unit]) -> None:
        bob = get(people, BOB)

        def check(generated: User) -> None:
            old = people.write(lambda unit: replaced(unit, generated))
            assert_same(get(people), evolve(generated, change_no=old.change_no))
            assert get(people, BOB) == bob

        check_for_all(users().map(lambda user: evolve(user, id=ANN, state=UserState.ACTIVE)), check)

    @pytest.mark.rule("T1")
    def test_tenant_and_count_of_changes_are_not_replaced(self, people: Units[Unit]) -> None:
        ann = get(people)
        people.write(lambda unit: replaced(unit, evolve(USER, tenant_id=ACME, change_no=77)))
        assert get(people) == evolve(USER, change_no=ann.change_no + 1)

    @pytest.mark.rule("U3")
    def test_of_eight_threads_none_loses_a_change(self, people: Units[Unit]) -> None:
        def read_then_change(_: int, meet: Meet) -> tuple[int, int]:
            assert get(people).change_no == 1
            meet()
            return people.write(change)

        def change(unit: Unit) -> tuple[int, int]:
            user = unit.users.lock(ANN)
            unit.users.replace(evolve(user, version=user.version + 1))
            return user.change_no, user.version + 1

        first = USER.version + 1
        assert sorted(race(read_then_change)) == [(2 + number, first + number) for number in range(THREADS)]
        assert get(people).version == USER.version + THREADS

    @pytest.mark.rule("I1")
    def test_eight_threads_that_draw_one_id_all_store_their_user(self, main: Units[Unit]) -> None:
        def read_then_add(number: int, meet: Meet) -> UserId:
            assert main.read(lambda unit: unit.users.get(ANN)) is None
            meet()
            ids = iter([ANN, 1000 + number])
            return main.write(lambda unit: add(unit, next(ids)))

        def add(unit: Unit, user_id: int) -> UserId:
            unit.users.add(a_user(id=user_id))
            return UserId(user_id)

        stored = race(read_then_add)
        assert len(set(stored)) == THREADS
        assert ANN in stored
        assert all(get(main, user_id) == a_user(id=user_id) for user_id in stored)
