"""How repositories reach their engine, lookups of many keys with few statement texts, removals by several indexes."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from usercore_storage.sql.table import Row

T = TypeVar("T")

SIZES: Final = (1, 2, 8, 64, 512, 1000)
"""Keys of one lookup. More texts would push others out of the statement cache, which costs three times a lookup."""


Statement = tuple[str, Sequence[object]]
"""A statement and its values."""


class Executor(Protocol):
    """A transaction of an engine. Errors of the driver are translated; a key in use raises ``RunAgain``.

    A statement that returns no rows may be kept back until the next one or the commit; its error is raised there.
    """

    @abstractmethod
    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        """Run one statement and return all its rows."""

    @abstractmethod
    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        """Run one statement for each row."""


def marks(count: int) -> str:
    """Return ``count`` question marks, separated by commas."""
    return ", ".join("?" * count)


def in_sizes(keys: Sequence[T]) -> Iterator[list[T]]:
    """Split keys, each once, into lists of one of the ``SIZES``; the last list is padded with its own last key."""
    start, once = 0, list(dict.fromkeys(keys))
    if len(once) in SIZES:  # the usual case
        yield once
        return
    while start < len(once):
        left = len(once) - start
        size = next((size for size in SIZES if size >= left), SIZES[-1])
        chunk = once[start : start + size]
        start += len(chunk)
        yield chunk + [chunk[-1]] * (size - len(chunk))


def remove_in_turn(run: Executor, statements: Iterable[str], before: int, limit: int) -> list[Row]:
    """Remove at most ``limit`` rows that were over before, by one statement for each index that finds some.

    Of an OR, PostgreSQL finds all rows before it removes the first: each batch would cost as much as all that are left.
    """
    removed: list[Row] = []
    for statement in statements:
        if len(removed) < limit:
            removed += run(statement, (before, limit - len(removed)))
    return removed
