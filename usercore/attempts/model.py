"""Attempts to sign in and to register. They are not changes: history does not show them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from usercore.kernel.bounds import span, whole
from usercore.kernel.domains import domains
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen

LOGIN_LIMIT: Final = 254
"""Characters of a login that are stored, as it was typed. Source: spec S6."""


class AttemptStatus(StrEnum):
    """The outcome of an attempt to sign in. Source: spec S6."""

    OK = "ok"
    API_OK = "api_ok"
    LOGIN_TOKEN_OK = "login_token_ok"  # noqa: S105 - a status, not a password
    TOKEN_OK = "token_ok"  # noqa: S105 - a status, not a password
    """Signed in by an autologin token."""
    ACCESS_TOKEN_OK = "access_token_ok"  # noqa: S105 - a status, not a password
    LOGIN_AFTER_SIGN_UP = "login_after_sign_up"
    NOT_FOUND = "not_found"
    UNCLAIMED_USER = "unclaimed_user"
    WRONG_PASS = "wrong_pass"  # noqa: S105 - a status, not a password
    INACTIVE_USER = "inactive_user"
    TOKEN_DATE_EXPIRED = "token_date_expired"  # noqa: S105 - a status, not a password
    TOKEN_NOT_FOUND = "token_not_found"  # noqa: S105 - a status, not a password
    TOKEN_COUNT_EXPIRED = "token_count_expired"  # noqa: S105 - a status, not a password
    DEVICE_TOKEN_NOT_FOUND = "device_token_not_found"  # noqa: S105 - a status, not a password
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    REFUSED = "refused"
    AUTHENTICATOR_FAILED = "authenticator_failed"
    PASSKEY_OK = "passkey_ok"
    PASSKEY_WRONG = "passkey_wrong"
    PASSKEY_COUNTER = "passkey_counter"
    """The counter of the passkey did not go forward, so that a copy of it may be in use. Source: spec F6."""

    SECOND_FACTOR_REQUIRED = "second_factor_required"
    SECOND_FACTOR_WRONG = "second_factor_wrong"
    GARBAGE = "garbage"

    @property
    def is_ok(self) -> bool:
        """Whether the attempt signed a user in."""
        return self in _OK


_OK: Final = frozenset(
    {
        AttemptStatus.OK,
        AttemptStatus.API_OK,
        AttemptStatus.LOGIN_TOKEN_OK,
        AttemptStatus.TOKEN_OK,
        AttemptStatus.ACCESS_TOKEN_OK,
        AttemptStatus.LOGIN_AFTER_SIGN_UP,
        AttemptStatus.PASSKEY_OK,
    }
)


class RegistrationStatus(StrEnum):
    """The outcome of an attempt to register. Source: spec R1."""

    OK = "ok"
    INVALID_EMAIL = "invalid_email"
    INVALID = "invalid"
    TAKEN_EMAIL = "taken_email"
    TAKEN_USERNAME = "taken_username"
    TAKEN_EXTERNAL_ID = "taken_external_id"
    DEVICE_TOKEN_NOT_FOUND = "device_token_not_found"  # noqa: S105 - a status, not a password
    RATE_LIMITED = "rate_limited"
    VETOED = "vetoed"


@entity
class Attempt:
    """An attempt to sign in.

    ``user_id`` is None if no user was found; ``login`` is the start of the login as it was typed. ``ip`` of a row of
    several attempts may be an IPv6 network, such as ``2001:db8::/64``: its addresses count as one.
    """

    user_id: UserId | None
    id: int
    tenant_id: TenantId
    login: str | None
    status: AttemptStatus
    authenticator: str | None
    source: str | None
    ip: str | None
    user_agent: str | None
    at: datetime
    count: int = 1
    """The number of attempts in this row: more than one for secrets that do not exist (``garbage``)."""


@entity
class RegistrationAttempt:
    """An attempt to register. ``user_id`` is the new user, the one that has the identifier already, or None."""

    user_id: UserId | None
    id: int
    tenant_id: TenantId
    login: str | None
    status: RegistrationStatus
    source: str | None
    ip: str | None
    user_agent: str | None
    at: datetime


@entity
class UserAgent:
    """A user agent that attempts and access tokens name. No row that names it is in use after ``used_until``."""

    text: str
    used_until: datetime


@frozen(kw_only=True)
class RegistrationPolicy:
    """How often an address and an email may be used to register. Source: spec R1.

    Calls by an API token are not limited by their address.
    """

    per_ip: int = whole(20, least=1, most=10**9, unit="registrations")
    per_ip_window: timedelta = span(timedelta(hours=1), least=timedelta(0))
    per_email_pause: timedelta = span(timedelta(seconds=5), least=timedelta(0))
    per_email: int = whole(5, least=1, most=10**9, unit="registrations")
    per_email_window: timedelta = span(timedelta(days=1), least=timedelta(0))
    """A window or pause of zero disables its limit."""

    blocked_domains: frozenset[str] = domains()
    """Domains in any case; emails on them and on their subdomains are refused unless ``validate_email`` is off."""


ROWS: Final = (
    Rows(
        entity=Attempt,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="attempts",
        personal="login ip user_agent",
        plain="user_id id tenant_id status authenticator source at count",
    ),
    Rows(
        entity=RegistrationAttempt,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="registration_attempts",
        personal="login ip user_agent",
        plain="user_id id tenant_id status source at",
    ),
    Rows(entity=UserAgent, erasure=Erasure.REMOVES_UNUSED, personal="text", plain="used_until"),
)
