"""Lists in order that note how to take each change back; see ``cells``."""

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
    """Lists, one a group, each in the order of ``place_of``, that note how to take each change back."""

    __slots__ = ("_lists", "_place_of", "_undo")

    def __init__(self, undo: UndoLog, place_of: Callable[[T], P]) -> None:
        self._lists: dict[G, list[T]] = {}
        self._place_of = place_of
        self._undo = undo

    def add(self, group: G, item: T) -> None:
        """Keep an item in its place.

        Raises:
            RunAgain: the place is in use.
        """
        if self.find(group, self._place_of(item)) is not None:
            raise RunAgain
        self._undo.append(partial(self._drop, group, item))
        self._insert(group, item)

    def remove(self, group: G, item: T) -> None:
        """Remove the item that stands in the place of this one, if any."""
        found = self.find(group, self._place_of(item))
        if found is not None:
            self._undo.append(partial(self._insert, group, found))
            self._drop(group, found)

    def find(self, group: G, place: P) -> T | None:
        """Give the item in this place, or None."""
        items = self._lists.get(group, [])
        index = self._index(items, place)
        return items[index] if self._stands(items, index, place) else None

    def of(self, group: G) -> Sequence[T]:
        """Give the items of the group in order: to be read at once, not to be handed out."""
        return self._lists.get(group, ())

    def newest(self, group: G, *, before: P | None, limit: int) -> list[T]:
        """Give at most ``limit`` items of the group, the last first, from before the place."""
        items = self._lists.get(group, [])
        end = len(items) if before is None else self._index(items, before)
        return items[max(end - limit, 0) : end][::-1]

    def firsts(self) -> Iterator[T]:
        """Give the first item of each group."""
        return (items[0] for items in self._lists.values())

    def everything(self) -> Iterator[tuple[G, T]]:
        """Give all items with their groups."""
        return ((group, item) for group, items in self._lists.items() for item in items)

    def _insert(self, group: G, item: T) -> None:
        items = self._lists.setdefault(group, [])
        place = self._place_of(item)
        index = self._index(items, place)
        if not self._stands(items, index, place):
            items.insert(index, item)

    def _drop(self, group: G, item: T) -> None:
        items = self._lists.get(group, [])
        place = self._place_of(item)
        index = self._index(items, place)
        if self._stands(items, index, place):
            del items[index]
        if not items:
            self._lists.pop(group, None)

    def _index(self, items: list[T], place: P) -> int:
        if not items or self._place_of(items[-1]) < place:  # ids and change numbers rise: nearly always the end
            return len(items)
        return bisect_left(items, place, key=self._place_of)

    def _stands(self, items: list[T], index: int, place: P) -> bool:
        return index < len(items) and self._place_of(items[index]) == place


def itself(item: P) -> P:
    """Give the place of an item that is its own place."""
    return item
