"""Statistics as they are returned, and their policy."""

from datetime import date, timedelta
from typing import Final

from usercore.kernel.bounds import span
from usercore.kernel.entity import entity
from usercore.kernel.values import frozen

DAYS_SHOWN: Final = 31
"""Days of ``RegistrationFigures.by_day``, today included. Source: spec X7."""

MOST_DAYS: Final = 366
"""The most days of one call of ``statistics.registrations``. Source: usercore: a leap year."""


@frozen(kw_only=True)
class StatisticsPolicy:
    """When a day is counted for good."""

    closes_after: timedelta = span(timedelta(hours=1), least=timedelta(minutes=1))
    """How long after its end a day is closed: longer than any unit runs and than clocks of processes differ. Source:
    usercore."""


@entity
class DayCount:
    """How many users registered on a day in the tenant's time zone."""

    day: date
    count: int


@entity
class RegistrationFigures:
    """How many users registered, in periods of the tenant's time zone.

    ``last_month_to_date`` ends at the same time of the same day of last month, or at the end of that month if it has no
    such day. ``by_day`` has the last 31 days, today included, in ascending order.
    """

    today: int
    yesterday: int
    this_month: int
    last_month: int
    last_month_to_date: int
    by_day: tuple[DayCount, ...]
    active: int


@entity
class HashCount:
    """How many passwords of an age are hashed in a format.

    ``format`` is what precedes the salt in usercore's own hashes, such as ``$argon2id$v=19$m=19456,t=2,p=1``, and the
    beginning by which an imported hash is recognised, such as ``pbkdf2_sha256$``; ``unknown`` cannot be verified.
    ``pepper_id`` names the pepper that the hashes also depend on, or is None. ``years`` are the full years of 365 days
    since the passwords were set; a rehash makes no password younger.
    """

    format: str
    pepper_id: str | None
    years: int
    count: int
