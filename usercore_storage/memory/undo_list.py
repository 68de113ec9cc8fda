"""Sorted lists that record how to undo each change; see ``undo_dict``."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from usercore.kernel.errors import RunAgain
from usercore_storage.memory.undo_dict import UndoLog


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as the standard library declares it


G = TypeVar("G")
P = TypeVar("P", bound=_Ordered)
T = TypeVar("T")


class UndoList(Generic[G, P, T]):
    """Sorted lists, one for each group, in the order of ``position_of``, that record how to undo each change."""

    __slots__ = ("_lists", "_position_of", "_undo")

    def __init__(self, undo: UndoLog, position_of: Callable[[T], P]) -> None:
        self._lists: dict[G, list[T]] = {}
        self._position_of = position_of
        self._undo = undo

    def add(self, group: G, item: T) -> None:
        """Insert an item at its position.

        Raises:
            RunAgain: the position is taken.
        """
        if self.find(group, self._position_of(item)) is not None:
            raise RunAgain
        self._undo.append(partial(self._discard, group, item))
        self._insert(group, item)

    def remove(self, group: G, item: T) -> None:
        """Remove the item at the position of this one, if any."""
        found = self.find(group, self._position_of(item))
        if found is not None:
            self._undo.append(partial(self._insert, group, found))
            self._discard(group, found)

    def find(self, group: G, position: P) -> T | None:
        """Return the item at this position, or None."""
        items = self._lists.get(group, [])
        index = self._index(items, position)
        return items[index] if self._is_at(items, index, position) else None

    def of(self, group: G) -> Sequence[T]:
        """Return the items of the group in order. The sequence is live: read it at once and do not hand it out."""
        return self._lists.get(group, ())

    def newest(self, group: G, *, before: P | None, limit: int) -> list[T]:
        """Return at most ``limit`` items of the group that are before the position, the last first."""
        items = self._lists.get(group, [])
        end = len(items) if before is None else self._index(items, before)
        return items[max(end - limit, 0) : end][::-1]

    def firsts(self) -> Iterator[T]:
        """Iterate over the first item of each group."""
        return (items[0] for items in self._lists.values())

    def everything(self) -> Iterator[tuple[G, T]]:
        """Iterate over all items with their groups."""
        return ((group, item) for group, items in self._lists.items() for item in items)

    def _insert(self, group: G, item: T) -> None:
        items = self._lists.setdefault(group, [])
        position = self._position_of(item)
        index = self._index(items, position)
        if not self._is_at(items, index, position):
            items.insert(index, item)

    def _discard(self, group: G, item: T) -> None:
        items = self._lists.get(group, [])
        position = self._position_of(item)
        index = self._index(items, position)
        if self._is_at(items, index, position):
            del items[index]
        if not items:
            self._lists.pop(group, None)

    def _index(self, items: list[T], position: P) -> int:
        if (
            not items or self._position_of(items[-1]) < position
        ):  # ids and change numbers rise, so an item nearly always goes to the end
            return len(items)
        return bisect_left(items, position, key=self._position_of)

    def _is_at(self, items: list[T], index: int, position: P) -> bool:
        return index < len(items) and self._position_of(items[index]) == position


def itself(item: P) -> P:
    """Return the item as its own position."""
    return item
