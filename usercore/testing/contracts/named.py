"""The cases that every repository of named entities must pass, made for each from a sample, edges and a strategy.

A contract gets them by a decorator::

    @named_cases(NamedRows(name="badges", ...))
    class BadgeRepositoryContract(Contract): ...

Their names end with the name of the entities, because a contract refuses two cases of one name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import pytest
from hypothesis.strategies import SearchStrategy

from usercore.kernel.entity import evolve
from usercore.kernel.errors import NotFound
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
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
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME

C = TypeVar("C", bound=type[Contract])
T = TypeVar("T")

NAMES: Final = (
    "Zoo",
    "a b",
    "acme",
    "ACME 2",
    "Ärzte",
    "ß",
    "ss 2",
    "Ωmega",
    "日本",
    "\uff57ide",
    "😀",
    "_",
    "0",
    "\uffee",
    "\U00010348",
)
"""Names that SQL collations, UTF-16 and this library's keys put in different orders."""


@frozen(kw_only=True)
class NamedRows(Generic[T]):
    """Named entities of a kind, and the repository that stores them.

    ``sample`` is named "Editors" and is not deleted; ``edges`` are entities with other ids and names, and with values
    at the edge; ``drawn`` are any entities. All are of the tenant ``main``.
    """

    name: str
    rules: tuple[str, ...]
    repository: Callable[[Unit], Any]
    sample: T
    edges: Sequence[T]
    drawn: SearchStrategy[T]
    not_found: type[NotFound]

    def add(self, units: Units[Unit], *entities: T) -> None:
        """Store new entities in one unit."""
        store(units, lambda unit: self.repository(unit).add, *entities)

    def get(self, units: Units[Unit], entity_id: int | None = None) -> T | None:
        """Return the entity with this id, or the sample's, or None."""
        wanted = id_of(self.sample) if entity_id is None else entity_id
        found: T | None = units.read(lambda unit: self.repository(unit).get(wanted))
        return found

    def find(self, units: Units[Unit], name: str = "Editors") -> T | None:
        """Return the entity with this name, or None."""
        found: T | None = units.read(lambda unit: self.repository(unit).find_by_name(name))
        return found

    def numbered(self, number: int, **fields: object) -> T:
        """Return an entity whose id and name are unique."""
        return evolve(self.sample, id=number, **({"name": f"name {number}"} | fields))

    def change(self, units: Units[Unit], **fields: object) -> T:
        """Lock the sample, store it with other values in these fields, and return what was stored."""

        def work(unit: Unit) -> T:
            changed: T = evolve(self.repository(unit).lock(id_of(self.sample)), **fields)
            self.repository(unit).replace(changed)
            return changed

        return units.write(work)


def id_of(entity: Any) -> int:  # noqa: ANN401 - any named entity
    """Return the id of an entity."""
    number: int = entity.id
    return number


class _Cases(Generic[T]):
    """The cases, for these entities; ``named_cases`` adds them to contracts."""

    def __init__(self, rows: NamedRows[T]) -> None:
        self.rows = rows

    def test_any_entity_is_stored_completely(self, main: Units[Unit]) -> None:
        drawn = with_unique(self.rows.drawn, "id")
        check_stored_completely(
            main,
            drawn.map(lambda one: evolve(one, name=f"{id_of(one)}{getattr(one, 'name')}", deleted_at=None)),  # noqa: B009 - of any class
            add=lambda unit, one: self.rows.repository(unit).add(one),
            get=lambda unit, one: self.rows.repository(unit).get(id_of(one)),
        )

    def test_values_at_the_edge_are_stored(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample, *self.rows.edges)
        for one in (self.rows.sample, *self.rows.edges):
            assert_same(self.rows.get(main, id_of(one)), one)
            assert_same(self.rows.find(main, getattr(one, "name")), one)  # noqa: B009 - of any class

    def test_what_is_not_there_is_none_and_cannot_be_locked(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        assert (self.rows.get(main, 999), self.rows.find(main, "Editor")) == (None, None)
        assert main.read(lambda unit: self.rows.repository(unit).get_many([998, 999])) == []
        with pytest.raises(self.rows.not_found):
            main.write(lambda unit: self.rows.repository(unit).lock(999))

    def test_several_are_found_by_their_ids(self, main: Units[Unit]) -> None:
        several = [self.rows.numbered(number) for number in range(11, 14)]
        self.rows.add(main, *several)
        found = main.read(lambda unit: self.rows.repository(unit).get_many([13, 999, 11, 13]))
        assert sorted(found, key=id_of) == [several[0], several[2]]

    def test_a_name_is_found_ignoring_case_and_width(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        for spelling in ("editors", "EDITORS", "\uff45\uff44\uff49tors"):
            assert self.rows.find(main, spelling) == self.rows.sample

    def test_an_id_or_a_name_in_use_runs_the_unit_again(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        taken: list[dict[str, object]] = [
            {"id": id_of(self.rows.sample)},
            {"name": "Editors"},
            {"name": "\uff25DITORS"},
        ]
        for number, fields in enumerate(taken, start=11):
            check_runs_again(
                main,
                lambda unit, drawn: self.rows.repository(unit).add(drawn),
                taken=evolve(self.rows.numbered(number), **fields),
                free=self.rows.numbered(number),
            )
            assert self.rows.get(main, number) == self.rows.numbered(number)
        assert self.rows.get(main) == self.rows.sample

    def test_a_unit_that_fails_leaves_the_name_free(self, main: Units[Unit]) -> None:
        write_and_fail(main, lambda unit: self.rows.repository(unit).add(self.rows.sample))
        other = self.rows.numbered(11, name="Editors")
        self.rows.add(main, other)
        assert self.rows.find(main) == other

    def test_lock_counts_a_change_and_returns_the_current_state(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        locked = main.write(lambda unit: self.rows.repository(unit).lock(id_of(self.rows.sample)))
        assert_same(locked, evolve(self.rows.sample, change_no=getattr(self.rows.sample, "change_no") + 1))  # noqa: B009
        assert self.rows.get(main) == locked

    def test_a_state_is_replaced_completely(self, main: Units[Unit]) -> None:
        def check(drawn: T) -> None:
            number = id_of(self.rows.sample)

            def work(unit: Unit) -> T:
                locked = self.rows.repository(unit).lock(number)
                self.rows.repository(unit).replace(drawn)
                return evolve(drawn, change_no=locked.change_no)

            expected = main.write(work)
            assert_same(self.rows.get(main), expected)

        self.rows.add(main, self.rows.sample)
        own = {"id": id_of(self.rows.sample), "deleted_at": None}
        check_for_all(self.rows.drawn.map(lambda drawn: evolve(drawn, **own)), check)

    def test_a_new_name_is_found_and_the_old_one_is_free(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        renamed = self.rows.change(main, name="Writers")
        assert (self.rows.find(main, "writers"), self.rows.find(main)) == (renamed, None)
        self.rows.add(main, self.rows.numbered(11, name="Editors"))
        respelt = self.rows.change(main, name="WRITERS")
        assert self.rows.find(main, "writers") == respelt

    def test_renaming_to_anothers_name_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def rename(unit: Unit, name: str) -> None:
            self.rows.repository(unit).replace(evolve(self.rows.repository(unit).lock(11), name=name))

        self.rows.add(main, self.rows.sample, self.rows.numbered(11))
        check_runs_again(main, rename, taken="EDITORS", free="free")
        assert (self.rows.find(main), self.rows.find(main, "free")) == (self.rows.sample, self.rows.get(main, 11))

    def test_those_of_other_tenants_do_not_exist(self, main: Units[Unit], acme: Units[Unit]) -> None:
        own, other = self.rows.sample, evolve(self.rows.sample, id=id_of(self.rows.sample) + 1, tenant_id=ACME)
        self.rows.add(main, own)
        self.rows.add(acme, other)
        assert (self.rows.get(main, id_of(other)), self.rows.get(acme, id_of(other))) == (None, other)
        assert (self.rows.find(main), self.rows.find(acme)) == (own, other)
        assert main.read(lambda unit: self.rows.repository(unit).get_many([id_of(own), id_of(other)])) == [own]
        with pytest.raises(self.rows.not_found):
            main.write(lambda unit: self.rows.repository(unit).lock(id_of(other)))

    def test_one_of_eight_threads_gets_the_name(self, main: Units[Unit]) -> None:
        def read_then_add(number: int, meet: Meet) -> bool:
            assert self.rows.find(main) is None
            meet()
            return main.write(lambda unit: self._add_unless_exists(unit, number))

        won = race(read_then_add)
        assert (won.count(True), len(won)) == (1, THREADS)
        assert [self.rows.get(main, 11 + number) is not None for number in range(THREADS)] == won

    def test_one_of_two_open_units_gets_the_name(self, main: Units[Unit]) -> None:
        assert sorted(overlap(main, self._add_unless_exists)) == [False, True]
        assert self.rows.find(main) is not None

    def _add_unless_exists(self, unit: Unit, number: int, meet: Meet | None = None) -> bool:
        """Add an entity as services do: read, and add it if it does not exist; return whether it was added."""
        found = self.rows.repository(unit).find_by_name("Editors")
        if meet:
            meet()
        if found is None:
            self.rows.repository(unit).add(self.rows.numbered(11 + number, name="Editors"))
        return found is None

    def test_of_two_open_units_that_lock_the_second_sees_what_the_first_stored(self, main: Units[Unit]) -> None:
        def count(unit: Unit, _: int, meet: Meet) -> None:
            assert self.rows.repository(unit).get(id_of(self.rows.sample))
            meet()
            locked = self.rows.repository(unit).lock(id_of(self.rows.sample))
            self.rows.repository(unit).replace(evolve(locked, version=locked.version + 1))

        self.rows.add(main, evolve(self.rows.sample, version=1))
        overlap(main, count)
        stored: Any = self.rows.get(main)
        assert stored.version == 3

    def test_what_is_deleted_is_not_there_and_its_name_is_free(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        marked = self.rows.change(main, deleted_at=NOON)
        assert (self.rows.get(main), self.rows.find(main)) == (None, None)
        assert main.read(lambda unit: self.rows.repository(unit).get_many([id_of(marked)])) == []
        with pytest.raises(self.rows.not_found):
            main.write(lambda unit: self.rows.repository(unit).lock(id_of(marked)))
        for number in (11, 12):  # any number of deleted ones may have had the name
            self.rows.add(main, self.rows.numbered(number, name="EDITORS"))
            main.write(lambda unit: self._delete(unit, number))  # noqa: B023 - runs at once
        self.rows.add(main, self.rows.numbered(13, name="EDITORS"))
        assert self.rows.find(main) == self.rows.numbered(13, name="EDITORS")

    def test_a_unit_that_fails_deletes_nothing(self, main: Units[Unit]) -> None:
        self.rows.add(main, self.rows.sample)
        write_and_fail(main, lambda unit: self._delete(unit, id_of(self.rows.sample)))
        assert self.rows.find(main) == self.rows.get(main) == self.rows.sample

    def test_deleted_ones_of_all_tenants_are_listed_and_removed(self, main: Units[Unit], acme: Units[Unit]) -> None:
        several = [self.rows.numbered(number) for number in (11, 12, 13)]
        self.rows.add(main, *several)
        self.rows.add(acme, self.rows.numbered(14, tenant_id=ACME))
        for units, number, ticks in ((main, 12, 3), (acme, 14, 1), (main, 11, 2)):
            units.write(lambda unit: self._delete(unit, number, at=NOON + ticks * TICK))  # noqa: B023 - as above
        assert self._deleted(main) == [14, 11, 12]
        assert self._deleted(main, limit=2) == [14, 11]
        main.write(lambda unit: [self.rows.repository(unit).remove_deleted(number) for number in (14, 12, 13, 999)])
        assert self._deleted(acme) == [11]
        assert self.rows.get(main, 13) == several[2]

    def test_of_two_open_units_one_deletes(self, main: Units[Unit]) -> None:
        def delete(unit: Unit, _: int, meet: Meet) -> bool:
            assert self.rows.repository(unit).find_by_name("name 1") is None
            meet()
            try:
                self._delete(unit, id_of(self.rows.sample))
            except self.rows.not_found:
                return False
            return True

        self.rows.add(main, self.rows.sample)
        assert sorted(overlap(main, delete)) == [False, True]

    def _delete(self, unit: Unit, number: int, *, at: object = NOON) -> None:
        self.rows.repository(unit).replace(evolve(self.rows.repository(unit).lock(number), deleted_at=at))

    def _deleted(self, units: Units[Unit], *, limit: int = 9) -> list[int]:
        found = units.read(lambda unit: self.rows.repository(unit).list_deleted(limit))
        return [id_of(one) for one in found]


def named_cases(rows: NamedRows[T]) -> Callable[[C], C]:
    """Return a decorator that adds to a contract the cases of these entities."""

    def decorate(contract: C) -> C:
        for name, case in vars(_Cases).items():
            if name.startswith("test_"):
                setattr(contract, f"{name}__{rows.name}", _bound(case, rows))
        return contract

    return decorate


def _bound(case: Callable[..., None], rows: NamedRows[T]) -> Callable[..., None]:
    """Return a case of a contract that runs ``case`` for these entities."""
    cases = _Cases(rows)
    if "acme" in case.__code__.co_varnames:

        def run(_: object, main: Units[Unit], acme: Units[Unit]) -> None:
            case(cases, main, acme)
    else:

        def run(_: object, main: Units[Unit]) -> None:  # type: ignore[misc]  # pytest reads the parameters
            case(cases, main)

    return pytest.mark.rule(*rows.rules)(run)
