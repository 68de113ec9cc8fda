"""The base of all contracts: the fixture that a storage author writes, and the units that the cases use."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Final, Generic, TypeVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from usercore.history.model import Entry
from usercore.kernel.context import MAIN, SYSTEM, Context
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId
from usercore.kernel.secret import Digest
from usercore.kernel.time import Clock
from usercore.kernel.units import Units
from usercore.storage import FEATURES, Storage, Unit
from usercore.storage.recording import Subscriptions, UnitContext
from usercore.tenants.model import BUILT_IN
from usercore.testing.fakes import FakeClock
from usercore.testing.samples import ACME, ANN, BOB, a_tenant, a_user
from usercore.users.model import NO_ACCESS_IDS

E = TypeVar("E")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

_NEEDS: Final = "usercore_needs"
"""The attribute of a case that names the feature of a storage that it needs."""

NEVER_RUN: Final = frozenset({"skip", "skipif", "xfail"})
"""Marks that would prevent a case from proving something."""


def units_of(
    storage: Storage,
    tenant: TenantId = MAIN,
    *,
    context: Context | None = None,
    clock: Clock | None = None,
    subscriptions: Subscriptions | None = None,
    observe: Callable[[Sequence[Entry]], None] | None = None,
) -> Units[Unit]:
    """Return units of a tenant, with a clock that is stopped at noon unless another is passed."""
    origin = UnitContext(
        context=context or Context(tenant_id=tenant, tenant_key=f"tenant {tenant}"),
        clock=clock or FakeClock(),
        subscriptions=subscriptions or {},
        observe=observe,
    )
    return storage.units(origin)


def needs(feature: str) -> Callable[[F], F]:
    """Mark a case that only storages with this feature pass."""

    def mark(case: F) -> F:
        setattr(case, _NEEDS, feature)
        return case

    return mark


class Contract(ABC):
    """Cases that every storage must pass. None can be left out or replaced, or the contract would prove nothing.

    A storage that lacks some of the ``FEATURES`` is bound by ``class TestMine(StorageContract, without={...})``, which
    leaves out the cases that need them. One case compares this with the storage's own ``features``, and has the names
    of those left out printed.
    """

    without: ClassVar[frozenset[str]] = frozenset()
    left_out: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    @pytest.fixture
    def storage(self) -> Storage:
        """Return a new, empty storage, which is closed after the case."""
        raise NotImplementedError("bind the contract by a fixture `storage`")  # pytest hides it from ABCMeta

    @pytest.fixture
    def main(self, storage: Storage) -> Units[Unit]:
        """Return units of the tenant ``main``, which has no users."""
        built_in = [a_tenant(id=number, key=key, name=key, active=True) for number, key in BUILT_IN.items()]
        store(units_of(storage, SYSTEM), lambda unit: unit.tenants.add, *built_in)
        return units_of(storage)

    @pytest.fixture
    def people(self, main: Units[Unit]) -> Units[Unit]:
        """Return units of the tenant ``main``, which has the users Ann and Bob."""
        add_users(main, MAIN, ANN, BOB)
        return main

    @pytest.fixture
    def acme(self, storage: Storage, main: Units[Unit]) -> Units[Unit]:
        """Return units of another tenant, which has no users."""
        store(main, lambda unit: unit.tenants.add, a_tenant(id=ACME, active=True))
        return units_of(storage, ACME)

    def __init_subclass__(cls, *, without: Iterable[str] = ()) -> None:
        """Refuse a class that would change what a contract proves, and leave out the cases that it may leave out.

        Raises:
            TypeError: it defines a case of a contract again, or has a mark that prevents cases from running.
            ValueError: there is no such feature.
        """
        super().__init_subclass__()
        marks = vars(cls).get("pytestmark", [])
        _check_marks(cls.__name__, marks if isinstance(marks, list) else [marks])
        for name in filter(_is_case, dir(cls)):
            if len([base for base in cls.__mro__ if name in vars(base)]) > 1 and name not in cls.left_out:
                msg = f"{cls.__name__}: a contract has the case {name} already, and it cannot be replaced"
                raise TypeError(msg)
        if without:
            cls._leave_out(frozenset(without))

    @classmethod
    def _leave_out(cls, without: frozenset[str]) -> None:
        if without - FEATURES:
            msg = f"{cls.__name__}: no such feature of a storage: {', '.join(sorted(without - FEATURES))}"
            raise ValueError(msg)
        cases = [name for name in filter(_is_case, dir(cls)) if getattr(getattr(cls, name), _NEEDS, None) in without]
        cls.without, cls.left_out = without, tuple(cases)
        for name in cases:
            setattr(cls, name, None)  # pytest collects what can be called

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Refuse marks that a decorator, the module or a hook of the host sets."""
        _check_marks(metafunc.definition.nodeid, metafunc.definition.iter_markers())


def _is_case(name: str) -> bool:
    return name.startswith("test_")


def _check_marks(where: str, marks: Iterable[pytest.Mark | pytest.MarkDecorator]) -> None:
    for mark in marks:
        if mark.name in NEVER_RUN:
            msg = f"{where}: a contract's cases cannot be marked {mark.name}"
            raise TypeError(msg)


def store(units: Units[Unit], add: Callable[[Unit], Callable[[E], object]], *stored: E) -> None:
    """Store these entities in one unit by the method that ``add`` returns: ``lambda unit: unit.users.add``."""

    def work(unit: Unit) -> None:
        for entity in stored:
            add(unit)(entity)

    units.write(work)


def add_users(units: Units[Unit], tenant: TenantId, *user_ids: int) -> None:
    """Store users with these ids and without identifiers."""
    bare = a_user(tenant_id=tenant, email=None, username=None, external_id=None)
    bare = evolve(bare, access_ids=NO_ACCESS_IDS, supplied_uuid=None, change_no=1)
    store(units, lambda unit: unit.users.add, *(evolve(bare, id=user_id) for user_id in user_ids))


class Draws(Generic[T]):
    """The values that successive runs of a unit draw; the last one repeats."""

    def __init__(self, *values: T) -> None:
        self.count = 0
        self._values = values

    def __call__(self) -> T:
        """Return the next value."""
        self.count += 1
        return self._values[min(self.count, len(self._values)) - 1]


def check_runs_again(units: Units[Unit], write: Callable[[Unit, T], object], *, taken: T, free: T) -> None:
    """Check that a unit runs again after it drew a taken value, and then draws a free one."""
    draw = Draws(taken, free)
    units.write(lambda unit: write(unit, draw()))
    assert draw.count > 1


class _Failure(Exception):
    """Ends a unit that must store nothing."""


def write_and_fail(units: Units[Unit], work: Callable[[Unit], object]) -> None:
    """Run ``work`` in a unit that fails after it, so that nothing of it may be stored."""

    def fail(unit: Unit) -> None:
        work(unit)
        raise _Failure

    with pytest.raises(_Failure):
        units.write(fail)


def check_for_all(generated: SearchStrategy[T], check: Callable[[T], None]) -> None:
    """Check all values that Hypothesis draws on the one storage of the case."""

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(generated)
    def holds(value: T) -> None:
        check(value)

    holds()


def check_stored_completely(
    units: Units[Unit],
    generated: SearchStrategy[E],
    *,
    add: Callable[[Unit, E], object],
    get: Callable[[Unit, E], E | None],
) -> None:
    """Check that generated entities, added in one unit, are read unchanged in another."""

    def check(entity: E) -> None:
        units.write(lambda unit: add(unit, entity))
        assert_same(units.read(lambda unit: get(unit, entity)), entity)

    check_for_all(generated, check)


def assert_same(stored: object, given: object) -> None:
    """Compare entities and the types of their values: 1 equals True, but they must not be confused."""
    assert stored == given
    assert _types_of(stored) == _types_of(given)


def _types_of(entity: object) -> list[tuple[str, object]]:
    fields = attrs.fields(type(entity))  # type: ignore[arg-type]  # mypy does not see an attrs class
    return [(field.name, _type_of(getattr(entity, field.name))) for field in fields]


def _type_of(value: object) -> object:
    if isinstance(value, datetime):
        return datetime, str(value.tzinfo)
    return [type(part) for part in value] if isinstance(value, tuple) else type(value)


def with_unique(generated: SearchStrategy[E], field: str, values: Iterator[object] | None = None) -> SearchStrategy[E]:
    """Set a new value in ``field`` of each entity; numbers from 1000 unless ``values`` yields others."""
    source = itertools.count(1000) if values is None else values
    return generated.map(lambda entity: evolve(entity, **{field: next(source)}))


def digests() -> Iterator[Digest]:
    """Yield digests, all different."""
    return (Digest(sha256(str(number).encode()).digest()) for number in itertools.count())
