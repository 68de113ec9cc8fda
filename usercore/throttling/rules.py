"""When the next attempt may come. Pure."""

from datetime import datetime, timedelta
from typing import Final

from usercore.throttling.model import CounterKind, CountingRule, FailureCounter, RateLimitWindow, ThrottlePolicy

MOST_DOUBLINGS: Final = 32
"""Far above any longest wait, far below what a timedelta can hold."""


def counting_rule(kind: CounterKind, *, now: datetime, policy: ThrottlePolicy) -> CountingRule:
    """Return how a failure at ``now`` changes a counter of this kind."""
    is_address = kind is CounterKind.ADDRESS
    return CountingRule(
        forgotten_before=now - policy.forgotten_after,
        set_back_after=now + policy.max_wait,
        window_before=now - policy.address_window,
        window_threshold=policy.address_failures_before_wait if is_address else 0,
    )


def failures_of(counter: FailureCounter | None, *, now: datetime, policy: ThrottlePolicy) -> int:
    """Return the failures in a row that still count at ``now``; none if the clock was set back since."""
    if counter is None or now - counter.last_at >= policy.forgotten_after:
        return 0
    return 0 if counter.last_at - now > policy.max_wait else counter.failures


def next_wait(failures: int, kind: CounterKind, policy: ThrottlePolicy) -> timedelta:
    """Return how long to wait after this many failures: nothing, then doubling up to the longest wait.

    So many failures of an account as make a password void are followed by the longest wait, as some passwords never
    become void. A login that no user has waits alike, so waits do not reveal which logins exist.
    """
    is_address = kind is CounterKind.ADDRESS
    free = policy.address_failures_before_wait if is_address else policy.failures_before_wait
    beyond = failures - free
    if beyond < 0:
        return timedelta(0)
    if not is_address and failures >= policy.failures_before_void:
        return policy.max_wait
    doubled: int = 2 ** min(beyond, MOST_DOUBLINGS)
    return min(policy.first_wait * doubled, policy.max_wait)


def locked_until(counter: FailureCounter | None, *, now: datetime, policy: ThrottlePolicy) -> datetime | None:
    """Return the end of the wait that ``now`` lies in, at most the longest wait away, or None.

    The last failure starts a wait; attempts that are refused meanwhile do not prolong it. A counter whose wait would
    end later was written before the clock was set back, and locks nothing.
    """
    if counter is None:
        return None
    failures = failures_of(counter, now=now, policy=policy)
    until = counter.last_at + next_wait(failures, counter.kind, policy)
    return until if now < until <= now + policy.max_wait else None


def is_void(counter: FailureCounter | None, *, policy: ThrottlePolicy) -> bool:
    """Return whether there were so many wrong passwords in a row that the password is void until it is reset."""
    return counter is not None and counter.wrong_passwords >= policy.failures_before_void


def time_left(used: RateLimitWindow, *, most: int, window: timedelta, now: datetime) -> timedelta | None:
    """Return how long to wait until the window ends, if it was used more than ``most`` times; else None."""
    return used.started_at + window - now if used.used > most else None


def time_until_free(present: RateLimitWindow, *, most: int, window: timedelta, now: datetime) -> timedelta | None:
    """Return how long to wait until another use is allowed, or None if it is now: what ``use`` would lead to."""
    is_open = present.started_at + window > now and present.started_at - now <= window
    return present.started_at + window - now if is_open and present.used >= most else None
