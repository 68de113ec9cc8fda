"""The contract of what erasing users and deleting tenants ask of a storage, and of units that race with an erasure."""

from contextlib import suppress
from typing import Final

import pytest

from usercore.kernel.changes import Subject
from usercore.kernel.context import Actor
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.privacy.steps import Erasing, erase_person
from usercore.storage import Unit
from usercore.testing.contracts.attempts import Kind, each_kind
from usercore.testing.contracts.base import Contract, assert_same, store, write_and_fail
from usercore.testing.contracts.claiming import UNCLAIMED, claim
from usercore.testing.contracts.failure_counters import a_rule
from usercore.testing.contracts.personal_rows import fill, rows_of
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.user_lists import bare
from usercore.testing.fakes import NOON
from usercore.testing.samples import (
    ACCESS_TOKEN,
    ACME,
    ACTION,
    ANN,
    API_TOKEN,
    BOB,
    DEVICE_TOKEN,
    a_registration_link,
    an_entry,
)
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import CounterKind
from usercore.tokens.model import RegistrationLink
from usercore.users.keys import KeySpace
from usercore.users.model import EMAIL_CHANGED, UserState
from usercore.users.service import replace_user

KEYS: Final = CounterKeys(secret=bytes(32), ipv6_prefix=64)
EMAIL: Final = "ann@example.com"


def erase(unit: Unit, user_id: UserId = ANN) -> bool:
    """Erase a user; return False if there is none any more."""
    try:
        erase_person(unit, user_id, Erasing(at=NOON, by="host", keys=KEYS, reason="asked"), lambda _: None)
    except UserNotFound:
        return False
    return True


def link_of(units: Units[Unit], link_id: int) -> RegistrationLink | None:
    """Return a registration request."""
    return units.read(lambda unit: unit.registration_links.get(link_id))


class ErasureRepositoriesContract(Contract):
    """One case for each promise of the methods that an erasure calls."""

    @each_kind
    @pytest.mark.rule("X6")
    def test_the_oldest_attempts_of_a_user_are_removed_up_to_a_limit(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, *(kind.make(number) for number in range(1, 6)), kind.make(1, BOB), kind.make(1, None))
        counts = []
        for _ in range(3):
            counts.append(people.write(lambda unit: kind.of(unit).remove_of(ANN, limit=2)))
            if len(counts) == 1:
                assert [one.id for one in kind.listed(people)] == [5, 4, 3]
        assert counts == [2, 2, 1]
        assert kind.listed(people) == []
        assert len(kind.listed(people, BOB)) == len(kind.listed(people, None)) == 1

    @each_kind
    @pytest.mark.rule("X6", "T2")
    def test_a_login_is_erased_in_attempts_of_no_user_and_of_others(
        self, people: Units[Unit], acme: Units[Unit], kind: Kind
    ) -> None:
        spelled = "  ANN@Example.COM"
        theirs = kind.make(9, None, tenant_id=ACME, login=EMAIL)
        kind.add(acme, theirs)
        others = [kind.make(1, None, login="ann"), kind.make(2, None, login=None), kind.make(3, BOB, login="bob")]
        kind.add(people, kind.make(4, None, login=spelled), kind.make(5, BOB, login=EMAIL), *others)
        kind.add(people, kind.make(6, ANN, login=EMAIL))
        counts = [people.write(lambda unit: kind.of(unit).erase_login(EMAIL, keep=ANN, limit=1)) for _ in range(3)]
        assert counts == [1, 1, 0]
        assert [one.id for one in kind.listed(people, None)] == [2, 1]
        assert [(one.id, one.login) for one in kind.listed(people, BOB)] == [(5, None), (3, "bob")]
        assert [one.login for one in kind.listed(people)] == [EMAIL]
        assert_same(kind.listed(people, BOB)[0], kind.make(5, BOB, login=None))
        assert kind.listed(acme, None) == [theirs]
        assert people.write(lambda unit: kind.of(unit).erase_login(EMAIL, keep=None, limit=9)) == 1

    @each_kind
    @pytest.mark.rule("X6")
    def test_a_unit_that_fails_erases_no_attempt(self, people: Units[Unit], kind: Kind) -> None:
        tries = [kind.make(1), kind.make(2, None, login=EMAIL), kind.make(3, BOB, login=EMAIL)]
        kind.add(people, *tries)

        def work(unit: Unit) -> None:
            kind.of(unit).remove_of(ANN, limit=9)
            kind.of(unit).erase_login(EMAIL, keep=None, limit=9)

        write_and_fail(people, work)
        assert [kind.listed(people, one.user_id) for one in tries] == [[one] for one in tries]

    @each_kind
    @pytest.mark.rule("X6")
    def test_a_user_agent_stays_as_long_as_another_row_refers_to_it(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, kind.make(1, ANN, user_agent="Lynx"), kind.make(2, ANN, user_agent="Mosaic"))
        store(people, lambda unit: unit.access_tokens.add, evolve(ACCESS_TOKEN, user_id=BOB, user_agent="Lynx"))
        people.write(lambda unit: kind.of(unit).remove_of(ANN, limit=9))
        (token,) = people.read(lambda unit: unit.access_tokens.list_of(BOB))
        assert token.user_agent == "Lynx"
        kind.add(people, kind.make(3, BOB, user_agent="Mosaic"))
        assert kind.listed(people, BOB)[0].user_agent == "Mosaic"

    @pytest.mark.rule("X6")
    def test_the_address_is_blanked_in_entries_by_an_actor_of_any_tenant(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        ann = str(Actor.user(ANN))
        mine = [an_entry(subject_id=BOB, change_no=n, actor=ann, ip="192.0.2.7") for n in (1, 2)]
        theirs = an_entry(subject_id=7, actor=ann, ip="192.0.2.7", tenant_id=ACME, subject=Subject.TENANT)
        others = [
            an_entry(subject_id=BOB, change_no=3, actor=f"{ann}1", ip="192.0.2.8"),
            an_entry(subject_id=BOB, change_no=4, actor="host", ip="192.0.2.8"),
            an_entry(subject_id=BOB, change_no=5, actor=ann, ip=None),
        ]
        people.write(lambda unit: unit.history.add_many([*mine, *others]))
        acme.write(lambda unit: unit.history.add_many([theirs]))
        counts = [people.write(lambda unit: unit.history.blank_actor(ann, limit=2)) for _ in range(3)]
        assert counts == [2, 1, 0]
        listed = people.read(lambda unit: unit.history.list_of(Subject.USER, BOB, before=None, limit=9))
        assert listed[::-1] == [*(evolve(one, ip=None) for one in mine), *others]
        (kept,) = acme.read(lambda unit: unit.history.list_of(Subject.TENANT, 7, before=None, limit=9))
        assert_same(kept, evolve(theirs, ip=None))

    @pytest.mark.rule("X6")
    def test_the_address_is_blanked_in_actions_by_an_actor(self, people: Units[Unit]) -> None:
        ann = str(Actor.user(ANN))
        mine = [evolve(ACTION, user_id=user_id, id=7, actor=ann) for user_id in (BOB, None)]
        other = evolve(ACTION, user_id=BOB, id=8, actor="operator:Olga")
        store(people, lambda unit: unit.actions.add, *mine, other)
        assert [people.write(lambda unit: unit.actions.blank_actor(ann, limit=1)) for _ in range(3)] == [1, 1, 0]
        found = people.read(lambda unit: unit.actions.list_before(None, user_id=None, action=None, limit=9))
        assert found == [other, *(evolve(one, ip=None) for one in mine)]

    @pytest.mark.rule("X6")
    def test_counters_are_removed_by_their_keys(self, main: Units[Unit]) -> None:
        keys = [b"1" * 32, b"2" * 32, b"3" * 32]

        def count(unit: Unit) -> None:
            for key in keys:
                unit.failure_counters.record_failure(key, CounterKind.ACCOUNT, at=NOON, rule=a_rule())
                unit.rate_limits.use(key, at=NOON, window=NOON - NOON.replace(hour=1), most=9)

        def remove(unit: Unit) -> None:
            unit.failure_counters.remove([*keys[:2], b"missing"])
            unit.rate_limits.remove([*keys[:2], b"missing"])

        main.write(count)
        write_and_fail(main, remove)
        assert len(main.read(lambda unit: unit.failure_counters.get_many(keys))) == len(keys)
        main.write(remove)
        assert [one.key for one in main.read(lambda unit: unit.failure_counters.get_many(keys))] == keys[2:]
        assert [one.key for one in main.read(lambda unit: unit.rate_limits.get_many(keys))] == keys[2:]

    @pytest.mark.rule("X6", "T2")
    def test_requests_are_removed_by_the_key_of_their_email(self, main: Units[Unit], acme: Units[Unit]) -> None:
        mine = [a_registration_link(id=1, email=EMAIL), a_registration_link(id=2, email="Ann@EXAMPLE.com")]
        store(main, lambda unit: unit.registration_links.add, *mine, a_registration_link(id=3, email="bob@example.com"))
        store(acme, lambda unit: unit.registration_links.add, a_registration_link(id=4, email=EMAIL, tenant_id=ACME))
        removed = main.write(lambda unit: unit.registration_links.remove_of_email("ANN@example.com"))
        assert sorted(removed, key=lambda link: link.id) == mine
        assert [link_of(main, number) is None for number in (1, 2, 3)] == [True, True, False]
        assert acme.read(lambda unit: unit.registration_links.get(4)) is not None

    @pytest.mark.rule("T7", "T2")
    def test_tokens_and_requests_of_a_tenant_are_removed_up_to_a_limit(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        for units, tenant_id, start in ((main, API_TOKEN.tenant_id, 1), (acme, ACME, 4)):
            for number in range(start, start + 3):
                fields = {"id": number, "tenant_id": tenant_id, "digest": bytes([number]) * 32}
                store(units, lambda unit: unit.api_tokens.add, evolve(API_TOKEN, **fields))
                store(units, lambda unit: unit.device_tokens.add, evolve(DEVICE_TOKEN, **fields))
                link = a_registration_link(id=number, tenant_id=tenant_id)
                store(units, lambda unit: unit.registration_links.add, link)

        def remove(unit: Unit) -> list[int]:
            links = unit.registration_links.remove_all(limit=2)
            return [unit.api_tokens.remove_all(limit=2), unit.device_tokens.remove_all(limit=2), len(links)]

        assert [acme.write(remove) for _ in range(3)] == [[2] * 3, [1] * 3, [0] * 3]
        assert [main.write(remove) for _ in range(2)] == [[2] * 3, [1] * 3], "the other tenant's were all there"


class ErasureRacesContract(Contract):
    """A unit that is open at the same time as an erasure leaves nothing behind; it precedes it, or finds no user."""

    @pytest.mark.rule("X6")
    def test_of_two_open_erasures_one_finds_no_user(self, people: Units[Unit]) -> None:
        def look_then_erase(unit: Unit, _: int, meet: Meet) -> bool:
            unit.users.get(ANN)
            meet()
            return erase(unit)

        assert sorted(overlap(people, look_then_erase)) == [False, True]

    @pytest.mark.rule("X6")
    def test_rows_that_an_open_unit_adds_in_any_table_are_erased_or_not_added(self, people: Units[Unit]) -> None:
        def add_or_erase(unit: Unit, number: int, meet: Meet) -> None:
            unit.users.get(ANN)
            meet()
            if number:
                erase(unit)
                return
            with suppress(UserNotFound):
                fill(unit, ANN)

        overlap(people, add_or_erase)
        assert people.read(lambda unit: rows_of(unit, ANN)) == {}

    @pytest.mark.rule("X6", "U3")
    def test_a_key_that_an_open_unit_claims_is_free_after_the_erasure(self, people: Units[Unit]) -> None:
        def change_or_erase(unit: Unit, number: int, meet: Meet) -> None:
            unit.users.get(ANN)
            meet()
            if number:
                erase(unit)
                return
            with suppress(UserNotFound):
                old = unit.users.lock(ANN)
                replace_user(unit, old, evolve(old, email=EMAIL), EMAIL_CHANGED, at=NOON, by="host")

        overlap(people, change_or_erase)
        assert people.read(lambda unit: unit.claims.find(KeySpace.LOGIN, EMAIL)) is None
        ann = people.read(lambda unit: unit.users.get(ANN))
        assert ann is not None
        assert (ann.state, ann.email) == (UserState.ERASED, None)

    @pytest.mark.rule("X6", "R5")
    @pytest.mark.parametrize("erased", [UNCLAIMED, ANN])
    def test_nothing_moves_to_or_from_a_user_who_is_erased_at_the_same_time(
        self, main: Units[Unit], erased: UserId
    ) -> None:
        una = bare(UNCLAIMED, state=UserState.UNCLAIMED, note="called")
        store(main, lambda unit: unit.users.add, una, bare(ANN, note=None))
        main.write(lambda unit: fill(unit, UNCLAIMED))

        def claim_or_erase(unit: Unit, number: int, meet: Meet) -> None:
            unit.users.get(erased)
            meet()
            with suppress(UserNotFound):
                assert erase(unit, erased) if number else claim(unit, ANN)

        overlap(main, claim_or_erase)
        assert main.read(lambda unit: rows_of(unit, erased)) == {}
        user = main.read(lambda unit: unit.users.get(erased))
        assert user is not None
        assert (user.state, user.note) == (UserState.ERASED, None)
        states = main.read(lambda unit: unit.users.states_of([UNCLAIMED]))
        assert states[UNCLAIMED] is not UserState.DEACTIVATED, "claimed first, the unclaimed user is erased, too"
