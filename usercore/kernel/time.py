"""Instants: aware UTC in the domain, whole microseconds since 1970 in storages, intervals half-open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeGuard

from usercore.kernel.text import refuse

Clock = Callable[[], datetime]
"""Returns the present instant in UTC. Code that needs the time is passed a clock."""

# Tools that freeze time replace ``datetime`` by a subclass, also in this module, perhaps before it is loaded.
EPOCH: Final[datetime] = next(kind for kind in datetime.__mro__ if kind.__module__ == "datetime")(
    1970, 1, 1, tzinfo=UTC
)
FIRST: Final = EPOCH.replace(year=1900)
LAST: Final = EPOCH.replace(year=2242)
"""The range of instants that a float of seconds represents exactly: measured, not computed."""

_from_timestamp: Final = type(EPOCH).fromtimestamp


MICROSECOND: Final = timedelta(microseconds=1)
"""The unit in which storages store instants."""


def system_clock() -> datetime:
    """Return the time of the computer's clock."""
    return datetime.now(UTC)


def is_instant(value: object) -> TypeGuard[datetime]:
    """Return whether ``value`` is a datetime, also while a tool that freezes time replaces that class."""
    return isinstance(value, type(EPOCH))


def plain_clock(clock: Clock) -> Clock:
    """Return a clock that reads ``clock`` as a plain datetime in UTC."""

    def read() -> datetime:
        now = clock()
        if type(now) is type(EPOCH) and now.tzinfo is UTC:
            return now
        return check_instant(now, name="what the clock returns")

    return read


def to_micros(at: datetime) -> int:
    """Return microseconds since 1970, computed without a float."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """Return the instant; exact from 1900 to 2242."""
    return _from_timestamp(micros / 1e6, UTC)


def check_instant(value: object, *, name: str) -> datetime:
    """Return ``value`` as a plain datetime in UTC, of whole microseconds; a subclass becomes plain.

    Raises:
        TypeError: it is not a datetime.
        ValueError: it has no zone, or lies outside 1900 to 2242.
    """
    if not is_instant(value):
        msg = f"{name} must be a datetime, not {type(value).__name__}"
        raise TypeError(msg)
    offset = value.utcoffset()
    if offset is None:
        msg = f"{name} must be aware: it has no time zone"
        raise ValueError(msg)
    instant = _in_utc(value, offset)
    if instant is None or not FIRST <= instant < LAST:
        msg = f"{name} must lie between 1900 and 2242"
        raise ValueError(msg)
    return instant


def clean_instant(value: object, *, field: str) -> datetime:
    """Return an instant that a caller passed, as ``check_instant`` does.

    Raises:
        TypeError: it is not a datetime.
        Invalid: it has no zone, or lies outside 1900 to 2242.
    """
    if is_instant(value) and value.utcoffset() is None:
        refuse(field, "no_zone")
    try:
        return check_instant(value, name=field)
    except ValueError:
        refuse(field, "out_of_range")


def _in_utc(value: datetime, offset: timedelta) -> datetime | None:
    local = EPOCH.replace(
        year=value.year,
        month=value.month,
        day=value.day,
        hour=value.hour,
        minute=value.minute,
        second=value.second,
        microsecond=value.microsecond,
    )
    try:
        return local - offset
    except OverflowError:
        return None
