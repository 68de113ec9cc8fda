"""The arguments of lists in query strings, and lists that are answered whole."""

from collections.abc import Callable, Iterator, Mapping
from typing import NotRequired, TypedDict, TypeVar

from usercore import Page
from usercore_web.fields import read_number

T = TypeVar("T")


class PageArguments(TypedDict):
    """The arguments that lists of usercore take, as far as the query has them."""

    cursor: NotRequired[str]
    limit: NotRequired[int]


def read_page_arguments(query: Mapping[str, str]) -> PageArguments:
    """Return ``cursor`` and ``limit`` of a query; pass them as ``core.users.list(**read_page_arguments(query))``.

    Raises:
        Invalid: the limit is no number. The list itself refuses one out of its range, and a wrong cursor.
    """
    arguments: PageArguments = {}
    if query.get("cursor"):
        arguments["cursor"] = query["cursor"]
    if "limit" in query:
        arguments["limit"] = read_number(query, "limit")
    return arguments


def every_row(page_at: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Iterate over the rows of all pages of a list: ``every_row(lambda cursor: core.users.list(cursor=cursor))``.

    For clients that expect whole lists. ``page_at`` is called with the cursor of each page, first with None.
    """
    cursor: str | None = None
    while True:
        page = page_at(cursor)
        yield from page
        cursor = page.cursor
        if cursor is None:
            return
