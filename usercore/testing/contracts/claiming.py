"""Of what an unclaimed user has nothing is lost or claimed twice, whichever units are open at the same time."""

import pytest

from usercore.claiming.service import claim_user
from usercore.kernel.entity import evolve
from usercore.kernel.errors import WrongState
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, store
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.user_lists import bare
from usercore.testing.fakes import NOON
from usercore.testing.samples import ANN, BOB
from usercore.users.model import UserState

UNCLAIMED = UserId(1)


def claim(unit: Unit, user_id: UserId) -> bool:
    """Claim the unclaimed user; return False if it is unclaimed no longer."""
    try:
        claim_user(unit, UNCLAIMED, user_id, at=NOON, by="host")
    except WrongState:
        return False
    return True


class ClaimingContract(Contract):
    """Each case is a promise of the locks of two users."""

    @pytest.fixture
    def claimers(self, main: Units[Unit]) -> Units[Unit]:
        """Return units with an unclaimed user and two active ones."""
        una = bare(UNCLAIMED, state=UserState.UNCLAIMED, note="called")
        store(main, lambda unit: unit.users.add, una, bare(ANN, note=None), bare(BOB, note=None))
        return main

    @pytest.mark.rule("R5")
    def test_of_two_open_units_that_claim_one_user_one_is_refused(self, claimers: Units[Unit]) -> None:
        def look_then_claim(unit: Unit, number: int, meet: Meet) -> bool:
            unclaimed = unit.users.get(UNCLAIMED)
            meet()
            return unclaimed is not None and claim(unit, ANN if number else BOB)

        assert sorted(overlap(claimers, look_then_claim)) == [False, True]
        users = claimers.read(lambda unit: unit.users.get_many([UNCLAIMED, ANN, BOB]))
        assert sorted((user.state, user.note or "") for user in users) == [
            (UserState.ACTIVE, ""),
            (UserState.ACTIVE, "called"),
            (UserState.DEACTIVATED, ""),
        ]

    @pytest.mark.rule("R5")
    def test_a_claim_takes_what_another_unit_changes_at_the_same_time(self, claimers: Units[Unit]) -> None:
        def change_or_claim(unit: Unit, number: int, meet: Meet) -> bool:
            unit.users.get(UNCLAIMED)
            meet()
            if number:
                return claim(unit, ANN)
            for user_id, note in ((UNCLAIMED, "called again"), (ANN, "own")):
                user = unit.users.lock(user_id)
                unit.users.replace(evolve(user, note=note))
            return True

        assert overlap(claimers, change_or_claim) == [True, True]
        ann = claimers.read(lambda unit: unit.users.get(ANN))
        assert ann is not None
        assert ann.note in {"own\ncalled again", "own"}, "the claim comes after the change, or before it"
