"""The arguments of lists in query strings."""

import re
from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

from usercore import FieldError, Invalid

_NUMBER: Final = re.compile(r"[0-9]{1,9}")


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
    if limit := query.get("limit"):
        if not _NUMBER.fullmatch(limit):
            raise Invalid((FieldError("limit", "malformed"),))
        arguments["limit"] = int(limit)
    return arguments
