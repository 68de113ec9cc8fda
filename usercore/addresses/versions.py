"""Which version of an address holds on a day, and how a change replaces it from a day on. Pure.

The versions of an address follow one another without a gap, from the day on which it was added.
"""

from collections.abc import Iterable
from datetime import date, datetime

from usercore.addresses.model import FIELDS, AddressValues, AddressVersion
from usercore.kernel.entity import evolve


def version_on(versions: Iterable[AddressVersion], day: date) -> AddressVersion | None:
    """Return the version that holds on this day, or None before the first one. Ends are not included."""
    return next((one for one in versions if one.valid_from <= day and _is_open(one, day)), None)


def _is_open(version: AddressVersion, day: date) -> bool:
    return version.valid_until is None or day < version.valid_until


def first_day(versions: Iterable[AddressVersion], *, today: date, wanted: date | None = None) -> date:
    """Return the first day on which a change can hold: the wanted one, but not before today.

    Today may be before the first version if the tenant's zone or the clock was changed; then it is the first day of
    that version.
    """
    first = min((version.valid_from for version in versions), default=today)
    return max(first, today, wanted or today)


def replaced(
    held: AddressVersion, values: AddressValues, *, day: date, version_id: int, at: datetime, by: str
) -> tuple[AddressVersion, AddressVersion]:
    """Return the version that holds on ``day``, now ending there, and the new one, which takes the rest of its time."""
    new = AddressVersion(
        user_id=held.user_id,
        id=version_id,
        tenant_id=held.tenant_id,
        address_id=held.address_id,
        type=held.type,
        valid_from=day,
        valid_until=held.valid_until,
        created_at=at,
        created_by=by,
        **{field: getattr(values, field) for field in FIELDS},
    )
    return evolve(held, valid_until=day), new
