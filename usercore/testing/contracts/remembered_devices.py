"""The contract of remembered devices, on which a user is asked for no second factor."""

from collections.abc import Callable
from datetime import datetime

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of, generate_secret
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.access_tokens import add as add_access_tokens
from usercore.testing.contracts.access_tokens import numbered
from usercore.testing.contracts.base import Contract, add_users, assert_same, check_for_all, store, write_and_fail
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.fakes import NOON, TICK, FakeRandomness
from usercore.testing.samples import ACME, ANN, BOB, a_device_token
from usercore.testing.strategies import entities
from usercore.tokens.kinds import DEVICE
from usercore.tokens.model import RememberedDevice
from usercore.tokens.pairing import get_device, lock_device, pair
from usercore.tokens.remembering import remember_device

SECRET = generate_secret(DEVICE, None, FakeRandomness("a device"))
PHONE, TABLET = Digest(b"\x01" * 32), Digest(b"\x02" * 32)
OF_ACME = UserId(11)


def remembered(device: Digest = PHONE, user_id: UserId = ANN, at: datetime = NOON) -> RememberedDevice:
    """Return a remembered device."""
    return RememberedDevice(user_id=user_id, device_digest=device, remembered_at=at)


def put(units: Units[Unit], *rows: RememberedDevice) -> None:
    """Store remembered devices, each after locking its user."""

    def work(unit: Unit) -> None:
        for row in rows:
            unit.lock(row.user_id)
            unit.remembered_devices.put(row)

    units.write(work)


def list_of(units: Units[Unit], user_id: UserId = ANN) -> list[RememberedDevice]:
    """Return a user's remembered devices."""
    return units.read(lambda unit: unit.remembered_devices.list_of(user_id))


def users_of(units: Units[Unit], device: Digest = PHONE) -> list[UserId]:
    """Return the users of whom a device is remembered."""
    return units.read(lambda unit: unit.remembered_devices.users_of_device(device))


class RememberedDeviceRepositoryContract(Contract):
    """One case for each promise of ``RememberedDeviceRepository``."""

    @pytest.mark.rule("F7")
    def test_any_remembered_device_is_stored_whole(self, people: Units[Unit]) -> None:
        def check(drawn: RememberedDevice) -> None:
            row = evolve(drawn, user_id=ANN)
            put(people, row)
            assert_same(people.read(lambda unit: unit.remembered_devices.get(ANN, row.device_digest)), row)

        check_for_all(entities(RememberedDevice), check)
        for at in (FIRST, LAST - TICK):
            check(remembered(at=at))

    @pytest.mark.rule("F7")
    def test_remembered_devices_are_found_by_user_and_device(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        put(people, remembered(TABLET), remembered(), remembered(user_id=BOB))
        put(acme, remembered(user_id=OF_ACME))
        assert list_of(people) == [remembered(), remembered(TABLET)]
        assert (list_of(people, BOB), list_of(people, UserId(999))) == ([remembered(user_id=BOB)], [])
        assert users_of(people) == sorted([ANN, BOB, OF_ACME])
        assert (users_of(people, TABLET), users_of(people, digest_of("unknown"))) == ([ANN], [])
        assert people.read(lambda unit: unit.remembered_devices.get(BOB, TABLET)) is None

    @pytest.mark.rule("F7")
    def test_a_device_that_is_remembered_again_has_the_later_instant_only(self, people: Units[Unit]) -> None:
        put(people, remembered(), remembered(TABLET))
        put(people, remembered(at=NOON + TICK))
        assert list_of(people) == [remembered(at=NOON + TICK), remembered(TABLET)]
        assert users_of(people) == [ANN]

    @pytest.mark.rule("F7")
    def test_one_device_or_all_of_a_user_are_removed(self, people: Units[Unit]) -> None:
        put(people, remembered(TABLET), remembered(), remembered(user_id=BOB))
        assert not people.write(lambda unit: unit.remembered_devices.remove(BOB, TABLET))
        assert people.write(lambda unit: unit.remembered_devices.remove(ANN, PHONE))
        assert not people.write(lambda unit: unit.remembered_devices.remove(ANN, PHONE))
        assert (list_of(people), users_of(people)) == ([remembered(TABLET)], [BOB])
        put(people, remembered())
        assert people.write(lambda unit: unit.remembered_devices.remove_all(ANN)) == [remembered(), remembered(TABLET)]
        assert people.write(lambda unit: unit.remembered_devices.remove_all(ANN)) == []
        assert (users_of(people), users_of(people, TABLET)) == ([BOB], [])

    @pytest.mark.rule("F7")
    def test_a_unit_that_fails_remembers_and_removes_nothing(self, people: Units[Unit]) -> None:
        put(people, remembered())
        write_and_fail(people, lambda unit: unit.remembered_devices.put(remembered(at=NOON + TICK)))
        write_and_fail(people, lambda unit: unit.remembered_devices.put(remembered(TABLET)))
        write_and_fail(people, lambda unit: unit.remembered_devices.remove_all(ANN))
        assert (list_of(people), users_of(people), users_of(people, TABLET)) == ([remembered()], [ANN], [])

    @pytest.mark.rule("K8")
    def test_rows_of_any_tenant_are_removed_after_their_time_a_limited_number_at_once(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        rows = [remembered(Digest(bytes([n]) * 32), at=NOON - (3 - n) * TICK) for n in range(5)]
        put(people, *rows)
        remove: Callable[[Unit], int] = lambda unit: unit.remembered_devices.remove_expired(NOON, limit=2)  # noqa: E731 - one expression
        assert [acme.write(remove) for _ in range(3)] == [2, 1, 0]
        assert list_of(people) == rows[3:]

    @pytest.mark.rule("F7")
    def test_a_device_is_remembered_or_forgotten_by_one_of_two_open_units_after_the_other(
        self, people: Units[Unit]
    ) -> None:
        def remove(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.users.get(ANN)
            meet()
            unit.lock(ANN)
            return unit.remembered_devices.remove(ANN, PHONE)

        def remember(unit: Unit, number: int, meet: Meet) -> None:
            assert unit.users.get(ANN)
            meet()
            unit.lock(ANN)
            unit.remembered_devices.put(remembered(at=NOON + number * TICK))

        put(people, remembered())
        assert sorted(overlap(people, remove)) == [False, True]
        overlap(people, remember)
        assert len(list_of(people)) == 1

    @pytest.mark.rule("F7", "K5")
    def test_of_two_open_units_one_remembers_a_device_or_another_user_has_it(self, people: Units[Unit]) -> None:
        """As at a sign-in: the user whose unit comes last has the device, and no other user."""
        digest, token = digest_of(SECRET), numbered(2, user_id=BOB, device_digest=None, paired_at=None)

        def remember_or_pair(unit: Unit, number: int, meet: Meet) -> None:
            get_device(unit, SECRET)
            meet()
            device = lock_device(unit, SECRET, (ANN, BOB)[number], at=NOON)
            if number:
                pair(unit, token, device)
            else:
                remember_device(unit, ANN, device.token, at=NOON)
                pair(unit, numbered(1, device_digest=None, paired_at=None), device)

        store(people, lambda unit: unit.device_tokens.add, a_device_token(digest=digest))
        add_access_tokens(people, numbered(1, device_digest=None, paired_at=None), token)
        overlap(people, remember_or_pair)
        has_paired = people.read(lambda unit: unit.access_tokens.users_of_device(digest))
        assert (has_paired, users_of(people, digest)) in (([ANN], [ANN]), ([BOB], []))
