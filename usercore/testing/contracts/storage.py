"""The contract of a storage besides its units: capabilities, observers, closing."""

import threading
from collections.abc import Callable, Sequence

import pytest

from usercore.history.model import Entry
from usercore.kernel.errors import RunAgain, Unavailable
from usercore.kernel.units import Units
from usercore.storage import CAPABILITIES, FEATURES, Storage, Unit
from usercore.testing.contracts.base import Contract, units_of, write_and_fail
from usercore.testing.contracts.races import THREADS, Meet, race
from usercore.testing.contracts.units import ROUNDS, names, rename
from usercore.testing.plugin import LEFT_OUT
from usercore.testing.samples import ANN, BOB


class StorageItselfContract(Contract):
    """One case for each promise of ``Storage`` and of observers."""

    def test_it_declares_all_capabilities(self, storage: Storage) -> None:
        assert storage.capabilities == CAPABILITIES

    def test_its_features_are_those_whose_cases_are_not_left_out(
        self, storage: Storage, record_property: Callable[[str, object], None]
    ) -> None:
        assert storage.features == FEATURES - self.without
        if self.left_out:
            names_of_cases = ", ".join(self.left_out)
            lacks = ", ".join(sorted(self.without))
            record_property(LEFT_OUT, f"{type(self).__name__} has no {lacks}, and leaves out {names_of_cases}")

    @pytest.mark.rule("S7")
    def test_its_secret_is_32_bytes_and_stays(self, storage: Storage, people: Units[Unit]) -> None:
        secret = storage.secret
        people.write(lambda unit: rename(unit, "Zoë", ANN))
        assert isinstance(secret, bytes)
        assert len(secret) == 32
        assert storage.secret == secret

    def test_units_after_closing_are_refused(self, storage: Storage, people: Units[Unit]) -> None:
        storage.close()
        storage.close()
        for open_unit in (people.write, people.read, units_of(storage).write, units_of(storage).read):
            with pytest.raises(Unavailable):
                open_unit(names)

    @pytest.mark.rule("X3")
    def test_observers_are_called_after_the_commit_in_the_callers_thread(
        self, storage: Storage, people: Units[Unit]
    ) -> None:
        observed = []

        def observe(entries: Sequence[Entry]) -> None:
            observed.append((threading.get_ident(), [entry.subject_id for entry in entries], people.read(names)))

        units_of(storage, observe=observe).write(lambda unit: rename(unit, "Zoë", ANN, BOB))
        assert observed == [(threading.get_ident(), [ANN, BOB], ["Zoë", "Zoë"])]

    @pytest.mark.rule("X3")
    def test_observers_are_not_called_for_a_failing_unit(self, storage: Storage, people: Units[Unit]) -> None:
        observed: list[Sequence[Entry]] = []
        assert people.read(names)
        write_and_fail(units_of(storage, observe=observed.append), lambda unit: rename(unit, "Zoë", ANN))
        assert observed == []

    @pytest.mark.rule("X3")
    def test_observers_see_only_the_run_that_was_committed(self, storage: Storage, people: Units[Unit]) -> None:
        runs = []

        def rename_again(unit: Unit) -> None:
            runs.append(unit)
            rename(unit, f"run {len(runs)}", ANN)
            if len(runs) < 3:
                raise RunAgain

        observed: list[Sequence[Entry]] = []
        assert people.read(names)
        units_of(storage, observe=observed.append).write(rename_again)
        assert [[entry.new["first_name"] for entry in entries] for entries in observed] == [["run 3"]]

    @pytest.mark.rule("X3")
    def test_each_observer_sees_only_its_own_units(self, storage: Storage, people: Units[Unit]) -> None:
        observed: list[list[str]] = [[] for _ in range(THREADS)]

        def observer(number: int) -> Callable[[Sequence[Entry]], None]:
            return lambda entries: observed[number].extend(entry.new["first_name"] for entry in entries)

        def write(number: int, meet: Meet) -> None:
            meet()
            for turn in range(ROUNDS):
                name = f"{number} {turn}"
                units_of(storage, observe=observer(number)).write(lambda unit: rename(unit, name, ANN))  # noqa: B023

        assert people.read(names)
        race(write)
        assert observed == [[f"{number} {turn}" for turn in range(ROUNDS)] for number in range(THREADS)]
