"""Preferences: language, date format and offsets; set by a tenant, overridden by a user. Source: spec U1, T3."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from usercore.kernel.text import check_type, clean_optional, is_blank, refuse


class DateFormat(StrEnum):
    """How dates are written for a user. Source: spec U1."""

    MONTH_FIRST = "MM/DD/YYYY"
    DAY_FIRST = "DD/MM/YYYY"
    YEAR_FIRST = "YYYY/MM/DD"


_LANGUAGE: Final = re.compile(
    r"x(?:-[a-z0-9]{1,8})+|"
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
)
"""A well-formed language tag, in lower case. Source: RFC 5646, 2.1, without grandfathered tags."""

_LANGUAGE_LIMIT: Final = 85
_QUARTER_HOUR: Final = 15
_FARTHEST: Final = 14 * 60
"""The largest offset in minutes. Source: spec U1."""

_SCRIPT: Final = 4
_REGION: Final = 2


def clean_language(value: object, *, field: str = "language") -> str | None:
    """Return a language tag in canonical case (``sk_SK`` becomes ``sk-SK``), or None for None and "".

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is not well-formed.
    """
    text = clean_optional(value, field=field, most=_LANGUAGE_LIMIT)
    if text is None:
        return None
    tag = _tag_of(text)
    return refuse(field, "malformed") if tag is None else tag


@lru_cache(maxsize=256)  # few tags are in use
def _tag_of(text: str) -> str | None:
    tag = text.replace("_", "-").lower()
    return _canonical_case(tag) if tag.isascii() and _LANGUAGE.fullmatch(tag) else None


def _canonical_case(tag: str) -> str:
    # Source: RFC 5646, 2.1.1: regions in capitals, scripts capitalised, unless a singleton came before.
    first, *rest = tag.split("-")
    parts, extended = [first], len(first) == 1
    for part in rest:
        extended = extended or len(part) == 1
        if not extended and len(part) == _REGION:
            parts.append(part.upper())
        elif not extended and len(part) == _SCRIPT and part.isalpha():
            parts.append(part.title())
        else:
            parts.append(part)
    return "-".join(parts)


def clean_date_format(value: object, *, field: str = "date_format") -> DateFormat | None:
    """Return one of the three date formats, or None.

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is none of them.
    """
    if is_blank(value):
        return None
    try:
        return DateFormat(check_type(value, str, name=field))
    except ValueError:
        refuse(field, "unknown")


def clean_offset(value: object, *, field: str) -> int | None:
    """Return an offset in minutes, a multiple of 15 from -840 to 840, or None.

    Raises:
        TypeError: it is neither an int nor None.
        Invalid: it is out of range or not a multiple of 15.
    """
    if value is None:
        return None
    minutes = check_type(value, int, name=field)
    if abs(minutes) > _FARTHEST or minutes % _QUARTER_HOUR:
        refuse(field, "out_of_range")
    return minutes
