"""What every storage must do for passkeys."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import strategies as st

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.passkeys.model import Passkey
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_for_all,
    check_runs_again,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.contracts.rows import OF_ACME
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB
from usercore.testing.strategies import entities

MOST: Final = 2**32 - 1
"""The largest count of an authenticator."""


def passkey(
    credential_id: bytes = b"first",
    *,
    number: int = 1,
    user_id: UserId = ANN,
    tenant_id: TenantId = MAIN,
    sign_count: int = 7,
) -> Passkey:
    """Return a passkey."""
    return Passkey(
        user_id=user_id,
        tenant_id=tenant_id,
        credential_id=credential_id,
        id=number,
        name="Phone",
        public_key=b"\xa5\x00\xff",
        sign_count=sign_count,
        aaguid=UUID("8446ccb9-ab1d-b374-750b-2367ff6f3a1f"),
        transports="hybrid internal",
        backup_eligible=True,
        backed_up=False,
        created_at=NOON,
    )


def put(units: Units[Unit], *passkeys: Passkey) -> None:
    """Store passkeys, each after locking its user."""

    def work(unit: Unit) -> None:
        for one in passkeys:
            unit.lock(one.user_id)
            unit.passkeys.add(one)

    units.write(work)


def get(units: Units[Unit], credential_id: bytes = b"first") -> Passkey | None:
    """Return the passkey with a credential id."""
    return units.read(lambda unit: unit.passkeys.get(credential_id))


def list_of(units: Units[Unit], user_id: UserId = ANN) -> list[Passkey]:
    """Return a user's passkeys."""
    return units.read(lambda unit: unit.passkeys.list_of(user_id))


def use(units: Units[Unit], sign_count: int, *, number: int = 1, credential_id: bytes = b"first") -> bool:
    """Store a use in a unit of its own."""
    return units.write(
        lambda unit: unit.passkeys.use(credential_id, number, sign_count=sign_count, backed_up=True, at=NOON + TICK)
    )


class PasskeyRepositoryContract(Contract):
    """One case for each promise of ``PasskeyRepository``."""

    @pytest.mark.rule("F6")
    def test_any_passkey_is_stored_whole(self, people: Units[Unit]) -> None:
        numbers = iter(range(1, 1_000_000))

        def check(drawn: Passkey) -> None:
            number = next(numbers)
            own = evolve(drawn, user_id=ANN, tenant_id=MAIN, id=number, credential_id=number.to_bytes(4, "big"))
            put(people, own)
            assert_same(get(people, own.credential_id), own)

        check_for_all(entities(Passkey), check)

    @pytest.mark.rule("F6")
    def test_values_at_the_edge_are_stored(self, people: Units[Unit]) -> None:
        longest = evolve(passkey(bytes(1023), number=2), public_key=bytes(4096), name="x" * 100, sign_count=MOST)
        earliest = evolve(passkey(b"\0", number=3), name="", transports="", created_at=FIRST, last_used_at=LAST - TICK)
        put(people, passkey(), longest, earliest)
        for one in (passkey(), longest, earliest):
            assert_same(get(people, one.credential_id), one)

    @pytest.mark.rule("F6")
    def test_credential_ids_are_compared_exactly(self, people: Units[Unit]) -> None:
        put(people, passkey(b"first"))
        assert [get(people, other) for other in (b"", b"FIRST", b"first\0", b"firs")] == [None] * 4

    @pytest.mark.rule("F6")
    def test_the_passkeys_of_a_user_are_listed_by_id(self, people: Units[Unit]) -> None:
        last, first, middle = passkey(b"a", number=9), passkey(b"c", number=1), passkey(b"b", number=5)
        put(people, last, first, passkey(b"d", number=2, user_id=BOB), middle)
        assert list_of(people) == [first, middle, last]
        assert [list_of(people, user_id) for user_id in (UserId(999), BOB)] == [
            [],
            [passkey(b"d", number=2, user_id=BOB)],
        ]

    @pytest.mark.rule("F6")
    def test_a_credential_id_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        put(people, passkey())

        def add(unit: Unit, drawn: Passkey) -> None:
            unit.lock(drawn.user_id)
            unit.passkeys.add(drawn)

        taken = passkey(number=2, user_id=BOB)
        check_runs_again(people, add, taken=taken, free=passkey(b"second", number=2, user_id=BOB))
        assert get(people) == passkey()

    @pytest.mark.rule("F6", "T2")
    def test_each_tenant_has_credential_ids_of_its_own(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        theirs = passkey(number=2, user_id=OF_ACME, tenant_id=ACME)
        put(people, passkey(), passkey(b"ours", number=3))
        put(acme, theirs)
        assert (get(people), get(acme), get(acme, b"ours")) == (passkey(), theirs, None)
        assert (list_of(acme, ANN), list_of(people, OF_ACME)) == ([], [])
        assert not use(acme, 99, number=3, credential_id=b"ours")
        assert not acme.write(lambda unit: unit.passkeys.remove(b"ours"))
        assert acme.write(lambda unit: unit.passkeys.remove(b"first"))
        assert (get(people), get(people, b"ours")) == (passkey(), passkey(b"ours", number=3))

    @pytest.mark.rule("F6")
    def test_a_use_replaces_counter_and_state(self, people: Units[Unit]) -> None:
        put(people, passkey(), passkey(b"second", number=2))
        assert use(people, 8)
        used = evolve(passkey(), sign_count=8, backed_up=True, last_used_at=NOON + TICK)
        assert_same(get(people), used)
        assert list_of(people) == [used, passkey(b"second", number=2)]

    @pytest.mark.rule("F6")
    def test_a_counter_goes_forward_only(self, people: Units[Unit]) -> None:
        put(people, passkey())
        assert [use(people, count) for count in (7, 6, 0, 9, 9, 8, MOST, MOST, 0)] == [
            *(False, False, False),
            *(True, False, False),
            *(True, False, False),
        ]

    @pytest.mark.rule("F6")
    def test_a_counter_of_zero_may_stay_zero(self, people: Units[Unit]) -> None:
        put(people, passkey(sign_count=0))
        assert [use(people, count) for count in (0, 0, 1, 0, 1)] == [True, True, True, False, False]

    @pytest.mark.rule("F6")
    def test_any_counts_agree_with_a_model(self, people: Units[Unit]) -> None:
        numbers = iter(range(1, 1_000_000))

        def check(counts: list[int]) -> None:
            number, stored = next(numbers), 0
            key = number.to_bytes(4, "big")
            put(people, passkey(key, number=number, sign_count=0))
            for count in counts:
                expected = count > stored or not (count or stored)
                assert use(people, count, number=number, credential_id=key) == expected
                stored = count if expected else stored

        check_for_all(st.lists(st.integers(0, 3), max_size=6), check)

    @pytest.mark.rule("F6")
    def test_a_use_names_the_passkey_by_its_id_too(self, people: Units[Unit]) -> None:
        put(people, passkey())
        assert not use(people, 8, number=2)
        assert not use(people, 8, credential_id=b"second")
        assert get(people) == passkey()

    @pytest.mark.rule("F6")
    def test_a_removed_passkey_is_gone_and_can_be_added_again(self, people: Units[Unit]) -> None:
        put(people, passkey(), passkey(b"second", number=2))
        assert [people.write(lambda unit: unit.passkeys.remove(b"first")) for _ in range(2)] == [True, False]
        assert (get(people), list_of(people)) == (None, [passkey(b"second", number=2)])
        put(people, passkey(number=3, user_id=BOB))
        assert (list_of(people, BOB), len(list_of(people))) == ([passkey(number=3, user_id=BOB)], 1)

    @pytest.mark.rule("F6")
    def test_a_unit_that_fails_changes_nothing(self, people: Units[Unit]) -> None:
        put(people, passkey())
        write_and_fail(people, lambda unit: unit.passkeys.add(passkey(b"second", number=2)))
        write_and_fail(
            people, lambda unit: unit.passkeys.use(b"first", 1, sign_count=8, backed_up=True, at=NOON + TICK)
        )
        write_and_fail(people, lambda unit: unit.passkeys.remove(b"first"))
        assert list_of(people) == [passkey()]
        assert (get(people), get(people, b"second")) == (passkey(), None)

    @pytest.mark.rule("F6")
    def test_of_eight_threads_with_one_count_one_uses_the_passkey(self, people: Units[Unit]) -> None:
        put(people, passkey())

        def read_then_use(_: int, meet: Meet) -> bool:
            assert get(people) == passkey()
            meet()
            return use(people, 8)

        assert sorted(race(read_then_use)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("F6")
    def test_of_two_open_units_with_one_count_one_uses_the_passkey(self, people: Units[Unit]) -> None:
        put(people, passkey())

        def read_then_use(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.passkeys.get(b"first")
            meet()
            return unit.passkeys.use(b"first", 1, sign_count=8, backed_up=True, at=NOON + timedelta(seconds=1))

        assert sorted(overlap(people, read_then_use)) == [False, True]

    @pytest.mark.rule("F6")
    def test_of_two_open_units_of_different_users_one_adds_a_credential_id(self, people: Units[Unit]) -> None:
        def add(unit: Unit, number: int, meet: Meet) -> bool:
            user_id = (ANN, BOB)[number]
            unit.lock(user_id)
            is_free = unit.passkeys.get(b"first") is None
            meet()
            if is_free:
                unit.passkeys.add(passkey(number=number + 1, user_id=user_id))
            return is_free

        assert sorted(overlap(people, add)) == [False, True]
        assert len(list_of(people) + list_of(people, BOB)) == 1
