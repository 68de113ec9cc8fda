"""The memory storage: one lock for readers and writers, so that no unit sees another one half done."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Never, NoReturn, TypeVar

from usercore.history.model import Entry
from usercore.kernel.errors import Unavailable
from usercore.kernel.forks import reset_in_child
from usercore.kernel.randomness import system_randomness
from usercore.kernel.units import Units, run_until_stored
from usercore.kernel.values import frozen
from usercore.storage import CAPABILITIES, FEATURES, Storage
from usercore.storage.recording import UnitContext
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.unit import MemoryUnit

T = TypeVar("T")

_SECRET_BYTES: Final = 32


class _UnitRunner:
    """Runs one unit at a time. A forked child discards a lock that another thread of the parent held."""

    def __init__(self) -> None:
        self._undo = UndoLog()
        self._unit = MemoryUnit(self._undo)
        self._closed = False
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Replace the lock, whose holder may not exist in this process."""
        self._lock = threading.RLock()  # reentrant: a nested unit must reach the check that refuses it
        self._open = False

    def close(self) -> None:
        """Refuse units from now on."""
        with self._lock:
            self._closed = True

    def run(self, origin: UnitContext, work: Callable[[MemoryUnit], T], *, writing: bool) -> tuple[T, Sequence[Entry]]:
        """Run ``work`` and return its result and its entries; undo all changes if it raises or is not ``writing``."""
        with self._lock:
            if self._open or self._closed:
                self._refuse()
            try:
                self._open = True
                if self._undo:
                    self._undo.roll_back()  # what an interrupt or a fork cut off
                self._unit.begin(origin)
                result = work(self._unit)
                self._unit.finish()
                if self._undo and not writing:
                    _refuse_change()
                self._undo.clear()
            except BaseException:
                self._undo.roll_back()
                raise
            finally:
                self._open = False  # a single store, so no interrupt can land in the middle
            return result, self._unit.entries

    def _refuse(self) -> NoReturn:
        if self._open:
            raise RuntimeError("a unit is open in this thread already; use that one")
        raise Unavailable("the store is closed")


def _refuse_change() -> NoReturn:
    raise RuntimeError("a read changed something")


@frozen
class MemoryUnits(Units[MemoryUnit]):
    """Units with one context."""

    _runner: _UnitRunner
    _origin: UnitContext

    def write(self, work: Callable[[MemoryUnit], T]) -> T:
        result, entries = run_until_stored(lambda: self._runner.run(self._origin, work, writing=True))
        if entries and self._origin.observe is not None:
            self._origin.observe(entries)  # after the lock is released: observers may open units
        return result

    def read(self, query: Callable[[MemoryUnit], T]) -> T:
        return self._runner.run(self._origin, query, writing=False)[0]


class MemoryStorage(Storage):
    """Stores everything in dicts for as long as the process lives: for tests and small hosts."""

    capabilities = CAPABILITIES
    features = FEATURES

    def __init__(self) -> None:
        self._runner = _UnitRunner()
        self._secret = system_randomness(_SECRET_BYTES)

    @property
    def secret(self) -> bytes:
        return self._secret

    def units(self, origin: UnitContext) -> MemoryUnits:
        return MemoryUnits(self._runner, origin)

    def join(self, connection: object) -> Never:
        msg = f"a store in memory has no transactions to join, so it cannot use {type(connection).__name__!r}"
        raise TypeError(msg)

    def purge(self, *, thorough: bool) -> None:
        pass  # it has no files

    def close(self) -> None:
        self._runner.close()
