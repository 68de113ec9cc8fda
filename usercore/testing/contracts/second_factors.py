"""What every storage must do for second factors, recovery codes and challenges."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.second_factors.model import RecoveryCode, SignInChallenge, StoredFactor
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
from usercore.testing.contracts.rows import UserRows, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ANN, BOB
from usercore.testing.strategies import entities

FACTOR: Final = StoredFactor(
    user_id=ANN,
    id=601,
    name="Anns Händi",
    key_id="2026",
    encrypted=bytes(range(48)),
    created_at=NOON - TICK,
    confirmed_at=NOON,
    last_step=59_000_000,
    last_used_at=NOON + TICK,
)
PENDING: Final = evolve(FACTOR, confirmed_at=None, last_step=0, last_used_at=None)

FACTORS: Final = UserRows(
    name="second_factors",
    rules=("F1",),
    repository=lambda unit: unit.second_factors,
    key="id",
    sample=FACTOR,
    other=evolve(PENDING, name="x", encrypted=b"\0" * 48),
    edges=[
        evolve(PENDING, id=1, name="n" * 100, key_id="k" * 255, encrypted=b""),
        evolve(FACTOR, id=LIMIT - 1, last_step=LIMIT - 1, created_at=FIRST, confirmed_at=LAST - TICK),
    ],
    drawn=entities(StoredFactor),
    keys=(601, 602, 1000, LIMIT - 1),
)


def accept(unit: Unit, step: int, *, user_id: UserId = ANN, at: datetime = NOON) -> bool:
    """Accept the code of a step."""
    return unit.second_factors.accept(user_id, FACTOR.id, step=step, at=at)


def last_step(units: Units[Unit]) -> int:
    """Return the last step that was accepted."""
    found = FACTORS.get(units, FACTOR)
    assert found
    return found.last_step


@row_cases(FACTORS)
class SecondFactorRepositoryContract(Contract):
    """One case a promise of ``SecondFactorRepository``."""

    @pytest.mark.rule("F2")
    def test_only_confirmed_factors_count_as_having_one(self, people: Units[Unit]) -> None:
        def has(user_id: UserId) -> bool:
            return people.read(lambda unit: unit.second_factors.has_confirmed(user_id))

        FACTORS.put(people, PENDING, evolve(FACTOR, user_id=BOB))
        assert [has(user_id) for user_id in (ANN, BOB, UserId(999))] == [False, True, False]
        FACTORS.put(people, FACTOR)
        assert has(ANN)

    @pytest.mark.rule("F3")
    def test_a_step_is_accepted_once_and_uses_up_the_earlier_ones(self, people: Units[Unit]) -> None:
        FACTORS.put(people, evolve(FACTOR, last_step=10), evolve(FACTOR, user_id=BOB, last_step=10))
        steps = (9, 10, 12, 12, 11, 13)
        assert [people.write(lambda unit: accept(unit, step)) for step in steps] == [  # noqa: B023 - used at once
            False,
            False,
            True,
            False,
            False,
            True,
        ]
        assert FACTORS.get(people, FACTOR) == evolve(FACTOR, last_step=13, last_used_at=NOON)
        assert people.write(lambda unit: accept(unit, 11, user_id=BOB))

    @pytest.mark.rule("F1", "F3")
    def test_no_code_of_an_unconfirmed_or_missing_factor_is_accepted(self, people: Units[Unit]) -> None:
        FACTORS.put(people, PENDING)
        assert not people.write(lambda unit: accept(unit, 12))
        assert not people.write(lambda unit: accept(unit, 12, user_id=BOB))
        assert FACTORS.get(people, FACTOR) == PENDING

    @pytest.mark.rule("F3")
    def test_a_unit_that_fails_accepts_nothing(self, people: Units[Unit]) -> None:
        FACTORS.put(people, FACTOR)
        write_and_fail(people, lambda unit: accept(unit, FACTOR.last_step + 1))
        assert FACTORS.get(people, FACTOR) == FACTOR

    @pytest.mark.rule("F3")
    def test_one_of_eight_threads_has_its_code_accepted(self, people: Units[Unit]) -> None:
        FACTORS.put(people, evolve(FACTOR, last_step=10))

        def read_then_accept(_: int, meet: Meet) -> bool:
            assert last_step(people) == 10
            meet()
            return people.write(lambda unit: accept(unit, 12))

        assert sorted(race(read_then_accept)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("F3")
    def test_one_of_two_open_units_has_its_code_accepted(self, people: Units[Unit]) -> None:
        FACTORS.put(people, evolve(FACTOR, last_step=10))

        def read_then_accept(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.second_factors.get(ANN, FACTOR.id)
            meet()
            return accept(unit, 12)

        assert sorted(overlap(people, read_then_accept)) == [False, True]

    @pytest.mark.rule("F1")
    def test_of_two_open_units_one_removes_the_factor_that_the_other_uses(self, people: Units[Unit]) -> None:
        FACTORS.put(people, evolve(FACTOR, last_step=10))

        def use_or_remove(unit: Unit, number: int, meet: Meet) -> bool:
            unit.second_factors.get(ANN, FACTOR.id)  # not there any more in a unit that lost and runs again
            meet()
            unit.lock(ANN)
            return unit.second_factors.remove(ANN, FACTOR.id) if number else accept(unit, 12)

        accepted, removed = overlap(people, use_or_remove)
        assert removed
        assert FACTORS.list_of(people) == []
        assert not people.write(lambda unit: accept(unit, 13))
        assert accepted in {True, False}

    @pytest.mark.rule("K9")
    def test_factors_confirmed_since_and_unconfirmed_ones_are_removed(self, people: Units[Unit]) -> None:
        before = evolve(FACTOR, id=1, confirmed_at=NOON - TICK)
        begun = evolve(PENDING, id=2, created_at=NOON - 9 * TICK)
        at, after = evolve(FACTOR, id=3), evolve(FACTOR, id=4, confirmed_at=NOON + TICK)
        of_bob = evolve(FACTOR, user_id=BOB)
        FACTORS.put(people, before, begun, at, after, of_bob)
        assert people.write(lambda unit: unit.second_factors.remove_since(ANN, NOON)) == [begun, at, after]
        assert people.write(lambda unit: unit.second_factors.remove_since(ANN, NOON)) == []
        assert (FACTORS.list_of(people), FACTORS.list_of(people, BOB)) == ([before], [of_bob])


def code(text: str, *, user_id: UserId = ANN, created_at: datetime = NOON) -> RecoveryCode:
    """Return a recovery code."""
    return RecoveryCode(user_id=user_id, digest=digest_of(text), created_at=created_at)


def replace_codes(units: Units[Unit], *codes: RecoveryCode, user_id: UserId = ANN) -> None:
    """Store these codes of a user instead of all."""

    def work(unit: Unit) -> None:
        unit.lock(user_id)
        unit.recovery_codes.replace_all(user_id, codes)

    units.write(work)


def codes_of(units: Units[Unit], user_id: UserId = ANN) -> list[RecoveryCode]:
    """Return a user's codes."""
    return units.read(lambda unit: unit.recovery_codes.list_of(user_id))


def redeem_code(unit: Unit, text: str, *, user_id: UserId = ANN, at: datetime = NOON) -> bool:
    """Use a code."""
    return unit.recovery_codes.redeem(user_id, digest_of(text), at=at)


class RecoveryCodeRepositoryContract(Contract):
    """One case a promise of ``RecoveryCodeRepository``."""

    @pytest.mark.rule("F4")
    def test_any_codes_are_stored_whole_and_listed_by_digest(self, people: Units[Unit]) -> None:
        drawn = with_unique(entities(RecoveryCode), "digest", iter(digest_of(str(n)) for n in range(10**6)))

        def check(one: RecoveryCode) -> None:
            first, second = evolve(one, user_id=ANN), evolve(one, user_id=ANN, digest=Digest(b"\xff" * 32))
            replace_codes(people, second, first)
            found = codes_of(people)
            assert [stored.digest for stored in found] == [first.digest, second.digest]
            for stored, given in zip(found, (first, second), strict=True):
                assert_same(stored, given)

        check_for_all(drawn, check)

    @pytest.mark.rule("F4")
    def test_new_codes_replace_all_of_the_user_only(self, people: Units[Unit]) -> None:
        replace_codes(people, code("a"), code("b"))
        replace_codes(people, code("a", user_id=BOB), user_id=BOB)
        replace_codes(people, code("c"))
        assert (codes_of(people), codes_of(people, BOB)) == ([code("c")], [code("a", user_id=BOB)])
        replace_codes(people)
        assert codes_of(people) == []

    @pytest.mark.rule("F4")
    def test_a_code_is_used_once(self, people: Units[Unit]) -> None:
        replace_codes(people, code("a"), code("b"))
        assert [people.write(lambda unit: redeem_code(unit, text)) for text in "abax"] == [True, True, False, False]  # noqa: B023 - used at once
        assert not people.write(lambda unit: redeem_code(unit, "a", user_id=BOB))
        assert {one.used_at for one in codes_of(people)} == {NOON}

    @pytest.mark.rule("F4")
    def test_a_unit_that_fails_uses_and_replaces_nothing(self, people: Units[Unit]) -> None:
        replace_codes(people, code("a"))
        write_and_fail(people, lambda unit: redeem_code(unit, "a"))
        write_and_fail(people, lambda unit: unit.recovery_codes.replace_all(ANN, [code("b")]))
        write_and_fail(people, lambda unit: unit.recovery_codes.remove_since(ANN, NOON))
        assert codes_of(people) == [code("a")]

    @pytest.mark.rule("F4")
    def test_one_of_eight_threads_uses_a_code(self, people: Units[Unit]) -> None:
        replace_codes(people, code("a"))

        def read_then_redeem(_: int, meet: Meet) -> bool:
            assert codes_of(people)
            meet()
            return people.write(lambda unit: redeem_code(unit, "a"))

        assert sorted(race(read_then_redeem)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("F4")
    def test_one_of_two_open_units_uses_a_code(self, people: Units[Unit]) -> None:
        replace_codes(people, code("a"))

        def read_then_redeem(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.recovery_codes.list_of(ANN)
            meet()
            return redeem_code(unit, "a")

        assert sorted(overlap(people, read_then_redeem)) == [False, True]

    @pytest.mark.rule("K9")
    def test_codes_made_since_are_removed(self, people: Units[Unit]) -> None:
        old = code("a", created_at=NOON - TICK)
        replace_codes(people, old, code("b"), code("c", created_at=NOON + TICK))
        replace_codes(people, code("d", user_id=BOB), user_id=BOB)
        assert people.write(lambda unit: unit.recovery_codes.remove_since(ANN, NOON)) == 2
        assert (codes_of(people), len(codes_of(people, BOB))) == ([old], 1)


CHALLENGE: Final = SignInChallenge(
    id=701,
    tenant_id=MAIN,
    digest=digest_of("challenge"),
    user_id=ANN,
    user_version=7,
    authenticator="password",
    allows_privileged=True,
    status="ok",
    source="app",
    device_digest=digest_of("device"),
    password_version=4,
    password_set_at=NOON - TICK,
    counter_key=bytes(digest_of("counter")),
    counter_tries=3,
    issued_at=NOON,
    expires_at=NOON + 9 * TICK,
    redeemed_at=None,
)


def add_challenges(units: Units[Unit], *challenges: SignInChallenge) -> None:
    """Store challenges."""
    store(units, lambda unit: unit.sign_in_challenges.add, *challenges)


def get_challenge(units: Units[Unit], challenge_id: int = CHALLENGE.id) -> SignInChallenge | None:
    """Return a challenge, or None."""
    return units.read(lambda unit: unit.sign_in_challenges.get(challenge_id))


def redeem(unit: Unit, challenge_id: int = CHALLENGE.id) -> bool:
    """Redeem a challenge."""
    return unit.sign_in_challenges.redeem(challenge_id, at=NOON)


class SignInChallengeRepositoryContract(Contract):
    """One case a promise of ``SignInChallengeRepository``."""

    @pytest.mark.rule("F2")
    def test_any_challenge_is_stored_whole(self, people: Units[Unit]) -> None:
        check_stored_completely(
            people,
            with_unique(entities(SignInChallenge), "id"),
            add=lambda unit, one: unit.sign_in_challenges.add(one),
            get=lambda unit, one: unit.sign_in_challenges.get(one.id),
        )

    @pytest.mark.rule("F2")
    def test_an_id_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)
        check_runs_again(
            people,
            lambda unit, number: unit.sign_in_challenges.add(evolve(CHALLENGE, id=number)),
            taken=CHALLENGE.id,
            free=702,
        )
        assert (get_challenge(people), get_challenge(people, 703)) == (CHALLENGE, None)

    @pytest.mark.rule("T2")
    def test_another_tenant_neither_sees_nor_redeems_a_challenge(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)
        assert get_challenge(acme) is None
        assert not acme.write(redeem)
        assert get_challenge(people) == CHALLENGE

    @pytest.mark.rule("F2")
    def test_a_challenge_is_redeemed_once(self, people: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)
        assert [people.write(redeem) for _ in range(2)] == [True, False]
        assert get_challenge(people) == evolve(CHALLENGE, redeemed_at=NOON)
        assert not people.write(lambda unit: redeem(unit, 999))

    @pytest.mark.rule("F2")
    def test_a_unit_that_fails_redeems_nothing(self, people: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)
        write_and_fail(people, redeem)
        write_and_fail(people, lambda unit: unit.sign_in_challenges.add(evolve(CHALLENGE, id=9)))
        assert (get_challenge(people), get_challenge(people, 9)) == (CHALLENGE, None)

    @pytest.mark.rule("F2")
    def test_one_of_eight_threads_redeems(self, people: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)

        def read_then_redeem(_: int, meet: Meet) -> bool:
            assert get_challenge(people)
            meet()
            return people.write(redeem)

        assert sorted(race(read_then_redeem)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("F2")
    def test_one_of_two_open_units_redeems(self, people: Units[Unit]) -> None:
        add_challenges(people, CHALLENGE)

        def read_then_redeem(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.sign_in_challenges.get(CHALLENGE.id)
            meet()
            return redeem(unit)

        assert sorted(overlap(people, read_then_redeem)) == [False, True]

    @pytest.mark.rule("K8")
    def test_expired_challenges_of_any_tenant_are_removed_a_limited_number_at_once(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        ends = [NOON - TICK, NOON - 2 * TICK, NOON - 3 * TICK, NOON, NOON + TICK]
        add_challenges(people, *(evolve(CHALLENGE, id=800 + n, expires_at=end) for n, end in enumerate(ends)))
        remove: Callable[[Unit], int] = lambda unit: unit.sign_in_challenges.remove_expired(NOON, limit=2)  # noqa: E731 - one expression
        assert [acme.write(remove) for _ in range(3)] == [2, 1, 0]
        assert [get_challenge(people, 800 + n) is not None for n in range(5)] == [False] * 3 + [True] * 2
