"""The contract of claims, which make identifiers unique."""

from unicodedata import normalize

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_runs_again,
    store,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, BOB, CLAIM, a_claim
from usercore.testing.strategies import claims
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import Claim

LONG = "😀" * 254


def found_before_adding(unit: Unit, *keys: str) -> list[Claim]:
    """Return the claims on keys that the unit may add."""
    return unit.claims.find_before_adding([(KeySpace.LOGIN, key) for key in keys])


ALIKE = [
    "ann",
    "Ann",
    "ann ",
    " ann",
    "an",
    "anna",
    "\uff41\uff4e\uff4e",
    "añn",
    normalize("NFD", "añn"),
    LONG + "1",
    LONG + "2",
    "%",
    "_",
]
"""Keys that a careless comparison takes for equal."""


def find(units: Units[Unit], key: str = CLAIM.key, space: KeySpace = KeySpace.LOGIN) -> Claim | None:
    """Return the claim on a key, or None."""
    return units.read(lambda unit: unit.claims.find(space, key))


def claim_unless_held(unit: Unit, claim: Claim, meet: Meet | None = None) -> bool:
    """Claim a key as services do: read, and put it if it is free; return whether the claim's holder has it."""
    found = unit.claims.find(claim.space, claim.key)
    if meet:
        meet()
    if found is None:
        unit.claims.put(claim)
    return found is None or found.holder_id == claim.holder_id


class ClaimRepositoryContract(Contract):
    """One case for each promise of ``ClaimRepository``."""

    @pytest.mark.rule("U3")
    def test_claims_are_stored_completely(self, main: Units[Unit]) -> None:
        def check(claim: Claim) -> None:
            main.write(lambda unit: unit.claims.put(claim))
            assert_same(find(main, claim.key, claim.space), claim)
            main.write(lambda unit: unit.claims.remove([claim]))
            assert find(main, claim.key, claim.space) is None

        check_for_all(claims(), check)

    @pytest.mark.rule("U4")
    def test_keys_are_compared_exactly(self, main: Units[Unit]) -> None:
        stored = [a_claim(key=key, holder_id=number) for number, key in enumerate(ALIKE, start=1)]
        main.write(lambda unit: unit.claims.add_many(stored))
        assert [find(main, key) for key in ALIKE] == stored
        assert find(main, "aññ") is None

    @pytest.mark.rule("U3")
    def test_one_key_may_be_held_in_each_space(self, main: Units[Unit]) -> None:
        stored = [a_claim(space=space, holder_id=number) for number, space in enumerate(KeySpace, start=1)]
        store(main, lambda unit: unit.claims.put, *stored)
        assert [find(main, space=space) for space in KeySpace] == stored

    def test_a_free_key_has_no_claim(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.claims.put, CLAIM)
        assert find(main, "bob") is None
        assert find(main, space=KeySpace.EXTERNAL) is None

    @pytest.mark.rule("U3")
    def test_the_holder_may_use_the_key_otherwise(self, main: Units[Unit]) -> None:
        both = a_claim(uses=int(KeyUse.EMAIL | KeyUse.USERNAME))
        store(main, lambda unit: unit.claims.put, CLAIM, both)
        assert_same(find(main), both)

    @pytest.mark.rule("U3")
    def test_a_key_of_another_holder_runs_the_unit_again(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.claims.put, CLAIM)
        check_runs_again(
            main, lambda unit, key: unit.claims.put(a_claim(key=key, holder_id=BOB)), taken=CLAIM.key, free="bob"
        )
        assert find(main) == CLAIM
        assert find(main, "bob") == a_claim(key="bob", holder_id=BOB)

    @pytest.mark.rule("R7")
    def test_many_claims_are_stored_and_found(self, main: Units[Unit]) -> None:
        several = [a_claim(key=f"key {number}", holder_id=number) for number in range(1, 2100)]
        main.write(lambda unit: unit.claims.add_many(several))
        names = [(claim.space, claim.key) for claim in several]
        found = main.read(lambda unit: unit.claims.find_many(names))
        assert sorted(found, key=lambda claim: claim.holder_id) == several

    @pytest.mark.rule("U3")
    def test_one_taken_key_among_many_stores_none_and_runs_again(self, main: Units[Unit]) -> None:
        def add(unit: Unit, keys: list[str]) -> None:
            unit.claims.add_many([a_claim(key=key, holder_id=BOB) for key in keys])

        store(main, lambda unit: unit.claims.put, CLAIM)
        check_runs_again(main, add, taken=["a", "ann", "b"], free=["c", "d"])
        assert [find(main, key) for key in "ab"] == [None, None]
        assert [find(main, key) for key in "cd"] == [a_claim(key=key, holder_id=BOB) for key in "cd"]
        assert find(main) == CLAIM

    def test_empty_lists_of_claims_can_be_stored_found_and_removed(self, main: Units[Unit]) -> None:
        main.write(lambda unit: [unit.claims.add_many([]), unit.claims.remove([])])
        assert main.read(lambda unit: unit.claims.find_many([])) == []

    def test_find_many_returns_only_existing_claims(self, main: Units[Unit]) -> None:
        other = a_claim(space=KeySpace.EXTERNAL)
        store(main, lambda unit: unit.claims.put, CLAIM, other, a_claim(key="bob"))
        names = [
            (KeySpace.LOGIN, "eve"),
            (KeySpace.EXTERNAL, "ann"),
            (KeySpace.LOGIN, "ann"),
            (KeySpace.EXTERNAL, "bob"),
        ]
        found = main.read(lambda unit: unit.claims.find_many(names))
        assert sorted(found, key=lambda claim: claim.space) == [other, CLAIM]

    def test_a_claim_requested_twice_is_returned_once(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.claims.put, CLAIM)
        assert main.read(lambda unit: unit.claims.find_many([(KeySpace.LOGIN, "ann")] * 2100)) == [CLAIM]

    @pytest.mark.rule("U3")
    def test_a_unit_that_does_not_add_a_held_key_has_found_its_claim(self, main: Units[Unit]) -> None:
        def refuse(unit: Unit) -> None:
            if not found_before_adding(unit, "ann", "bob"):
                raise LookupError

        store(main, lambda unit: unit.claims.put, CLAIM)
        assert main.write(lambda unit: found_before_adding(unit, "ann", "bob")) == [CLAIM]
        main.write(refuse)

    @pytest.mark.rule("U3")
    def test_a_unit_that_adds_some_of_the_keys_has_found_the_claims_on_the_others(self, main: Units[Unit]) -> None:
        def add_bob(unit: Unit) -> list[Claim]:
            found = found_before_adding(unit, "ann", "bob")
            unit.claims.add_many([a_claim(key="bob", holder_id=BOB)])
            return found

        store(main, lambda unit: unit.claims.put, CLAIM)
        assert main.write(add_bob) == [CLAIM]
        assert find(main, "bob") == a_claim(key="bob", holder_id=BOB)

    @pytest.mark.rule("U3")
    def test_a_unit_that_adds_keys_without_having_found_their_claims_runs_again(self, main: Units[Unit]) -> None:
        def add_unless_held(unit: Unit) -> list[Claim]:
            found = found_before_adding(unit, "ann")
            if not found:
                unit.claims.add_many([a_claim(holder_id=BOB)])
            return found

        store(main, lambda unit: unit.claims.put, CLAIM)
        assert main.write(add_unless_held) == [CLAIM]
        main.write(lambda unit: unit.claims.remove([CLAIM]))
        assert main.write(add_unless_held) == []
        assert find(main) == a_claim(holder_id=BOB)

    @pytest.mark.rule("U3")
    def test_a_freed_key_can_be_anothers(self, main: Units[Unit]) -> None:
        bobs = a_claim(holder_id=BOB)
        store(main, lambda unit: unit.claims.put, CLAIM)
        main.write(lambda unit: [unit.claims.remove([CLAIM]), unit.claims.put(bobs)])
        assert find(main) == bobs

    @pytest.mark.rule("U3")
    def test_only_its_holder_frees_a_key(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.claims.put, CLAIM)
        main.write(lambda unit: unit.claims.remove([a_claim(holder_id=BOB), a_claim(key="not stored")]))
        assert find(main) == CLAIM

    @pytest.mark.rule("U3")
    def test_a_unit_that_fails_frees_and_claims_nothing(self, main: Units[Unit]) -> None:
        def swap(unit: Unit) -> None:
            unit.claims.remove([CLAIM])
            unit.claims.put(a_claim(holder_id=BOB))
            unit.claims.add_many([a_claim(key="bob", holder_id=BOB)])

        store(main, lambda unit: unit.claims.put, CLAIM)
        write_and_fail(main, swap)
        assert find(main) == CLAIM
        assert find(main, "bob") is None

    @pytest.mark.rule("E3")
    def test_the_holder_may_hold_a_key_with_and_without_using_it(self, main: Units[Unit]) -> None:
        for state in (a_claim(held_until=NOON), a_claim(uses=0, held_until=NOON + TICK), CLAIM):
            store(main, lambda unit: unit.claims.put, state)
            assert_same(find(main), state)

    @pytest.mark.rule("E3", "K8")
    def test_keys_without_a_use_that_were_held_until_before_are_freed(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        gone = [a_claim(key=key, uses=0, held_until=NOON - TICK) for key in ("a", "b", "c")]
        theirs = a_claim(tenant_id=ACME, uses=0, held_until=NOON - TICK)
        stay = [a_claim(key="d", uses=0, held_until=NOON), a_claim(key="e", held_until=NOON - TICK), CLAIM]
        store(main, lambda unit: unit.claims.put, *gone, *stay)
        store(acme, lambda unit: unit.claims.put, theirs)
        counts = [main.write(lambda unit: unit.claims.remove_held(NOON, limit=3)) for _ in range(3)]
        assert counts == [3, 1, 0]
        assert [find(main, claim.key) for claim in gone] == [None] * 3
        assert [find(main, claim.key) for claim in stay] == stay
        assert find(acme) is None

    @pytest.mark.rule("E3", "U3")
    def test_a_claim_is_released_if_it_has_no_use_and_the_same_hold(self, main: Units[Unit]) -> None:
        held = a_claim(uses=0, held_until=NOON)
        store(main, lambda unit: unit.claims.put, held, a_claim(key="bob", uses=0, held_until=NOON))
        for other in (a_claim(held_until=NOON), a_claim(uses=0, held_until=NOON + TICK)):
            store(main, lambda unit: unit.claims.put, other)
            main.write(lambda unit: unit.claims.release([held]))
            assert find(main) == other
        store(main, lambda unit: unit.claims.put, held)
        main.write(lambda unit: unit.claims.release([held, a_claim(key="cleo", uses=0, held_until=NOON)]))
        assert find(main) is None
        assert find(main, "bob") is not None

    @pytest.mark.rule("E3", "U3")
    def test_of_two_open_units_one_gets_a_key_that_is_held_no_longer(self, main: Units[Unit]) -> None:
        held = a_claim(uses=0, held_until=NOON)
        store(main, lambda unit: unit.claims.put, held)

        def take(unit: Unit, number: int, meet: Meet) -> bool:
            found = unit.claims.find(held.space, held.key)
            meet()
            if found is None or found.uses:
                return False
            if not number:  # the holder uses the key again
                unit.claims.put(CLAIM)
                return True
            unit.claims.release([held])
            unit.claims.put(a_claim(holder_id=BOB))
            return True

        assert sorted(overlap(main, take)) == [False, True]

    @pytest.mark.rule("E3")
    def test_a_key_is_used_again_or_freed_by_two_open_units_but_not_both(self, main: Units[Unit]) -> None:
        held = a_claim(uses=0, held_until=NOON - TICK)

        def use_or_free(unit: Unit, number: int, meet: Meet) -> int:
            unit.claims.find(held.space, held.key)
            meet()
            if number:
                return unit.claims.remove_held(NOON, limit=9)
            unit.claims.put(CLAIM)
            return 0

        store(main, lambda unit: unit.claims.put, held)
        overlap(main, use_or_free)
        assert find(main) == CLAIM

    @pytest.mark.rule("T2")
    def test_tenants_hold_the_same_key_and_do_not_see_it(self, main: Units[Unit], acme: Units[Unit]) -> None:
        theirs = a_claim(tenant_id=ACME, holder_id=BOB)
        store(main, lambda unit: unit.claims.put, CLAIM)
        assert find(acme) is None
        store(acme, lambda unit: unit.claims.put, theirs)
        assert (find(main), find(acme)) == (CLAIM, theirs)
        assert acme.read(lambda unit: unit.claims.find_many([(KeySpace.LOGIN, "ann")])) == [theirs]
        acme.write(lambda unit: unit.claims.remove([theirs]))
        assert (find(main), find(acme)) == (CLAIM, None)

    @pytest.mark.rule("U3")
    def test_one_of_eight_threads_gets_the_key(self, main: Units[Unit]) -> None:
        def read_then_claim(number: int, meet: Meet) -> bool:
            assert find(main) is None
            meet()
            return main.write(lambda unit: claim_unless_held(unit, a_claim(holder_id=number + 1)))

        won = race(read_then_claim)
        assert won.count(True) == 1
        assert find(main) == a_claim(holder_id=won.index(True) + 1)
        assert len(won) == THREADS

    @pytest.mark.rule("U3")
    def test_one_of_two_open_units_gets_the_key(self, main: Units[Unit]) -> None:
        won = overlap(main, lambda unit, number, meet: claim_unless_held(unit, a_claim(holder_id=number + 1), meet))
        assert sorted(won) == [False, True]
        assert find(main) == evolve(CLAIM, tenant_id=MAIN, holder_id=won.index(True) + 1)
