"""A storage whose n-th call fails, so that a test can try every n.

For example::

for number in range(1, storage.calls_of(action) + 1):
    with storage.failing(number, error):
        ...
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

import attrs

from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.storage.recording import UnitContext
from usercore.testing.wrapping import WrappedStorage

T = TypeVar("T")


@attrs.define
class _Fault:
    number: int
    error: BaseException
    after: bool
    happened: bool = False


class FaultyStorage(WrappedStorage):
    """Behaves as the storage it wraps until a test makes a call fail.

    A call is one of a repository's methods, or one of the unit's own (``lock``, ``record``, ``resolve``, ...), in a
    write or a read, of any thread.
    """

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.calls = 0
        self._fault: _Fault | None = None
        self._lock = threading.Lock()

    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        return _FaultyUnits(self, units)

    def calls_of(self, action: Callable[[], object]) -> int:
        """Run ``action`` and return how many calls it made."""
        before = self.calls
        action()
        return self.calls - before

    @contextmanager
    def failing(self, number: int, error: BaseException, *, after: bool = False) -> Iterator[None]:
        """Make the ``number``-th call from now on raise ``error`` instead of being made, or ``after`` it was made.

        It fails once: after ``RunAgain`` the unit runs again without a fault.

        Raises:
            AssertionError: fewer calls were made, and none failed.
        """
        fault = self._fault = _Fault(self.calls + number, error, after)
        try:
            yield
        finally:
            self._fault = None
        assert fault.happened, f"there was no call number {number}"

    def call(self, method: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Make a call, or fail."""
        with self._lock:
            self.calls += 1
            fault = self._fault if self._fault is not None and self._fault.number == self.calls else None
        if fault is None:
            return method(*args, **kwargs)
        fault.happened = True
        if fault.after:
            method(*args, **kwargs)
        raise fault.error


class _Proxy:
    """Passes every method call to ``call``, also those of the repositories that are its attributes."""

    def __init__(self, call: Callable[..., Any], target: object) -> None:
        self._call = call
        self._target = target

    def __getattr__(self, name: str) -> object:
        value = getattr(self._target, name)
        return partial(self._call, value) if callable(value) else _Proxy(self._call, value)

    def run_nested(self, origin: UnitContext, work: Callable[[Any], T]) -> T:
        """Run a part of the unit, whose calls may fail, too."""
        nested = cast("Unit", self._target).run_nested
        return cast("T", self._call(nested, origin, lambda unit: work(_Proxy(self._call, unit))))


@attrs.frozen
class _FaultyUnits(Units[Unit]):
    _faults: FaultyStorage
    _units: Units[Unit]

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._units.write(lambda unit: work(self._proxy(unit)))

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._units.read(lambda unit: query(self._proxy(unit)))

    def _proxy(self, unit: Unit) -> Unit:
        return cast("Unit", _Proxy(self._faults.call, unit))
