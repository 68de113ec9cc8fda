"""Counters of failures and rate limits. Neither is a change: history does not show them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from usercore.kernel.bounds import check_order, span, whole
from usercore.kernel.entity import entity
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen


class CounterKind(StrEnum):
    """What a counter counts the failures of."""

    ACCOUNT = "account"
    """A user."""
    SECOND_FACTOR = "second_factor"
    """The codes of a user's second factors."""
    LOGIN = "login"
    """A login that no user has."""
    ADDRESS = "address"
    """An IPv4 address, or a block of IPv6 addresses."""


KINDS_OF_USERS: Final = frozenset({CounterKind.ACCOUNT, CounterKind.SECOND_FACTOR})
"""The counters of existing users, which stay until they are reset. Source: spec S7."""


@entity
class FailureCounter:
    """Failed sign-ins of one account, login or address, under a key that does not reveal which.

    A try may be counted before its outcome is known; a success resets the counter up to that try's own ordinal, so
    that tries that were counted later stay. ``since`` is the first failure of the present row of failures.
    """

    key: bytes = attrs.field(repr=False)
    kind: CounterKind
    tries: int
    reset_up_to: int = 0
    wrong_passwords: int = 0
    since: datetime
    last_at: datetime

    @property
    def failures(self) -> int:
        """Failures since the last reset."""
        return self.tries - self.reset_up_to


@frozen
class CountingRule:
    """How one more failure changes a counter, as instants that are relative to the failure.

    A last failure at or before ``forgotten_before`` is forgotten: the row of failures starts anew. So it does if it
    started at or before ``window_before`` and has fewer than ``window_threshold`` failures. A last failure after
    ``set_back_after`` was counted before the clock was set back; it is forgotten, too, and its instant is replaced.
    """

    forgotten_before: datetime
    set_back_after: datetime
    window_before: datetime
    window_threshold: int = 0


@entity
class RateLimitWindow:
    """How often something was done since ``started_at``, under a key that does not reveal what."""

    key: bytes = attrs.field(repr=False)
    started_at: datetime
    used: int


@frozen(kw_only=True)
class ThrottlePolicy:
    """When the next attempt to sign in may come. Source: spec S7."""

    failures_before_wait: int = whole(10, least=1, most=1_000_000, unit="failures")
    """Failures in a row of one account or login that are followed by a wait."""

    address_failures_before_wait: int = whole(100, least=1, most=1_000_000, unit="failures")
    """Failures from one address within ``address_window`` that are followed by a wait: many people may share one."""

    address_window: timedelta = span(timedelta(hours=1), least=timedelta(minutes=1), most=timedelta(days=30))
    first_wait: timedelta = span(timedelta(seconds=10), least=timedelta(seconds=1), most=timedelta(days=1))
    max_wait: timedelta = span(timedelta(minutes=15), least=timedelta(seconds=1), most=timedelta(days=30))
    """A wait doubles with each further failure, from the first to the longest."""

    failures_before_void: int = whole(100, least=1, most=1_000_000, unit="wrong passwords")
    """Wrong passwords in a row; then the password is void until it is reset. Source: NIST SP 800-63B-4, 3.2.2."""

    forgotten_after: timedelta = span(timedelta(days=1), least=timedelta(minutes=1))
    """Failures start no wait after this time without another. Source: spec K8."""

    ipv6_prefix: int = whole(64, least=1, most=128, unit="bits")
    """IPv6 addresses with the same first bits count as one, here and for registrations. Source: spec S7."""

    def __attrs_post_init__(self) -> None:
        """Check how the numbers fit together.

        Raises:
            ValueError: the first wait is longer than the longest one, failures are forgotten before the longest one is
                over, or the password is void before there is a wait.
        """
        check_order(self, "first_wait", "max_wait")
        check_order(self, "max_wait", "forgotten_after")
        check_order(self, "failures_before_wait", "failures_before_void")


ROWS: Final = (
    Rows(
        entity=FailureCounter,
        erasure=Erasure.REMOVES_BY_KEY,
        secret="key",  # noqa: S106 - the name of a column
        plain="kind tries reset_up_to wrong_passwords since last_at",
    ),
    Rows(
        entity=RateLimitWindow,
        erasure=Erasure.REMOVES_BY_KEY,
        secret="key",  # noqa: S106 - as above
        plain="started_at used",
    ),
)
