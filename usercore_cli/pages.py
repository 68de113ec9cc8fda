"""All rows of a list that comes in pages."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from usercore import Page

T = TypeVar("T")


def rows_of(list_page: Callable[..., Page[T]]) -> Iterator[T]:
    """Iterate over the rows of all pages, read page by page."""
    cursor = None
    while True:
        page = list_page(cursor=cursor)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return
