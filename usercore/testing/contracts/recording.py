"""The contract of recording changes: number them under locks, and write history and deliveries."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from usercore.history.model import Entry
from usercore.kernel.changes import Change, Subject
from usercore.kernel.context import MAIN, Actor, Context
from usercore.kernel.errors import TenantNotFound, UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.units import Units
from usercore.outbox.model import DeliveryState
from usercore.storage import Storage, Unit
from usercore.tenants.model import UPDATED as TENANT_UPDATED
from usercore.testing.contracts.base import Contract, units_of, write_and_fail
from usercore.testing.fakes import NOON, FakeClock
from usercore.testing.samples import ANN, BOB, a_registration_link, a_tenant, a_user
from usercore.tokens.changes import REGISTRATION_REQUESTED
from usercore.users.model import ACTIVATED, UPDATED, UserState

LINK = a_registration_link()


def history(unit: Unit, subject_id: int = ANN, subject: Subject = Subject.USER) -> list[Entry]:
    """Return all entries of a subject, newest first."""
    return unit.history.list_of(subject, subject_id, before=None, limit=1000)


def change(subject_id: int = ANN, name: str = "Zoë") -> Change:
    """Return a change of a user's first name."""
    return Change(kind=UPDATED, subject_id=subject_id, old=a_user(first_name="Ann"), new=a_user(first_name=name))


def lock_and_record(unit: Unit, *changes: Change) -> None:
    """Lock each user once and record the changes."""
    for subject_id in sorted({change.subject_id for change in changes}):
        unit.lock(UserId(subject_id))
    for one in changes:
        unit.record(one)


class LockContract(Contract):
    """One case for each promise of ``lock``, ``lock_tenant`` and ``record``."""

    @pytest.mark.parametrize(
        "unlocked",
        [
            change(),
            Change(kind=TENANT_UPDATED, subject_id=MAIN, new=a_tenant()),
            Change(kind=REGISTRATION_REQUESTED, subject_id=LINK.id, new=LINK),
        ],
        ids=lambda change: str(change.kind.subject),
    )
    @pytest.mark.rule("X2")
    def test_recording_without_a_lock_is_refused(self, people: Units[Unit], unlocked: Change) -> None:
        people.write(lambda unit: [unit.lock(ANN), unit.lock_tenant(MAIN), unit.registration_links.add(LINK)])
        with pytest.raises(RuntimeError):
            people.write(lambda unit: unit.record(unlocked))  # the locks ended with their unit

    @pytest.mark.rule("X2")
    def test_the_lock_of_another_subject_is_not_enough(self, people: Units[Unit]) -> None:
        with pytest.raises(RuntimeError):
            people.write(lambda unit: [unit.lock(BOB), unit.lock_tenant(MAIN), unit.record(change(ANN))])

    @pytest.mark.rule("X2")
    def test_adding_a_user_locks_it(self, main: Units[Unit]) -> None:
        user = a_user(change_no=1)
        main.write(lambda unit: [unit.users.add(user), unit.record(change(user.id))])
        assert [entry.change_no for entry in main.read(history)] == [1]

    @pytest.mark.rule("X2")
    def test_adding_many_users_locks_them(self, main: Units[Unit]) -> None:
        several = [a_user(id=number, change_no=1) for number in (ANN, BOB)]
        main.write(lambda unit: [unit.users.add_many(several), unit.record(change(ANN)), unit.record(change(BOB))])
        assert [entry.change_no for entry in main.read(lambda unit: history(unit, BOB))] == [1]

    @pytest.mark.rule("X2")
    def test_adding_a_tenant_locks_it(self, main: Units[Unit]) -> None:
        tenant = a_tenant(change_no=1)
        made = Change(kind=TENANT_UPDATED, subject_id=tenant.id, new=tenant)
        main.write(lambda unit: [unit.tenants.add(tenant), unit.record(made)])
        main.write(lambda unit: [unit.lock_tenant(tenant.id), unit.record(made)])
        stored = main.read(lambda unit: history(unit, tenant.id, Subject.TENANT))
        assert [entry.change_no for entry in stored] == [2, 1]

    @pytest.mark.rule("X2")
    def test_adding_a_registration_request_locks_it(self, main: Units[Unit]) -> None:
        requested = Change(kind=REGISTRATION_REQUESTED, subject_id=LINK.id, new=LINK)
        main.write(lambda unit: [unit.registration_links.add(LINK), unit.record(requested)])
        main.write(lambda unit: [unit.registration_links.lock(LINK.id), unit.record(requested)])
        stored = main.read(lambda unit: history(unit, LINK.id, Subject.REGISTRATION))
        assert [entry.change_no for entry in stored] == [LINK.change_no + 1, LINK.change_no]

    def test_a_missing_user_cannot_be_locked(self, people: Units[Unit]) -> None:
        with pytest.raises(UserNotFound):
            people.write(lambda unit: unit.lock(UserId(999)))

    @pytest.mark.rule("U2")
    def test_an_erased_user_cannot_be_locked(self, main: Units[Unit]) -> None:
        main.write(lambda unit: unit.users.add(a_user(state=UserState.ERASED)))
        with pytest.raises(UserNotFound):
            main.write(lambda unit: unit.lock(ANN))

    @pytest.mark.rule("T2")
    def test_another_tenants_user_cannot_be_locked(self, people: Units[Unit], acme: Units[Unit]) -> None:
        before = people.read(lambda unit: unit.users.get(ANN))
        with pytest.raises(UserNotFound):
            acme.write(lambda unit: unit.lock(ANN))
        assert people.read(lambda unit: unit.users.get(ANN)) == before

    def test_a_missing_tenant_cannot_be_locked(self, main: Units[Unit]) -> None:
        with pytest.raises(TenantNotFound):
            main.write(lambda unit: unit.lock_tenant(TenantId(999)))


class RecordingContract(Contract):
    """One case for each promise of what ``record`` stores."""

    @pytest.mark.rule("X2")
    def test_each_unit_numbers_its_changes_by_subject(self, people: Units[Unit]) -> None:
        for _ in range(2):
            people.write(lambda unit: lock_and_record(unit, change(ANN), change(ANN)))
        people.write(lambda unit: lock_and_record(unit, change(BOB)))
        assert [entry.change_no for entry in people.read(history)] == [3, 3, 2, 2]
        assert [entry.change_no for entry in people.read(lambda unit: history(unit, BOB))] == [2]

    @pytest.mark.rule("X2")
    def test_changes_of_a_unit_are_stored_in_the_order_of_recording(self, people: Units[Unit]) -> None:
        changes = [change(ANN, "A"), change(BOB, "B"), change(ANN, "C"), change(ANN, "D")]
        people.write(lambda unit: lock_and_record(unit, *changes))
        assert [entry.new["first_name"] for entry in people.read(history)] == ["D", "C", "A"]

    @pytest.mark.rule("X2")
    def test_a_failing_unit_uses_up_no_change_number(self, people: Units[Unit]) -> None:
        write_and_fail(people, lambda unit: lock_and_record(unit, change()))
        people.write(lambda unit: lock_and_record(unit, change()))
        assert [entry.change_no for entry in people.read(history)] == [2]

    @pytest.mark.rule("X2")
    def test_an_entry_has_actor_origin_time_and_change(self, storage: Storage, people: Units[Unit]) -> None:
        clock = FakeClock(NOON + timedelta(days=1))
        context = Context(actor=Actor.operator("Zoë"), ip="2001:db8::1", source="desk", user_agent="curl")
        units_of(storage, context=context, clock=clock).write(lambda unit: lock_and_record(unit, change()))
        assert people.read(history) == [
            Entry(
                subject_id=ANN,
                subject=Subject.USER,
                change_no=2,
                position=0,
                tenant_id=MAIN,
                kind=UPDATED.name,
                at=clock.now,
                actor="operator:Zoë",
                ip="2001:db8::1",
                source="desk",
                old_text='{"first_name":"Ann"}',
                new_text='{"first_name":"Zoë"}',
            )
        ]

    @pytest.mark.rule("X2")
    def test_all_changes_of_a_unit_have_one_instant(self, storage: Storage, people: Units[Unit]) -> None:
        clock = FakeClock()
        ticking = units_of(storage, clock=clock.tick)
        ticking.write(lambda unit: lock_and_record(unit, change(ANN, "A"), change(ANN, "B")))
        assert len({entry.at for entry in people.read(history)}) == 1

    @pytest.mark.rule("X3")
    def test_each_subscriber_of_a_kind_gets_a_delivery(self, storage: Storage, people: Units[Unit]) -> None:
        subscribed = units_of(storage, subscriptions={UPDATED.name: ("mailer", "crm"), ACTIVATED.name: ("audit",)})
        one = Change(kind=UPDATED, subject_id=ANN, old=a_user(first_name=None), new=a_user(), generation=7)
        subscribed.write(lambda unit: lock_and_record(unit, one))
        made = people.read(lambda unit: unit.deliveries.list_in(DeliveryState.PENDING, MAIN, after=None, limit=9))
        assert sorted(delivery.subscriber for delivery in made) == ["crm", "mailer"]
        facts = {(each.subject_id, each.kind, each.change_no, each.position, each.generation) for each in made}
        assert facts == {(ANN, UPDATED.name, 2, 0, 7)}
        assert {(each.made_at, each.due_at, each.tries, each.lease_no) for each in made} == {(NOON, NOON, 0, 0)}

    @pytest.mark.rule("R7", "X3")
    def test_many_changes_of_a_unit_are_stored_and_observed_in_order(
        self, storage: Storage, people: Units[Unit]
    ) -> None:
        changes = [change(ANN, "A"), change(BOB, "B"), change(ANN, "C")]
        observed: list[Sequence[Entry]] = []
        subscribed = units_of(storage, subscriptions={UPDATED.name: ("mailer",)}, observe=observed.append)
        subscribed.write(lambda unit: lock_and_record(unit, *changes))
        stored = [entry for subject_id in (ANN, BOB) for entry in people.read(lambda unit: history(unit, subject_id))]  # noqa: B023
        assert [entry.new["first_name"] for entry in stored] == ["C", "A", "B"]
        assert [sorted(entries, key=stored.index) for entries in observed] == [stored]
        assert [entry.new["first_name"] for entry in observed[0]] == ["A", "B", "C"]
        made = people.read(lambda unit: unit.deliveries.list_in(DeliveryState.PENDING, MAIN, after=None, limit=9))
        positions = {(entry.subject_id, entry.change_no, entry.position) for entry in stored}
        assert {(each.subject_id, each.change_no, each.position) for each in made} == positions

    @pytest.mark.rule("X2")
    def test_a_refused_change_undoes_its_whole_unit(self, people: Units[Unit]) -> None:
        with pytest.raises(RuntimeError):
            people.write(lambda unit: [unit.lock(ANN), unit.record(change(ANN)), unit.record(change(BOB))])
        assert people.read(history) == []

    @pytest.mark.rule("X3")
    def test_a_kind_without_subscribers_makes_no_delivery(self, storage: Storage, people: Units[Unit]) -> None:
        subscribed = units_of(storage, subscriptions={ACTIVATED.name: ("mailer",)})
        subscribed.write(lambda unit: lock_and_record(unit, change()))
        assert people.read(history)
        assert people.read(lambda unit: unit.deliveries.list_in(DeliveryState.PENDING, MAIN, after=None, limit=9)) == []

    @pytest.mark.rule("T2")
    def test_a_tenants_changes_are_not_seen_by_another(self, people: Units[Unit], acme: Units[Unit]) -> None:
        people.write(lambda unit: lock_and_record(unit, change()))
        assert acme.read(history) == []
