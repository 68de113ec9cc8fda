"""The cases that every repository of a user's rows must pass, made for each from a sample, edges and a strategy.

A contract gets them by a decorator::

    @row_cases(UserRows(name="badges", ...))
    class BadgeRepositoryContract(Contract): ...

Their names end with the name of the rows, because a contract refuses two cases of one name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import pytest
from hypothesis.strategies import SearchStrategy

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    Draws,
    add_users,
    assert_same,
    check_for_all,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.samples import ACME, ANN, BOB

C = TypeVar("C", bound=type[Contract])
P = TypeVar("P")
T = TypeVar("T")

OF_ACME = UserId(11)
"""A user of another tenant."""


@frozen(kw_only=True)
class UserRows(Generic[T]):
    """Rows that belong to users, each named by its user and ``key``, and the repository that stores them.

    ``repository`` has ``add``, ``get``, ``list_of``, ``put`` and ``remove``. ``sample`` is a row of Ann's and ``other``
    one with the same user and key and another content; ``edges`` are rows of Ann's with values at the edge, ``drawn``
    any rows; ``keys`` are keys in their order.
    """

    name: str
    rules: tuple[str, ...]
    repository: Callable[[Unit], Any]
    key: str
    sample: T
    other: T
    edges: Sequence[T]
    drawn: SearchStrategy[T]
    keys: Sequence[Any]

    def key_of(self, row: T) -> object:
        """Return the key of a row."""
        return getattr(row, self.key)

    def put(self, units: Units[Unit], *rows: T) -> None:
        """Store rows in one unit, each after locking its user."""

        def work(unit: Unit) -> None:
            for row in rows:
                self.put_in(unit, row)

        units.write(work)

    def put_in(self, unit: Unit, row: T) -> None:
        """Lock a row's user, and store the row."""
        unit.lock(user_of(row))
        self.repository(unit).put(row)

    def get(self, units: Units[Unit], row: T) -> T | None:
        """Return the row that is stored under the key of this one, or None."""
        found: T | None = units.read(lambda unit: self.repository(unit).get(user_of(row), self.key_of(row)))
        return found

    def list_of(self, units: Units[Unit], user_id: UserId = ANN) -> list[T]:
        """Return a user's rows."""
        found: list[T] = units.read(lambda unit: self.repository(unit).list_of(user_id))
        return found

    def add_in(self, unit: Unit, row: T) -> bool:
        """Lock the row's user and add the row if it is not there; return whether it was added."""
        unit.lock(user_of(row))
        if self.repository(unit).get(user_of(row), self.key_of(row)) is not None:
            return False
        self.repository(unit).add(row)
        return True

    def remove_in(self, unit: Unit, row: T) -> bool:
        """Lock the row's user and remove the row; return whether there was one."""
        unit.lock(user_of(row))
        removed: bool = self.repository(unit).remove(user_of(row), self.key_of(row))
        return removed

    def with_keys(self) -> list[T]:
        """Return the sample under each of the keys, in their order."""
        return [evolve(self.sample, **{self.key: key}) for key in self.keys]

    def of_bob(self) -> T:
        """Return the sample as a row of Bob's."""
        return evolve(self.sample, user_id=BOB)


def user_of(row: Any) -> UserId:  # noqa: ANN401 - any row of a user
    """Return whose row it is."""
    user_id: UserId = row.user_id
    return user_id


class _Cases(Generic[T]):
    """The cases, for these rows; ``row_cases`` adds them to contracts."""

    def __init__(self, rows: UserRows[T]) -> None:
        self.rows = rows

    def test_any_row_is_stored_whole(self, people: Units[Unit]) -> None:
        def check(row: T) -> None:
            self.rows.put(people, row)
            assert_same(self.rows.get(people, row), row)

        check_for_all(self.rows.drawn.map(lambda drawn: evolve(drawn, user_id=ANN)), check)

    def test_values_at_the_edge_are_stored(self, people: Units[Unit]) -> None:
        self.rows.put(people, self.rows.sample, *self.rows.edges)
        for row in (self.rows.sample, *self.rows.edges):
            assert_same(self.rows.get(people, row), row)

    def test_what_is_not_there_is_none_and_cannot_be_removed(self, people: Units[Unit]) -> None:
        first, second, *_ = self.rows.with_keys()
        self.rows.put(people, first)
        for absent in (second, evolve(first, user_id=BOB), evolve(first, user_id=UserId(999))):
            assert self.rows.get(people, absent) is None
        assert not people.write(lambda unit: self.rows.remove_in(unit, second))
        assert not people.write(lambda unit: self.rows.remove_in(unit, self.rows.of_bob()))
        assert [self.rows.list_of(people, user_id) for user_id in (ANN, BOB, UserId(999))] == [[first], [], []]

    def test_a_row_is_stored_instead_of_the_one_before(self, people: Units[Unit]) -> None:
        for row in (self.rows.sample, self.rows.other, self.rows.sample):
            self.rows.put(people, row)
            assert_same(self.rows.get(people, row), row)
            assert self.rows.list_of(people) == [row]

    def test_a_key_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        taken, free, *_ = self.rows.with_keys()
        self.rows.put(people, taken)
        draw = Draws(evolve(self.rows.other, **{self.rows.key: self.rows.key_of(taken)}), free)
        people.write(lambda unit: self.rows.repository(unit).add(draw()))
        assert draw.count > 1
        assert self.rows.list_of(people) == [taken, free]

    def test_rows_of_one_user_are_listed_in_the_order_of_their_keys(self, people: Units[Unit]) -> None:
        in_order = self.rows.with_keys()
        self.rows.put(people, *in_order[::2], self.rows.of_bob(), *in_order[1::2][::-1])
        assert self.rows.list_of(people) == in_order

    def test_each_user_has_rows_of_their_own(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        theirs = evolve(self.rows.sample, user_id=OF_ACME)
        if hasattr(theirs, "tenant_id"):
            theirs = evolve(theirs, tenant_id=ACME)
        self.rows.put(people, self.rows.sample, self.rows.of_bob())
        self.rows.put(acme, theirs)
        self.rows.put(people, self.rows.other)
        people.write(lambda unit: self.rows.remove_in(unit, self.rows.of_bob()))
        assert self.rows.list_of(people) == [self.rows.other]
        assert self.rows.list_of(people, BOB) == []
        assert self.rows.list_of(acme, OF_ACME) == [theirs]

    def test_a_removed_row_is_gone_and_can_be_added_again(self, people: Units[Unit]) -> None:
        first, second, *_ = self.rows.with_keys()
        self.rows.put(people, first, second)
        assert people.write(lambda unit: self.rows.remove_in(unit, first))
        assert not people.write(lambda unit: self.rows.remove_in(unit, first))
        assert self.rows.list_of(people) == [second]
        assert people.write(lambda unit: self.rows.add_in(unit, first))
        assert self.rows.list_of(people) == [first, second]

    def test_a_unit_that_fails_stores_and_removes_nothing(self, people: Units[Unit]) -> None:
        first, second, *_ = self.rows.with_keys()
        self.rows.put(people, first)
        write_and_fail(
            people,
            lambda unit: self.rows.put_in(unit, evolve(self.rows.other, **{self.rows.key: self.rows.key_of(first)})),
        )
        write_and_fail(people, lambda unit: self.rows.add_in(unit, second))
        write_and_fail(people, lambda unit: self.rows.remove_in(unit, first))
        assert self.rows.list_of(people) == [first]

    def test_one_of_eight_threads_adds_and_one_removes(self, people: Units[Unit]) -> None:
        def add(_: int, meet: Meet) -> bool:
            assert self.rows.get(people, self.rows.sample) is None
            meet()
            return people.write(lambda unit: self.rows.add_in(unit, self.rows.sample))

        def remove(_: int, meet: Meet) -> bool:
            assert self.rows.get(people, self.rows.sample) is not None
            meet()
            return people.write(lambda unit: self.rows.remove_in(unit, self.rows.sample))

        for step in (add, remove):
            assert sorted(race(step)) == [False] * (THREADS - 1) + [True]

    def test_one_of_two_open_units_adds_and_one_removes(self, people: Units[Unit]) -> None:
        def after_meeting(step: Callable[[Unit, T], bool]) -> Callable[[Unit, int, Meet], bool]:
            def work(unit: Unit, _: int, meet: Meet) -> bool:
                assert unit.users.get(ANN)
                meet()
                return step(unit, self.rows.sample)

            return work

        for step in (self.rows.add_in, self.rows.remove_in):
            assert sorted(overlap(people, after_meeting(step))) == [False, True]


def row_cases(rows: UserRows[T]) -> Callable[[C], C]:
    """Return a decorator that adds to a contract the cases of these rows."""

    def decorate(contract: C) -> C:
        for name, case in vars(_Cases).items():
            if name.startswith("test_"):
                setattr(contract, f"{name}__{rows.name}", _bound(case, rows))
        return contract

    return decorate


def _bound(case: Callable[..., None], rows: UserRows[T]) -> Callable[..., None]:
    """Return a case of a contract that runs ``case`` for these rows."""
    cases = _Cases(rows)
    if "acme" in case.__code__.co_varnames:

        def run(_: object, people: Units[Unit], acme: Units[Unit]) -> None:
            case(cases, people, acme)
    else:

        def run(_: object, people: Units[Unit]) -> None:  # type: ignore[misc]  # pytest reads the parameters
            case(cases, people)

    return pytest.mark.rule(*rows.rules)(run)


def check_pages(
    units: Units[Unit],
    page: Callable[[Unit, P | None, int], Sequence[T]],
    *,
    place_of: Callable[[T], P],
    expected: Sequence[T],
) -> None:
    """Check that pages of any size, one after another, have the expected rows in order, each once, and then end."""
    for size in range(1, len(expected) + 2):
        found: list[T] = []
        after: P | None = None
        while rows := units.read(lambda unit: page(unit, after, size)):  # noqa: B023 - used at once
            assert len(rows) <= size
            found += rows
            after = place_of(rows[-1])
        assert found == list(expected)
