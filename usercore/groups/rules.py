"""Validation of groups. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from usercore.kernel.text import check_type, clean_name, refuse

NAME_LIMIT: Final = 256
"""The most characters of a name. Source: usercore: as those of roles, spec T4."""

SORTING_LIMIT: Final = 1 << 31
"""``sorting`` is at least minus this and less than this. Source: usercore: what every database has as an integer."""

GroupKey = int | str
"""What names a group in a call: its name, ignoring case, or its id."""


def clean_group_key(value: object) -> GroupKey:
    """Return the name or id that identifies a group in a call.

    Raises:
        TypeError: it is neither.
        Invalid: no group can have this name.
    """
    if isinstance(value, int):
        return check_type(value, int, name="group")
    return clean_name(value, field="group", most=NAME_LIMIT)


def clean_sorting(value: object) -> int:
    """Return the number by which lists are ordered: 32 bits with a sign.

    Raises:
        TypeError: it is not an int.
        Invalid: it is out of range.
    """
    number = check_type(value, int, name="sorting")
    if not -SORTING_LIMIT <= number < SORTING_LIMIT:
        refuse("sorting", "out_of_range")
    return number


CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    "name": lambda value: clean_name(value, field="name", most=NAME_LIMIT),
    "sorting": clean_sorting,
}
"""The cleaner of each of a group's fields: it checks a value and returns it as it is stored."""
