"""The last admin who can sign in stays, whichever units are open at the same time."""

from typing import Final

import pytest

from usercore.authenticators.last_admin import LastAdminGuard
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing.contracts.base import Contract, store, units_of
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.fakes import NOON, FakeHasher
from usercore.testing.samples import ANN, BOB, a_credential, a_user
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import ThrottlePolicy
from usercore.users.errors import LastAdmin
from usercore.users.model import NO_ACCESS_IDS, User, UserState

GUARD: Final = LastAdminGuard(
    keys=CounterKeys(secret=bytes(32), ipv6_prefix=64), throttles=ThrottlePolicy(), hasher=FakeHasher()
)


def an_admin(user_id: UserId) -> User:
    """Return an active admin with an email only."""
    bare = a_user(email=f"{user_id}@example.com", username=None, external_id=None, access_ids=NO_ACCESS_IDS)
    return evolve(bare, id=user_id, tenant_id=SYSTEM, state=UserState.ACTIVE, supplied_uuid=None)


def deactivate(unit: Unit, user_id: UserId, meet: Meet | None = None) -> bool:
    """Deactivate an admin as ``users.deactivate`` does, unless it is the last one; return whether it was done.

    Units meet after they have looked for another admin, unless the lock keeps one of them from it.
    """
    user = GUARD.lock(unit, user_id, tenant_id=SYSTEM)
    if not is_dispensable(unit, user, meet):
        return False
    unit.users.replace(evolve(user, state=UserState.DEACTIVATED))
    return True


def void(unit: Unit, user_id: UserId, meet: Meet | None = None) -> bool:
    """Void the password of an admin as ``passwords.mark_suspicious`` does; return whether it was done."""
    user = GUARD.lock(unit, user_id, tenant_id=SYSTEM)
    if not is_dispensable(unit, user, meet):
        return False
    unit.credentials.put(a_credential(user_id=user_id, hash="", version=2))
    return True


def is_dispensable(unit: Unit, user: User, meet: Meet | None) -> bool:
    """Return whether the guard lets an admin go, when both units have looked."""
    try:
        GUARD.check(unit, user, at=NOON)
    except LastAdmin:
        return False
    if meet:
        meet()
    return True


class LastAdminContract(Contract):
    """Each case is a promise of the locks of tenants and users together."""

    @pytest.fixture
    def admins(self, storage: Storage, main: Units[Unit]) -> Units[Unit]:
        """Return units of the tenant ``system``, which has two active admins."""
        assert main.read(lambda unit: unit.tenants.get(SYSTEM))
        system = units_of(storage, SYSTEM)
        store(system, lambda unit: unit.users.add, an_admin(ANN), an_admin(BOB))
        return system

    @pytest.mark.rule("T5")
    def test_of_two_open_units_that_deactivate_each_others_admin_one_is_refused(self, admins: Units[Unit]) -> None:
        def deactivate_the_other(unit: Unit, number: int, meet: Meet) -> bool:
            return deactivate(unit, ANN if number else BOB, meet)

        assert sorted(overlap(admins, deactivate_the_other)) == [False, True]
        states = [user.state for user in admins.read(lambda unit: unit.users.get_many([ANN, BOB]))]
        assert states.count(UserState.ACTIVE) == 1

    @pytest.mark.rule("T5")
    def test_of_two_open_units_that_void_each_others_password_one_is_refused(self, admins: Units[Unit]) -> None:
        store(
            admins,
            lambda unit: unit.credentials.put,
            a_credential(expires_at=None),
            a_credential(user_id=BOB, expires_at=None),
        )

        def void_the_other(unit: Unit, number: int, meet: Meet) -> bool:
            return void(unit, ANN if number else BOB, meet)

        assert sorted(overlap(admins, void_the_other)) == [False, True]

    @pytest.mark.rule("T5")
    def test_an_admin_is_not_voided_while_another_unit_deactivates_the_other_one(self, admins: Units[Unit]) -> None:
        store(
            admins,
            lambda unit: unit.credentials.put,
            a_credential(expires_at=None),
            a_credential(user_id=BOB, expires_at=None),
        )

        def act(unit: Unit, number: int, meet: Meet) -> bool:
            return void(unit, ANN, meet) if number else deactivate(unit, BOB, meet)

        assert sorted(overlap(admins, act)) == [False, True]

    @pytest.mark.rule("T5")
    def test_users_of_other_tenants_are_locked_without_their_tenant(self, people: Units[Unit]) -> None:
        before = people.read(lambda unit: unit.tenants.get(MAIN))
        people.write(lambda unit: GUARD.lock(unit, ANN, tenant_id=MAIN))
        assert people.read(lambda unit: unit.tenants.get(MAIN)) == before
