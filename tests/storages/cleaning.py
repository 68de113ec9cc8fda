"""All statements that a clean-up runs, with their values, from a store with rows of every kind."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

import attrs

from tests.faults.filled_stores import POLICY
from usercore import Host, RetentionPolicy, UserCore
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.storage.recording import UnitContext
from usercore.testing import NOON, FakeClock
from usercore.testing.wrapping import WrappedStorage
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row
from usercore_storage.sql.unit import SqlUnit

T = TypeVar("T")

RETENTION: Final = RetentionPolicy(actions=timedelta(days=1), remove_unconfirmed_after=timedelta(days=1))
"""Everything is removed in the end."""

LATER: Final = NOON + timedelta(days=4000)

Run = tuple[str, tuple[object, ...]]
"""A statement and its values."""


@attrs.frozen
class RecordingExecutor(Executor):
    """Runs statements on a connection and records them."""

    run: Executor
    ran: list[Run] = attrs.field(factory=list)

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        self.ran.append((statement, tuple(values)))
        return self.run(statement, values)

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        listed = [*rows]
        self.ran.extend((statement, tuple(row)) for row in listed[:1])
        self.run.many(statement, listed)


@attrs.frozen
class RecordingUnits(Units[Unit]):
    """Runs units one after the other on one connection."""

    unit: SqlUnit
    origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        self.unit.begin(self.origin)
        result = work(self.unit)
        self.unit.finish()
        return result

    def read(self, query: Callable[[Unit], T]) -> T:
        return self.write(query)


class RecordingStorage(WrappedStorage):
    """Runs all units in the transaction of one executor, instead of the storage's own."""

    def __init__(self, storage: Storage, executor: Executor) -> None:
        super().__init__(storage)
        self._executor = executor

    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        return units

    def units(self, origin: UnitContext) -> Units[Unit]:
        return RecordingUnits(SqlUnit(self._executor), origin)

    def purge(self, *, thorough: bool) -> None:
        """Do nothing: the transaction is open."""


def statements_of_cleanup(storage: Storage, run: Executor) -> list[Run]:
    """Clean up a filled store in the transaction of an executor, and return each statement once, with values."""
    executor = RecordingExecutor(run)
    policy = attrs.evolve(POLICY, retention=RETENTION)
    core = UserCore.over(RecordingStorage(storage, executor), Host(policy=policy, clock=FakeClock(LATER)))
    core.tenant("system").tenants.delete("acme")
    core.cleanup()
    return list({statement: (statement, values) for statement, values in executor.ran}.values())
