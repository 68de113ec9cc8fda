"""The contract of units of work."""

import threading
from contextlib import suppress

import pytest

from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import LostRace, RunAgain, StorageError, UserNotFound
from usercore.kernel.units import Units
from usercore.storage import SNAPSHOT_READS, Unit
from usercore.testing.contracts.base import Contract, needs
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.samples import ANN, BOB, a_user
from usercore.users.model import UPDATED

ROUNDS = 25


class Unforeseen(BaseException):
    """An exception that no code catches by name."""


def rename(unit: Unit, name: str, *user_ids: int) -> None:
    """Set the first name of these users, with locks and a record."""
    for user_id in user_ids:
        old = unit.users.lock(unit.resolve(user_id))
        new = evolve(old, first_name=name)
        unit.users.replace(new)
        unit.record(Change(kind=UPDATED, subject_id=user_id, old=old, new=new))


def names(unit: Unit) -> list[str | None]:
    """Return the first names of Ann and Bob."""
    found = map(unit.users.get, (ANN, BOB))
    return [None if user is None else user.first_name for user in found]


class UnitsContract(Contract):
    """One case for each promise of ``Units`` and ``Storage``."""

    def test_write_returns_the_result_of_work(self, main: Units[Unit]) -> None:
        result = object()
        assert main.write(lambda _: result) is result
        assert main.read(lambda _: result) is result

    @pytest.mark.rule("K2")
    def test_a_unit_that_need_not_wait_is_stored_as_any_other(self, people: Units[Unit]) -> None:
        def rename_and_fail(unit: Unit) -> None:
            rename(unit, "Ann", ANN)
            raise ZeroDivisionError

        people.write_at_once(lambda unit: rename(unit, "Zoë", ANN))
        assert people.read(names)[0] == "Zoë"
        with pytest.raises(ZeroDivisionError):
            people.write_at_once(rename_and_fail)
        assert people.read(names)[0] == "Zoë"

    def test_a_unit_sees_what_it_wrote(self, people: Units[Unit]) -> None:
        def rename_and_read(unit: Unit) -> list[str | None]:
            rename(unit, "Zoë", ANN)
            return names(unit)

        assert people.write(rename_and_read)[0] == "Zoë"

    @pytest.mark.parametrize(
        "error",
        [
            ZeroDivisionError(),
            StopIteration(),
            UserNotFound(),
            GeneratorExit(),
            SystemExit(3),
            KeyboardInterrupt(),
            Unforeseen(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_a_unit_that_raises_stores_nothing_and_propagates_the_error(
        self, people: Units[Unit], error: BaseException
    ) -> None:
        def rename_and_fail(unit: Unit) -> None:
            rename(unit, "Zoë", ANN, BOB)
            raise error

        before = people.read(names)
        with pytest.raises(type(error)) as caught:
            people.write(rename_and_fail)
        assert caught.value is error
        assert people.read(names) == before
        people.write(lambda unit: rename(unit, "Eve", ANN))
        assert people.read(names) == ["Eve", before[1]]

    def test_a_read_that_raises_propagates_the_error(self, people: Units[Unit]) -> None:
        error = Unforeseen()

        def fail(_: Unit) -> None:
            raise error

        with pytest.raises(Unforeseen) as caught:
            people.read(fail)
        assert caught.value is error
        people.write(lambda unit: rename(unit, "Eve", ANN))

    def test_a_read_that_writes_changes_nothing(self, people: Units[Unit]) -> None:
        before = people.read(names)
        with suppress(RuntimeError, StorageError):  # a mistake of the caller; a storage may raise for it
            people.read(lambda unit: rename(unit, "Zoë", ANN))
        assert people.read(names) == before
        people.write(lambda unit: rename(unit, "Eve", ANN))
        assert people.read(names) == ["Eve", before[1]]

    @pytest.mark.parametrize("inner", ["read", "write"])
    @pytest.mark.parametrize("outer", ["read", "write"])
    def test_a_unit_in_a_unit_is_refused(self, people: Units[Unit], acme: Units[Unit], outer: str, inner: str) -> None:
        def open_another(unit: Unit) -> None:
            if outer == "write":
                rename(unit, "Zoë", ANN)
            getattr(acme, inner)(lambda _: None)

        before = people.read(names)
        with pytest.raises(RuntimeError):
            getattr(people, outer)(open_another)
        assert people.read(names) == before
        people.write(lambda unit: rename(unit, "Eve", ANN))

    def test_a_lost_race_runs_the_work_again_from_the_start(self, people: Units[Unit]) -> None:
        seen = []

        def lose_twice(unit: Unit) -> int:
            seen.append(names(unit)[0])
            rename(unit, "Zoë", ANN)
            if len(seen) < 3:
                raise RunAgain
            return len(seen)

        assert people.write(lose_twice) == 3
        assert seen == [a_user().first_name] * 3
        assert people.read(names)[0] == "Zoë"

    def test_a_race_that_is_always_lost_ends_and_stores_nothing(self, people: Units[Unit]) -> None:
        def lose(unit: Unit) -> None:
            rename(unit, "Zoë", ANN)
            raise RunAgain

        before = people.read(names)
        with pytest.raises(LostRace):
            people.write(lose)
        assert people.read(names) == before

    def test_failing_units_do_not_undo_other_units(self, people: Units[Unit]) -> None:
        def count_or_fail(number: int, meet: Meet) -> None:
            meet()
            for _ in range(ROUNDS):
                if number % 2:
                    people.write(lambda unit: unit.lock(ANN))
                    continue
                with pytest.raises(UserNotFound):
                    people.write(lambda unit: rename(unit, "Zoë", ANN, 999))

        before = people.read(lambda unit: unit.users.get(ANN))
        race(count_or_fail)
        after = people.read(lambda unit: unit.users.get(ANN))
        assert before
        assert after == evolve(before, change_no=before.change_no + ROUNDS * THREADS // 2)

    def test_each_of_many_threads_gets_its_own_result(self, people: Units[Unit]) -> None:
        def write(number: int, meet: Meet) -> list[tuple[int, int]]:
            meet()
            return [people.write(lambda unit: (number, unit.users.lock(ANN).change_no)) for _ in range(ROUNDS)]

        results = race(write)
        assert [{number for number, _ in result} for result in results] == [{number} for number in range(THREADS)]
        assert len({change_no for result in results for _, change_no in result}) == ROUNDS * THREADS

    @needs(SNAPSHOT_READS)
    def test_no_read_sees_half_a_unit(self, people: Units[Unit]) -> None:
        def write_or_read(number: int, meet: Meet) -> None:
            meet()
            for round_number in range(ROUNDS):
                if number == 0:
                    people.write(lambda unit: rename(unit, f"round {round_number}", ANN, BOB))  # noqa: B023 - used at once
                ann, bob = people.read(names)
                assert ann == bob

        race(write_or_read)

    @needs(SNAPSHOT_READS)
    def test_a_read_sees_one_snapshot_however_long_it_takes(self, people: Units[Unit]) -> None:
        reading, written = threading.Event(), threading.Event()

        def query(unit: Unit) -> tuple[object, object]:
            ann = unit.users.get(ANN)
            reading.set()
            written.wait(0.2)  # passes if writers wait for readers
            return ann and ann.first_name, names(unit)[1]

        def write() -> None:
            reading.wait(60)
            people.write(lambda unit: rename(unit, "Zoë", ANN, BOB))
            written.set()

        writer = threading.Thread(target=write)
        writer.start()
        ann, bob = people.read(query)
        writer.join()
        assert ann == bob
        assert people.read(names) == ["Zoë", "Zoë"]

    def test_two_open_units_do_not_lose_a_change(self, people: Units[Unit]) -> None:
        def count(unit: Unit, _: int, meet: Meet) -> int:
            assert unit.users.get(ANN)
            meet()
            user = unit.users.lock(ANN)
            unit.users.replace(evolve(user, version=user.version + 1))
            return user.version + 1

        assert sorted(overlap(people, count)) == [a_user().version + 1, a_user().version + 2]
