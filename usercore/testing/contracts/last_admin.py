"""The last active admin stays, whichever units are open at the same time."""

import pytest

from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing.contracts.base import Contract, store, units_of
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.samples import ANN, BOB, a_user
from usercore.users.errors import LastAdmin
from usercore.users.model import NO_ACCESS_IDS, User, UserState
from usercore.users.service import lock_unless_last_admin


def an_admin(user_id: UserId) -> User:
    """Return an active admin without identifiers."""
    bare = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, supplied_uuid=None)
    return evolve(bare, id=user_id, tenant_id=SYSTEM, state=UserState.ACTIVE)


def deactivate(unit: Unit, user_id: UserId, meet: Meet | None = None) -> bool:
    """Deactivate an admin as ``users.deactivate`` does, unless it is the last one; return whether it was done.

    Units meet after they have looked for another admin, unless the lock keeps one of them from it.
    """
    try:
        user = lock_unless_last_admin(unit, user_id, tenant_id=SYSTEM)
    except LastAdmin:
        return False
    if meet:
        meet()
    unit.users.replace(evolve(user, state=UserState.DEACTIVATED))
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
    def test_users_of_other_tenants_are_locked_without_their_tenant(self, people: Units[Unit]) -> None:
        before = people.read(lambda unit: unit.tenants.get(MAIN))
        people.write(lambda unit: lock_unless_last_admin(unit, ANN, tenant_id=MAIN))
        assert people.read(lambda unit: unit.tenants.get(MAIN)) == before
