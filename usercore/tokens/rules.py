"""When a token opens something. Pure: no clock, no storage."""

from datetime import datetime

from usercore.tokens.errors import TokenExpired, TokenSpent, TokenUnknown
from usercore.tokens.model import AccessToken, AccessTokenPolicy, LoginToken, RegistrationLink


def check_redeemable(token: LoginToken | None, *, now: datetime) -> LoginToken:
    """Give the token back if it may be redeemed at ``now``.

    Raises:
        TokenUnknown: there is none.
        TokenSpent: it was redeemed or ended before.
        TokenExpired: ``now`` is at or past ``expires_at``.
    """
    if token is None:
        raise TokenUnknown
    if token.redeemed_at is not None:
        raise TokenSpent
    if now >= token.expires_at:
        raise TokenExpired(token.expires_at)
    return token


def check_open(token: AccessToken | None, *, now: datetime, policy: AccessTokenPolicy) -> AccessToken:
    """Give the token back if it opens something at ``now``.

    Raises:
        TokenUnknown: there is none.
        TokenSpent: it was ended.
        TokenExpired: it is too old, or was not used for too long.
    """
    if token is None:
        raise TokenUnknown
    if token.revoked_at is not None:
        raise TokenSpent
    if now >= token.expires_at:
        raise TokenExpired(token.expires_at)
    idle_until = token.last_used_at + policy.idle_lifetime
    if now >= idle_until:
        raise TokenExpired(idle_until)
    return token


def check_completable(link: RegistrationLink | None, *, now: datetime) -> RegistrationLink:
    """Give the link back if it may complete a registration at ``now``.

    Raises:
        TokenUnknown: there is none.
        TokenSpent: it was used before.
        TokenExpired: ``now`` is at or past ``expires_at``.
    """
    if link is None:
        raise TokenUnknown
    if link.completed_at is not None:
        raise TokenSpent
    if not is_completable(link, now=now):
        raise TokenExpired(link.expires_at)
    return link


def is_completable(link: RegistrationLink, *, now: datetime) -> bool:
    """Say whether the link may still complete a registration."""
    return link.completed_at is None and now < link.expires_at
