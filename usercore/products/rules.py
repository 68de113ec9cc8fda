"""What a product id and the bounds of a grant may be, and when a grant is valid. Pure."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final

from usercore.kernel.days import clean_day, start_of_day
from usercore.kernel.text import clean_exact, refuse
from usercore.kernel.time import clean_instant, is_instant
from usercore.products.model import ProductGrant

PRODUCT_ID_LIMIT: Final = 255
"""The most characters of a product id. Source: usercore: as the host's other identifiers, spec U8."""

MAX_PRODUCTS: Final = 1000
"""The most products of one call. Source: usercore: as the rows of a page, spec U10."""

Bound = datetime | date
"""An aware instant, or a date, which is the start of that day in the tenant's time zone."""


def clean_product_ids(value: object) -> tuple[str, ...]:
    """Return ids of products, each once, in the order in which they were passed; 1 to 1000.

    Raises:
        TypeError: it is not a collection of texts; a text is none.
        Invalid: one of them is invalid, or there are none or too many.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
        msg = f"product_ids must be a collection of texts, not {type(value).__name__}"
        raise TypeError(msg)
    if not 1 <= len(value) <= MAX_PRODUCTS:
        refuse("product_ids", "count")
    return tuple(dict.fromkeys(clean_exact(one, field="product_ids", most=PRODUCT_ID_LIMIT) for one in value))


def clean_bound(value: object, *, field: str) -> Bound | None:
    """Return the bound of a grant, or None.

    Raises:
        TypeError: it is neither a datetime nor a date nor None.
        Invalid: it has no zone, or lies outside 1900 to 2242.
    """
    if value is None or is_instant(value):
        return None if value is None else clean_instant(value, field=field)
    return clean_day(value, field=field)


def instant_of(bound: Bound, *, time_zone: str, field: str) -> datetime:
    """Return the instant of a bound, for a tenant in this time zone.

    Raises:
        Invalid: a day lies at the edge of 1900 to 2242, and begins outside.
    """
    return bound if is_instant(bound) else start_of_day(bound, time_zone, field=field)


def check_window(valid_from: datetime, valid_until: datetime | None) -> None:
    """Refuse a grant that would never be valid.

    Raises:
        Invalid: it ends when it begins, or before.
    """
    if valid_until is not None and valid_until <= valid_from:
        refuse("until", "out_of_range")


def is_valid(grant: ProductGrant, at: datetime) -> bool:
    """Return whether a grant is valid at this instant."""
    return grant.valid_from <= at and (grant.valid_until is None or at < grant.valid_until)


def covers(grant: ProductGrant, valid_from: datetime, valid_until: datetime | None) -> bool:
    """Return whether a grant is valid at least as long as one with these bounds would be."""
    if grant.valid_from > valid_from:
        return False
    return grant.valid_until is None or (valid_until is not None and valid_until <= grant.valid_until)
