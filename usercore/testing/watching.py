"""A storage that knows which threads have a unit open, so that fakes can refuse to be called there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import attrs

from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing.wrapping import WrappedStorage

T = TypeVar("T")


class WatchedStorage(WrappedStorage):
    """Behaves as the storage it wraps; counts its units and knows in which threads one is open.

    ``reads`` and ``writes`` count the units that were requested, not how often they ran again. The functions in
    ``before_commit`` are called with the unit at the end of each write, still inside it: to read, to fail or to hold it
    open.
    """

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.reads = 0
        self.writes = 0
        self.before_commit: list[Callable[[Unit], None]] = []
        self._threads: set[int] = set()
        self._lock = threading.Lock()

    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        return _WatchedUnits(self, units)

    def is_open(self) -> bool:
        """Return whether a unit is open in the present thread."""
        return threading.get_ident() in self._threads

    def count(self, *, reads: int = 0, writes: int = 0) -> None:
        """Count requested units."""
        with self._lock:
            self.reads += reads
            self.writes += writes

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Mark a unit as open in the present thread."""
        thread = threading.get_ident()
        self._threads.add(thread)
        try:
            yield
        finally:
            self._threads.discard(thread)


@attrs.frozen
class _WatchedUnits(Units[Unit]):
    _watch: WatchedStorage
    _units: Units[Unit]

    def write(self, work: Callable[[Unit], T]) -> T:
        def watched(unit: Unit) -> T:
            with self._watch.noted():
                result = work(unit)
                for call in self._watch.before_commit:
                    call(unit)
                return result

        self._watch.count(writes=1)
        return self._units.write(watched)

    def read(self, query: Callable[[Unit], T]) -> T:
        def watched(unit: Unit) -> T:
            with self._watch.noted():
                return query(unit)

        self._watch.count(reads=1)
        return self._units.read(watched)
