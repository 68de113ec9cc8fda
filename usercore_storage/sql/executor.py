"""How repositories reach their engine, and look-ups of many keys with few statement texts."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from usercore_storage.sql.table import Row, Rows

T = TypeVar("T")

SIZES: Final = (1, 2, 8, 64, 512)
"""Keys of one look-up. More texts would push others out of the statement cache, which costs three times a look-up."""


class Executor(Protocol):
    """A transaction of an engine. Errors of the driver come out as ours; a key in use comes out as ``RunAgain``."""

    @abstractmethod
    def __call__(self, statement: str, values: Sequence[object] = (), /) -> Rows:
        """Run one statement and give its rows, all of them."""

    @abstractmethod
    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        """Run one statement for each row."""


def marks(count: int) -> str:
    """Give that many question marks."""
    return ", ".join("?" * count)


def in_sizes(keys: Sequence[T]) -> Iterator[list[T]]:
    """Cut keys, each once, into lists of one of the ``SIZES``; the last is filled up with its own last key."""
    start, once = 0, list(dict.fromkeys(keys))
    if len(once) in SIZES:  # nearly always
        yield once
        return
    while start < len(once):
        left = len(once) - start
        size = next((size for size in SIZES if size >= left), SIZES[-1])
        chunk = once[start : start + size]
        start += len(chunk)
        yield chunk + [chunk[-1]] * (size - len(chunk))
