"""Pages: rows and the cursor of the next page. Cursors are opaque, and a page costs the same at every position."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar, overload

from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen

A = TypeVar("A", bound=int | str)
B = TypeVar("B", bound=int | str)
T = TypeVar("T")

PAGE_SIZE: Final = 100
"""The default number of rows on a page."""

PAGE_LIMIT: Final = 1000
"""The greatest number of rows on a page. Source: spec U10."""

_CURSOR_LIMIT: Final = 16_384
"""The greatest length of a cursor in characters; a name of 256 characters that each fold to 18 takes 11,000."""

_UNFIT: Final = re.compile("[\0\ud800-\udfff]")


@frozen
class Page(Generic[T]):
    """Some rows in order, and the cursor after them, or None at the end."""

    rows: tuple[T, ...]
    cursor: str | None

    def __iter__(self) -> Iterator[T]:
        """Iterate over the rows of this page."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return the number of rows of this page, so that an empty page is false."""
        return len(self.rows)


@frozen(kw_only=True)
class NumberedPage(Generic[T]):
    """A page of a list that is counted: at most 1000 rows in order, and the number of the page, from 1."""

    rows: tuple[T, ...]
    page: int
    total_count: int

    @property
    def total_pages(self) -> int:
        """The number of pages of the list; an empty list has none."""
        return -(-self.total_count // PAGE_LIMIT)

    def __iter__(self) -> Iterator[T]:
        """Iterate over the rows of this page."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return the number of rows of this page, so that an empty page is false."""
        return len(self.rows)


def check_page(page: int) -> int:
    """Return the number of a page if it is 1 or more.

    Raises:
        TypeError: it is not an int.
        Invalid: it is out of range.
    """
    if check_type(page, int, name="page") < 1:
        refuse("page", "out_of_range")
    return page


def check_limit(limit: int) -> int:
    """Return the number of rows if it is 1 to 1000.

    Raises:
        TypeError: it is not an int.
        Invalid: it is out of range.
    """
    if not 1 <= check_type(limit, int, name="limit") <= PAGE_LIMIT:
        refuse("limit", "out_of_range")
    return limit


def page_of(rows: Sequence[T], limit: int, place_of: Callable[[T], tuple[int | str, ...]]) -> Page[T]:
    """Return a page of at most ``limit`` of the rows; a further row only shows that there are more."""
    shown = tuple(rows[:limit])
    return Page(shown, write_cursor(place_of(shown[-1])) if len(rows) > limit else None)


def write_cursor(place: tuple[int | str, ...]) -> str:
    """Return a place in a list as text that is safe in a URL."""
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode("ascii")


@overload
def read_cursor(cursor: str | None, kind: type[A], /) -> tuple[A] | None: ...


@overload
def read_cursor(cursor: str | None, first: type[A], second: type[B], /) -> tuple[A, B] | None: ...


@overload
def read_cursor(cursor: str | None, /, *kinds: type) -> tuple[Any, ...] | None: ...


def read_cursor(cursor: str | None, /, *kinds: type) -> tuple[Any, ...] | None:
    """Parse a cursor of this form; None means the start of the list.

    Raises:
        TypeError: it is not text.
        Invalid: it is not a cursor of this list.
    """
    if cursor is None:
        return None
    text = check_type(cursor, str, name="cursor")
    if len(text) > _CURSOR_LIMIT:
        refuse("cursor", "malformed")
    try:
        place = json.loads(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, UnicodeError, binascii.Error, RecursionError):
        refuse("cursor", "malformed")
    if not isinstance(place, list) or tuple(map(type, place)) != kinds or not all(map(_fits, place)):
        refuse("cursor", "malformed")
    return tuple(place)


def _fits(value: int | str) -> bool:
    """Return whether every storage can compare with the value."""
    return abs(value) < 1 << 63 if isinstance(value, int) else not _UNFIT.search(value)
