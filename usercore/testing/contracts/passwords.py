"""The contract of passwords."""

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.passwords.model import Credential
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_for_all, check_runs_again, write_and_fail
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import TICK
from usercore.testing.samples import ANN, BOB, CREDENTIAL, a_credential
from usercore.testing.strategies import credentials

MANY = 2100
"""More than one statement or batch of a storage takes."""


def put(units: Units[Unit], *stored: Credential) -> None:
    """Store credentials while holding the locks of their users."""
    units.write(lambda unit: [(unit.lock(each.user_id), unit.credentials.put(each)) for each in stored])


def get(units: Units[Unit], user_id: UserId = ANN) -> Credential | None:
    """Return a user's credential, or None."""
    return units.read(lambda unit: unit.credentials.get(user_id))


def put_next(unit: Unit) -> int:
    """Store the next password of a user and return its version."""
    unit.lock(ANN)
    old = unit.credentials.get(ANN)
    version = 1 if old is None else old.version + 1
    unit.credentials.put(a_credential(version=version))
    return version


class CredentialRepositoryContract(Contract):
    """One case for each promise of ``CredentialRepository``."""

    @pytest.mark.rule("P1")
    def test_credentials_are_stored_completely_and_replace_the_earlier_ones(self, people: Units[Unit]) -> None:
        def check(credential: Credential) -> None:
            put(people, credential)
            assert_same(get(people), credential)

        check_for_all(credentials().map(lambda generated: evolve(generated, user_id=ANN)), check)

    @pytest.mark.parametrize(
        "credential",
        [
            CREDENTIAL,
            a_credential(hash="x" * 1000, pepper_id=None, expires_at=None, must_change=False),
            a_credential(version=LIMIT - 1, set_at=FIRST, expires_at=LAST - TICK),
        ],
        ids=["sample", "texts", "numbers"],
    )
    @pytest.mark.rule("P1")
    def test_credentials_with_boundary_values_are_stored(self, people: Units[Unit], credential: Credential) -> None:
        put(people, credential)
        assert_same(get(people), credential)

    @pytest.mark.rule("P3")
    def test_users_without_credential_and_missing_users_have_none(self, people: Units[Unit]) -> None:
        put(people, CREDENTIAL)
        assert get(people, BOB) is None
        assert get(people, UserId(999)) is None

    @pytest.mark.rule("P1")
    def test_each_user_has_their_own(self, people: Units[Unit]) -> None:
        bobs = a_credential(user_id=BOB, hash="bob's")
        put(people, CREDENTIAL, bobs)
        put(people, a_credential(version=5))
        assert (get(people), get(people, BOB)) == (a_credential(version=5), bobs)

    @pytest.mark.rule("R7", "P8")
    def test_many_credentials_are_stored_completely(self, people: Units[Unit]) -> None:
        several = [a_credential(user_id=UserId(number), hash=f"hash {number}") for number in range(1, MANY)]
        people.write(lambda unit: unit.credentials.add_many(several))
        stored = people.read(lambda unit: unit.credentials.get_many([each.user_id for each in several]))
        assert sorted(stored, key=lambda each: each.user_id) == several

    def test_empty_lists_of_credentials_can_be_stored_and_read(self, people: Units[Unit]) -> None:
        people.write(lambda unit: unit.credentials.add_many([]))
        assert people.read(lambda unit: unit.credentials.get_many([])) == []

    def test_get_many_returns_each_existing_credential_once(self, people: Units[Unit]) -> None:
        put(people, CREDENTIAL)
        assert people.read(lambda unit: unit.credentials.get_many([BOB, ANN, UserId(999), ANN])) == [CREDENTIAL]

    @pytest.mark.rule("P6")
    def test_one_existing_credential_among_many_stores_none_and_runs_again(self, people: Units[Unit]) -> None:
        put(people, CREDENTIAL)

        def add(unit: Unit, ids: list[int]) -> None:
            unit.credentials.add_many([a_credential(user_id=UserId(number), version=9) for number in ids])

        check_runs_again(people, add, taken=[11, 12, ANN, 13], free=[14, 15])
        ids = [ANN, *map(UserId, range(11, 16))]
        stored = people.read(lambda unit: unit.credentials.get_many(ids))
        assert sorted((each.user_id, each.version) for each in stored) == [(14, 9), (15, 9), (ANN, CREDENTIAL.version)]

    @pytest.mark.rule("P6")
    def test_a_failing_unit_does_not_replace_the_credential(self, people: Units[Unit]) -> None:
        put(people, CREDENTIAL)
        write_and_fail(people, put_next)
        assert get(people) == CREDENTIAL

    @pytest.mark.rule("P6")
    def test_each_of_eight_threads_stores_another_version(self, people: Units[Unit]) -> None:
        def read_then_put(_: int, meet: Meet) -> int:
            assert get(people) is None
            meet()
            return people.write(put_next)

        assert sorted(race(read_then_put)) == [*range(1, THREADS + 1)]

    @pytest.mark.rule("P6")
    def test_two_open_units_do_not_lose_a_version(self, people: Units[Unit]) -> None:
        def read_then_put(unit: Unit, _: int, meet: Meet) -> int:
            assert unit.users.get(ANN)
            meet()
            return put_next(unit)

        assert sorted(overlap(people, read_then_put)) == [1, 2]
