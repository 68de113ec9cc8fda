"""When the next try may come, and the keys that hide whose tries are counted. Pure."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from usercore.attempts.model import (
    LOGIN_LIMIT,
    Attempt,
    AttemptStatus,
    FailureCounter,
    RateLimitWindow,
    RegistrationAttempt,
    RegistrationStatus,
    ThrottlePolicy,
)
from usercore.kernel.context import Context, printable_prefix
from usercore.kernel.ids import UserId
from usercore.kernel.secret import SecretBytes, secret_bytes_of


def key_of(secret: SecretBytes | bytes, *parts: str | int) -> bytes:
    """Give the key under which something is counted: an HMAC, so that a reader of the storage learns no name."""
    return hmac.digest(secret_bytes_of(secret).reveal(), "\0".join(map(str, parts)).encode(), sha256)


def block_of(ip: str, *, ipv6_prefix: int) -> str:
    """Give the block of addresses that counts as one: IPv4 alone, IPv6 by its prefix."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, ipv6_prefix), strict=False))
    return str(address)


def failures_of(throttle: FailureCounter | None, *, now: datetime, policy: ThrottlePolicy) -> int:
    """Give the failures in a row that still count."""
    if throttle is None:
        return 0
    failures = throttle.failures
    is_void = failures >= policy.failures_before_void
    is_old = now - throttle.last_at >= policy.forgotten_after
    return 0 if is_old and not is_void else failures


def is_void(throttle: FailureCounter | None, *, policy: ThrottlePolicy) -> bool:
    """Say whether so many failures in a row voided the password until it is reset."""
    return throttle is not None and throttle.failures >= policy.failures_before_void


def next_wait(failures: int, policy: ThrottlePolicy) -> timedelta:
    """Give how long to wait after this many failures in a row: none, then doubling up to the longest."""
    beyond = failures - policy.failures_before_wait
    if beyond < 0:
        return timedelta(0)
    doubled: int = 2 ** min(beyond, 32)  # far above the longest wait, far below what a timedelta can hold
    return min(policy.first_wait * doubled, policy.longest_wait)


def locked_until(throttle: FailureCounter | None, *, now: datetime, policy: ThrottlePolicy) -> datetime | None:
    """Give the end of the wait that ``now`` lies in, or None. The last failure starts it; refusals prolong nothing."""
    if throttle is None:
        return None
    until = throttle.last_at + next_wait(failures_of(throttle, now=now, policy=policy), policy)
    return until if now < until else None


def left_of(allowance: RateLimitWindow, *, most: int, window: timedelta, now: datetime) -> timedelta | None:
    """Give how long to wait until the window ends, if it was used more than ``most`` times; else None."""
    return allowance.started_at + window - now if allowance.used > most else None


def login_of(typed: str | None) -> str | None:
    """Give what is kept of a login as typed: its first 254 characters, fit to be kept."""
    return None if typed is None else printable_prefix(typed, 4 * LOGIN_LIMIT)[:LOGIN_LIMIT]


def attempt_of(
    context: Context,
    status: AttemptStatus,
    *,
    number: int,
    user_id: UserId | None,
    login: str | None,
    way: str | None,
    at: datetime,
) -> Attempt:
    """Make the record of a try to sign in."""
    return Attempt(
        user_id=user_id,
        id=number,
        tenant_id=context.tenant_id,
        login=login_of(login),
        status=status,
        authenticator=way,
        source=context.source,
        ip=context.ip,
        user_agent=context.user_agent,
        at=at,
    )


def registration_attempt_of(
    context: Context,
    status: RegistrationStatus,
    *,
    number: int,
    user_id: UserId | None,
    login: str | None,
    at: datetime,
) -> RegistrationAttempt:
    """Make the record of a try to register."""
    return RegistrationAttempt(
        user_id=user_id,
        id=number,
        tenant_id=context.tenant_id,
        login=login_of(login),
        status=status,
        source=context.source,
        ip=context.ip,
        user_agent=context.user_agent,
        at=at,
    )


def api_status(status: AttemptStatus, source: str | None) -> AttemptStatus:
    """Tell sign-ins through an API apart, by their source. Source: spec S6; REMP CRM."""
    is_api = source is not None and (source == "api" or source.startswith("api+"))
    return AttemptStatus.API_OK if is_api and status is AttemptStatus.OK else status
