"""Days: dates of the calendar, which begin and end in the zone of a tenant."""

from datetime import date, datetime
from typing import Final, TypeGuard

from usercore.kernel.text import check_type, refuse
from usercore.kernel.time import EPOCH, FIRST, LAST, clean_instant, is_instant

_plain_date: Final = type(EPOCH.date())


def is_date(value: object) -> TypeGuard[date]:
    """Return whether ``value`` is a date or an instant, also while a tool that freezes time replaces these classes."""
    return isinstance(value, _plain_date)


def day_in(zone: str, at: datetime) -> date:
    """Return which day it is at an instant in an IANA time zone."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only few calls need it

    return at.astimezone(ZoneInfo(zone)).date()


def clean_day(value: object, *, field: str) -> date:
    """Return a date that a caller passed; a subclass becomes plain.

    Raises:
        TypeError: it is not a date, or it is an instant, which belongs to several days.
        Invalid: it lies outside 1900 to 2242.
    """
    if is_instant(value):
        msg = f"{field} must be a date, not an instant, which is on different days in different zones"
        raise TypeError(msg)
    day = check_type(value, _plain_date, name=field)
    if not FIRST.year <= day.year < LAST.year:
        refuse(field, "out_of_range")
    return _plain_date(day.year, day.month, day.day)


def start_of_day(day: date, zone: str, *, field: str) -> datetime:
    """Return the first instant of a day in an IANA time zone; if the zone left the day out, that of the next one.

    Raises:
        Invalid: it lies outside 1900 to 2242.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - as above

    # Where there is no midnight this is the instant of the change; where there are two, the first.
    midnight = EPOCH.replace(year=day.year, month=day.month, day=day.day, tzinfo=ZoneInfo(zone))
    return clean_instant(midnight, field=field)
