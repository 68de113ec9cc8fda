"""Cells: dicts that note how to take each change back.

A newcomer would copy the tables before each unit, which costs milliseconds for each hundred thousand rows; here a unit
pays for what it changes. Each step of the undo log is noted before its change and may run twice, because an interrupt
can land between any two of them.
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
    """The steps that take the open unit back. Its length is a mark to which it can be taken back."""

    def take_back(self, mark: int = 0) -> None:
        """Undo what was done since the mark, the last change first."""
        while len(self) > mark:
            self[-1]()
            self.pop()  # only now, so that a step that is interrupted runs again


class UndoDict(Generic[K, V]):
    """A dict, without None among its values, that notes how to take each change back."""

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
        """Keep a value under a new key.

        Raises:
            RunAgain: the key is in use.
        """
        if key in self._rows:
            raise RunAgain
        self._undo.append(partial(self._rows.pop, key, None))
        self._rows[key] = value

    def put(self, key: K, value: V) -> None:
        """Keep a value instead of the one before, if any."""
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
    """Give at most ``limit`` rows whose instant is earlier, the earliest first; without an instant a row stays.

    Looks at all rows: clean-up is rare, and an index by time would be paid for by every sign-in.
    """
    dated = ((at_of(row), number, row) for number, row in enumerate(rows))
    earlier = ((at, number, row) for at, number, row in dated if at is not None and at < before)
    return [row for _, _, row in nsmallest(limit, earlier)]


def with_own(given: T, kept: T, *fields: str) -> T:
    """Give what is to be kept instead of ``kept``: with its own values in these fields."""
    own = {name: getattr(kept, name) for name in fields}
    if all(getattr(given, name) == value for name, value in own.items()):
        return given  # nearly always, and entities are immutable: no copy
    return evolve(given, **own)
