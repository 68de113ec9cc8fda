"""What every storage must do with the parts of a unit, which ``core.atomic`` runs calls in."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest

from usercore.history.model import Entry
from usercore.kernel.context import MAIN, Actor, Context
from usercore.kernel.errors import RunAgain, TenantNotFound, UserNotFound
from usercore.kernel.ids import TenantId
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.storage.recording import UnitContext
from usercore.testing.contracts.base import Contract, units_of, write_and_fail
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.recording import change, history, lock_and_record
from usercore.testing.fakes import NOON, FakeClock
from usercore.testing.samples import ACME, ANN, BOB, a_tenant

OLGA: Final = Actor.operator("Olga")


class Refused(Exception):
    """Ends a part."""


def origin_of(tenant: TenantId = MAIN, *, actor: Actor = OLGA) -> UnitContext:
    """Return an origin of this tenant that no observer listens to."""
    return UnitContext(context=Context(tenant_id=tenant, tenant_key=f"tenant {tenant}", actor=actor), clock=FakeClock())


def record(name: str) -> Callable[[Unit], None]:
    """Return a part that records a change of Ann's name."""
    return lambda unit: lock_and_record(unit, change(name=name))


def fail_after(work: Callable[[Unit], object]) -> Callable[[Unit], None]:
    """Return a part that does this and raises ``Refused``."""

    def fail(unit: Unit) -> None:
        work(unit)
        raise Refused

    return fail


class NestingContract(Contract):
    """One case a promise of ``run_nested``."""

    @pytest.mark.rule("Y1")
    def test_parts_are_stored_together_and_return_their_results(self, people: Units[Unit]) -> None:
        def work(unit: Unit) -> list[str]:
            unit.run_nested(origin_of(), record("Zoë"))
            return unit.run_nested(origin_of(), lambda part: [str(entry.new) for entry in history(part)])

        assert len(people.write(work)) == 1, "a later part reads the history of an earlier one"
        assert [entry.new for entry in people.read(history)] == [{"first_name": "Zoë"}]

    @pytest.mark.rule("Y1")
    def test_parts_are_undone_with_their_unit(self, people: Units[Unit]) -> None:
        before = people.read(lambda unit: unit.users.get(ANN))
        write_and_fail(people, lambda unit: unit.run_nested(origin_of(), record("Zoë")))
        assert people.read(history) == []
        assert people.read(lambda unit: unit.users.get(ANN)) == before

    @pytest.mark.rule("Y1")
    def test_a_part_that_raises_is_undone_alone(self, people: Units[Unit]) -> None:
        def work(unit: Unit) -> None:
            unit.run_nested(origin_of(), record("first"))
            with pytest.raises(Refused):
                unit.run_nested(origin_of(), fail_after(record("second")))
            unit.run_nested(origin_of(), record("third"))

        people.write(work)
        assert [entry.new["first_name"] for entry in people.read(history)] == ["third", "first"]
        assert [entry.change_no for entry in people.read(history)] == [3, 2]

    @pytest.mark.rule("Y1")
    def test_a_part_of_a_part_is_undone_alone_and_with_its_outer_part(self, people: Units[Unit]) -> None:
        def nest(name: str, inner: Callable[[Unit], None]) -> Callable[[Unit], None]:
            def part(unit: Unit) -> None:
                unit.run_nested(origin_of(), record(name))
                with suppress(Refused):
                    unit.run_nested(origin_of(), inner)

            return part

        def work(unit: Unit) -> None:
            unit.run_nested(origin_of(), nest("stored", fail_after(record("undone alone"))))
            with pytest.raises(Refused):
                unit.run_nested(origin_of(), fail_after(nest("undone", record("undone with it"))))

        people.write(work)
        assert [entry.new["first_name"] for entry in people.read(history)] == ["stored"]

    def test_a_part_acts_for_its_own_origin_and_the_unit_for_its_own_again(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        def work(unit: Unit) -> None:
            unit.run_nested(origin_of(), record("Zoë"))
            with pytest.raises(UserNotFound):
                unit.run_nested(origin_of(ACME), lambda part: part.lock(ANN))
            lock_and_record(unit, change(name="Eve"))

        people.write(work)
        actors = [entry.actor for entry in people.read(history)]
        assert actors == [str(Context().actor), str(OLGA)]
        assert acme.read(history) == []

    def test_a_part_reads_the_clock_of_its_own_origin(self, people: Units[Unit]) -> None:
        later = UnitContext(context=Context(), clock=FakeClock(NOON + timedelta(hours=1)))

        def work(unit: Unit) -> None:
            lock_and_record(unit, change(name="Zoë"))
            unit.run_nested(later, record("Eve"))

        people.write(work)
        assert [entry.at for entry in people.read(history)] == [NOON + timedelta(hours=1), NOON]

    def test_observers_of_the_unit_get_what_its_stored_parts_recorded_after_the_commit(
        self, people: Units[Unit], storage: Storage
    ) -> None:
        observed: list[Sequence[Entry]] = []

        def work(unit: Unit) -> None:
            unit.run_nested(origin_of(), record("first"))
            with pytest.raises(Refused):
                unit.run_nested(origin_of(), fail_after(record("undone")))
            lock_and_record(unit, change(BOB, "second"))
            assert observed == []

        units_of(storage, observe=lambda entries: observed.append(tuple(entries))).write(work)
        (entries,) = observed
        assert [entry.new["first_name"] for entry in entries] == ["first", "second"]
        assert people.read(history) == [entries[0]]
        assert people.read(lambda unit: history(unit, BOB)) == [entries[1]]

    def test_a_lock_of_a_part_is_not_the_next_parts(self, people: Units[Unit]) -> None:
        def work(unit: Unit) -> None:
            unit.run_nested(origin_of(), lambda part: part.lock(ANN))
            with pytest.raises(RuntimeError):
                unit.run_nested(origin_of(), lambda part: part.record(change()))

        people.write(work)

    def test_a_lost_race_in_a_part_runs_the_unit_again(self, people: Units[Unit]) -> None:
        runs = []

        def lose_once(unit: Unit) -> None:
            unit.run_nested(origin_of(), record("Zoë"))
            runs.append(len(history(unit)))
            if len(runs) < 2:
                raise RunAgain

        people.write(lambda unit: unit.run_nested(origin_of(), lose_once))
        assert runs == [1, 1]
        assert len(people.read(history)) == 1

    def test_a_tenant_whose_creation_was_undone_has_no_parts(self, people: Units[Unit]) -> None:
        def work(unit: Unit) -> None:
            create = fail_after(lambda part: part.tenants.add(a_tenant(id=ACME, active=True)))
            with pytest.raises(Refused):
                unit.run_nested(origin_of(), create)
            with pytest.raises(TenantNotFound):
                unit.run_nested(origin_of(ACME), lambda _: None)

        people.write(work)

    def test_two_open_units_do_not_lose_a_change_of_their_parts(self, people: Units[Unit]) -> None:
        def count(unit: Unit, _: int, meet: Meet) -> None:
            unit.run_nested(origin_of(), lambda part: part.users.get(ANN))
            meet()
            unit.run_nested(origin_of(), record("Zoë"))

        overlap(people, count)
        assert [entry.change_no for entry in people.read(history)] == [3, 2]
