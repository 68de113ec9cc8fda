"""Dicts that record how to undo each change.

Copying the tables before each unit would cost milliseconds for each hundred thousand rows; here the cost of a unit
depends on its changes only. Each undo step is recorded before its change and may run twice, because an interrupt can
land between any two instructions.
"""

from collections.abc import Callable, ItemsView, Iterable, ValuesView
from datetime import datetime
from functools import partial
from heapq import nsmallest
from typing import Generic, TypeVar

from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


class UndoLog(list[Callable[[], object]]):
    """The steps that undo the open unit. Its length is a mark to roll back to."""

    def roll_back(self, mark: int = 0) -> None:
        """Undo all changes since the mark, the last one first."""
        while len(self) > mark:
            self[-1]()
            self.pop()  # only now, so that an interrupted step runs again


class UndoDict(Generic[K, V]):
    """A dict without None among its values that records how to undo each change."""

    def __init__(self, undo: UndoLog) -> None:
        self._rows: dict[K, V] = {}
        self._undo = undo

    def get(self, key: K) -> V | None:
        """Return the value under this key, or None."""
        return self._rows.get(key)

    def items(self) -> ItemsView[K, V]:
        """Return a view of all keys and values."""
        return self._rows.items()

    def values(self) -> ValuesView[V]:
        """Return a view of all values."""
        return self._rows.values()

    def add(self, key: K, value: V) -> None:
        """Store a value under a new key.

        Raises:
            RunAgain: the key is in use.
        """
        if key in self._rows:
            raise RunAgain
        self._undo.append(partial(self._rows.pop, key, None))
        self._rows[key] = value

    def put(self, key: K, value: V) -> None:
        """Store a value and replace the earlier one, if any."""
        before = self._rows.get(key)
        self._undo.append(
            partial(self._rows.pop, key, None) if before is None else partial(self._rows.__setitem__, key, before)
        )
        self._rows[key] = value

    def remove(self, key: K) -> None:
        """Remove the value under this key, if any."""
        before = self._rows.get(key)
        if before is not None:
            self._undo.append(partial(self._rows.__setitem__, key, before))
            del self._rows[key]


def oldest(rows: Iterable[T], at_of: Callable[[T], datetime | None], *, before: datetime, limit: int) -> list[T]:
    """Return at most ``limit`` rows with an instant earlier than ``before``, the earliest first.

    Rows without an instant are left out. All rows are scanned: cleanup is rare, and every sign-in would pay for an
    index by time.
    """
    dated = ((at_of(row), number, row) for number, row in enumerate(rows))
    earlier = ((at, number, row) for at, number, row in dated if at is not None and at < before)
    return [row for _, _, row in nsmallest(limit, earlier)]


def with_own(given: T, stored: T, *fields: str) -> T:
    """Return ``given`` with the values that ``stored`` has in these fields."""
    own = {name: getattr(stored, name) for name in fields}
    if all(getattr(given, name) == value for name, value in own.items()):
        return given  # the usual case: entities are immutable, so no copy is needed
    return evolve(given, **own)
