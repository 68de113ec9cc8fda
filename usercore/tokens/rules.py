"""When a token is valid, and which event revokes which kinds. Pure: no clock, no storage."""

from datetime import datetime, timedelta

from usercore.tokens.errors import (
    TokenExpired,
    TokenInvalid,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)
from usercore.tokens.kinds import RevocationReason, TokenKind
from usercore.tokens.model import AccessToken, LimitedUseToken, RegistrationLink, RememberedDevice
from usercore.tokens.policies import AccessTokenPolicy, RevocationPolicy


def kinds_revoked_by(reason: RevocationReason, policy: RevocationPolicy) -> frozenset[TokenKind]:
    """Return the kinds of tokens that an event revokes. Source: spec K9."""
    keeps = {
        RevocationReason.PASSWORD_CHANGED: policy.keep_at_password_change,
        RevocationReason.DEACTIVATED: policy.keep_at_deactivation,
    }
    if keeps.get(reason):
        return frozenset()
    return frozenset(kind for kind in TokenKind if reason in kind.rules.revoked_by)


def kinds_revoked_since(reason: RevocationReason) -> frozenset[TokenKind]:
    """Return the kinds of which an event revokes only the tokens issued since an instant. Source: spec K9."""
    return frozenset(kind for kind in TokenKind if reason in kind.rules.revoked_since)


def obstacle_to_redeeming(token: LimitedUseToken, *, now: datetime) -> TokenInvalid | None:
    """Return why a token cannot be redeemed at ``now``, or None if it can."""
    if token.revoked_at is not None:
        return TokenRevoked()
    if token.uses >= token.max_uses:
        return TokenRedeemed()
    if token.valid_from is not None and now < token.valid_from:
        return TokenNotYetValid(token.valid_from)
    return TokenExpired(token.expires_at) if now >= token.expires_at else None


def check_redeemable(token: LimitedUseToken | None, *, now: datetime) -> LimitedUseToken:
    """Return the token if it can be redeemed at ``now``.

    Raises:
        TokenUnknown: it is None.
        TokenRevoked: it was revoked.
        TokenRedeemed: it was redeemed as often as it can be.
        TokenNotYetValid: ``now`` is before ``valid_from``.
        TokenExpired: ``now`` is at or past ``expires_at``.
    """
    if token is None:
        raise TokenUnknown
    obstacle = obstacle_to_redeeming(token, now=now)
    if obstacle is not None:
        raise obstacle
    return token


def check_open(token: AccessToken | None, *, now: datetime, policy: AccessTokenPolicy) -> AccessToken:
    """Return the token if it is valid at ``now``.

    Raises:
        TokenUnknown: it is None.
        TokenRevoked: it was revoked.
        TokenExpired: its lifetime is over, or it was not used for too long.
    """
    if token is None:
        raise TokenUnknown
    if token.revoked_at is not None:
        raise TokenRevoked
    if now >= token.expires_at:
        raise TokenExpired(token.expires_at)
    idle_until = token.last_used_at + policy.idle_lifetime
    if now >= idle_until:
        raise TokenExpired(idle_until)
    return token


def is_remembered(device: RememberedDevice | None, *, now: datetime, lifetime: timedelta) -> bool:
    """Return whether no second factor is asked for on a device at ``now``. A clock that was set back ends it."""
    return device is not None and timedelta(0) <= now - device.remembered_at < lifetime


def check_completable(link: RegistrationLink | None, *, now: datetime, max_refusals: int) -> RegistrationLink:
    """Return the link if it can complete a registration at ``now``.

    Raises:
        TokenUnknown: it is None.
        TokenRedeemed: it completed one already.
        TokenRevoked: completing it was refused ``max_refusals`` times.
        TokenExpired: ``now`` is at or past ``expires_at``.
    """
    if link is None:
        raise TokenUnknown
    if link.completed_at is not None:
        raise TokenRedeemed
    if link.refusals >= max_refusals:
        raise TokenRevoked
    if not is_completable(link, now=now):
        raise TokenExpired(link.expires_at)
    return link


def is_completable(link: RegistrationLink, *, now: datetime) -> bool:
    """Return whether the link has neither completed a registration nor expired."""
    return link.completed_at is None and now < link.expires_at
