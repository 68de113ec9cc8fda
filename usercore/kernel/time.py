"""Instants: aware UTC in the domain, whole microseconds since 1970 in storages, intervals half-open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]
"""Gives the present instant in UTC. Everything that needs time is handed one."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2242, 1, 1, tzinfo=UTC)
"""The instants that survive the way through a float of seconds exactly: measured, not computed."""


MICROSECOND: Final = timedelta(microseconds=1)
"""What storages count in."""


def system_clock() -> datetime:
    """Read the computer's clock."""
    return datetime.now(UTC)


def to_micros(at: datetime) -> int:
    """Give microseconds since 1970 without passing through a float."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """Give the instant; exact from 1900 to 2242."""
    return datetime.fromtimestamp(micros / 1e6, UTC)


def check_instant(value: object, *, name: str) -> datetime:
    """Give ``value`` in UTC.

    Raises:
        TypeError: it is not a datetime.
        ValueError: it has no zone, or lies outside 1900 to 2242.
    """
    if not isinstance(value, datetime):
        msg = f"{name} must be a datetime, not {type(value).__name__}"
        raise TypeError(msg)
    if value.utcoffset() is None:
        msg = f"{name} must be aware: it has no time zone"
        raise ValueError(msg)
    if not FIRST <= value < LAST:
        msg = f"{name} must lie between 1900 and 2242"
        raise ValueError(msg)
    return value.astimezone(UTC)
