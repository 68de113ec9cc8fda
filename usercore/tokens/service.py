"""The steps of tokens that workflows take: finding, spending, issuing, ending."""

from datetime import datetime

from usercore.kernel.changes import Change
from usercore.kernel.context import Context
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import Digest, Secret, digest_of, generate_secret, holder_of, read_secret
from usercore.tokens.errors import TokenSpent, TokenUnknown
from usercore.tokens.model import (
    ACCESS,
    ACCESS_ISSUED,
    LOGIN,
    LOGIN_REDEEMED,
    REGISTRATION,
    TOKENS_REVOKED,
    AccessToken,
    AccessTokenPolicy,
    LoginToken,
    RegistrationLink,
    RevokedTokens,
)
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import check_completable, check_redeemable


def find_redeemable(unit: TokensUnit, secret: Secret | str, *, now: datetime) -> LoginToken:
    """Look up the login token with this secret and check it. Writes nothing.

    Raises:
        TokenInvalid: it is unknown, spent or expired; its subclasses say which.
    """
    read = read_secret(secret, LOGIN)
    if read is None:
        raise TokenUnknown  # no look-up for what cannot be a secret
    return check_redeemable(unit.login_tokens.get(UserId(read[0]), read[1]), now=now)


def redeem(unit: TokensUnit, user_id: UserId, secret: Secret | str, *, at: datetime) -> None:
    """Redeem the token of a locked user that was found redeemable.

    Raises:
        TokenSpent: another unit redeemed or revoked it since it was read.
    """
    redeemed = unit.login_tokens.redeem(user_id, digest_of(secret), at=at)
    if redeemed is None:
        raise TokenSpent
    unit.record(Change(kind=LOGIN_REDEEMED, subject_id=user_id, new=redeemed))


def issue_access_token(
    unit: TokensUnit,
    user_id: UserId,
    *,
    authenticator: str,
    at: datetime,
    randomness: Randomness,
    context: Context,
    policy: AccessTokenPolicy,
) -> tuple[Secret, AccessToken]:
    """Issue an access token to a guarded user; its secret cannot be read again."""
    secret = generate_secret(ACCESS, user_id, randomness)
    token = AccessToken(
        user_id=user_id,
        digest=digest_of(secret),
        authenticator=authenticator,
        source=context.source,
        ip=context.ip,
        user_agent=context.user_agent,
        issued_at=at,
        last_used_at=at,
        expires_at=at + policy.lifetime,
    )
    unit.access_tokens.add(token)
    unit.record(Change(kind=ACCESS_ISSUED, subject_id=user_id, new=token))
    return secret, token


def revoke_tokens(
    unit: TokensUnit, user_id: UserId, *, at: datetime, reason: str, access: bool, keep: Digest | None = None
) -> RevokedTokens:
    """End a guarded user's login tokens and, if asked, access tokens, but for one; say so if there were any."""
    revoked = RevokedTokens(
        access=unit.access_tokens.revoke_all(user_id, at=at, keep=keep) if access else 0,
        login=unit.login_tokens.revoke_all(user_id, at=at),
        reason=reason,
    )
    if revoked.access or revoked.login:
        unit.record(Change(kind=TOKENS_REVOKED, subject_id=user_id, new=revoked))
    return revoked


def mint_registration_link(unit: TokensUnit, link: RegistrationLink, *, randomness: Randomness) -> Secret:
    """Draw the secret of a guarded request and keep its digest; an older secret is worthless from now on."""
    secret = generate_secret(REGISTRATION, link.id, randomness)
    unit.registration_links.replace(evolve(link, digest=digest_of(secret)))
    return secret


def find_completable(unit: TokensUnit, secret: Secret | str, *, now: datetime) -> RegistrationLink:
    """Look up the request that this link completes, and check it. Writes nothing.

    Raises:
        TokenInvalid: it is unknown, used or expired; its subclasses say which.
    """
    link_id = holder_of(secret, REGISTRATION)
    link = None if link_id is None else unit.registration_links.get(link_id)
    if link is None or link.digest != digest_of(secret):
        raise TokenUnknown
    return check_completable(link, now=now)


def lock_completable(unit: TokensUnit, secret: Secret | str, *, now: datetime) -> RegistrationLink:
    """Look up the request that this link completes, lock it, and check it as it is now.

    Raises:
        TokenInvalid: it is unknown, used or expired; its subclasses say which.
    """
    link = find_completable(unit, secret, now=now)  # a wrong secret locks nobody
    present = unit.registration_links.lock(link.id)
    if present is None or present.digest != link.digest:  # minted anew meanwhile
        raise TokenUnknown
    return check_completable(present, now=now)
