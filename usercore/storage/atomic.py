"""Atomic calls: the units of several calls run as parts of one unit that is open already."""

from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

from usercore.kernel.errors import RunAgain, StorageError
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
from usercore.storage import Unit, UnitSource
from usercore.storage.recording import UnitContext

T = TypeVar("T")


class AtomicUnits(UnitSource):
    """Runs every unit as a part of one open unit, in the thread that opened it."""

    def __init__(self, unit: Unit) -> None:
        """Work in this unit until ``finish``."""
        self._unit = unit
        self._thread = get_ident()
        self._is_busy = self._has_ended = False
        self._failure: BaseException | None = None

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return units of this origin; see ``UnitSource``."""
        return PartUnits(self, origin)

    def run(self, origin: UnitContext, work: Callable[[Unit], T]) -> T:
        """Run a part; if it raises, it leaves nothing.

        Raises:
            RuntimeError: the open unit has ended or is another thread's, or a part is running already.
            TenantNotFound: the tenant was created in the open unit, and that was undone.
            StorageError: the storage failed, now or in an earlier part.
        """
        self._check_usable()
        self._is_busy = True
        try:
            return self._unit.run_nested(origin, work)
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, RunAgain | StorageError):
                self._failure = error
            raise
        finally:
            self._is_busy = False

    def _check_usable(self) -> None:
        if self._has_ended:
            raise RuntimeError("the atomic call has ended; its core works only while it runs")
        if get_ident() != self._thread:
            raise RuntimeError("the core of an atomic call works only in the thread that runs it")
        if self._is_busy:
            raise RuntimeError("a unit is open in this atomic call already; use that one")
        self.check()

    def check(self) -> None:
        """Raise again what ended the open unit, so that the caller of the parts cannot suppress it.

        Raises:
            RunAgain: a part lost a race.
            StorageError: a part could not be stored.
        """
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """Refuse further parts."""
        self._has_ended = True


@frozen
class PartUnits(Units[Unit]):
    """Units of one origin."""

    _open: AtomicUnits
    _origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run a part; see ``Units``."""
        return self._open.run(self._origin, work)

    def read(self, query: Callable[[Unit], T]) -> T:
        """Run a part; see ``Units``."""
        return self._open.run(self._origin, query)


def run_atomic(unit: Unit, work: Callable[[UnitSource], T]) -> T:
    """Run ``work`` with a source whose units all run in this unit.

    Raises:
        RunAgain: a part lost a race, whatever ``work`` did about it.
        StorageError: a part could not be stored, whatever ``work`` did about it.
    """
    parts = AtomicUnits(unit)
    try:
        result = work(parts)
        parts.check()
        return result
    finally:
        parts.end()
