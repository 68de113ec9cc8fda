"""Steps of use-cases that involve tokens: issuing, finding, redeeming and revoking them."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.changes import Change
from usercore.kernel.context import Context
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import Digest, Secret, digest_of, generate_secret, holder_of, read_secret
from usercore.tokens.changes import ACCESS_ISSUED, TOKENS_REVOKED
from usercore.tokens.errors import TokenRedeemed, TokenUnknown
from usercore.tokens.kinds import ACCESS, FORGETTING_DEVICES, REGISTRATION, RevocationReason, TokenKind
from usercore.tokens.model import AccessToken, LimitedUseToken, RegistrationLink, RevokedTokens, SourceAccess
from usercore.tokens.policies import AccessTokenPolicy, LinkPolicy, RevocationPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.remembering import forget_all_devices
from usercore.tokens.rules import (
    check_completable,
    check_redeemable,
    kinds_revoked_by,
    kinds_revoked_since,
    obstacle_to_redeeming,
)

REVOKE_ALL: Final = RevocationPolicy()
"""For events that no policy changes."""


def issue(
    unit: TokensUnit,
    kind: TokenKind,
    user_id: UserId,
    *,
    at: datetime,
    lifetime: timedelta,
    randomness: Randomness,
    valid_from: datetime | None = None,
    max_uses: int | None = None,
    address: str | None = None,
    generation: int | None = None,
) -> Secret:
    """Issue a token of this kind to a user that the unit has locked. Its secret cannot be read again.

    Raises:
        ValueError: tokens of this kind are not redeemed.
    """
    if kind.rules.max_uses is None:
        msg = f"tokens of the kind {kind.name} are not redeemed"
        raise ValueError(msg)
    secret = generate_secret(kind, user_id, randomness)
    token = LimitedUseToken(
        user_id=user_id,
        digest=digest_of(secret),
        kind=kind,
        issued_at=at,
        valid_from=valid_from,
        expires_at=at + lifetime,
        max_uses=max_uses or kind.rules.max_uses,
        address=address,
        generation=generation,
    )
    unit.limited_use_tokens.add(token)
    unit.record(Change(kind=kind.rules.issued, subject_id=user_id, new=token))
    return secret


def get_token(unit: TokensUnit, secret: Secret | str, kind: TokenKind) -> LimitedUseToken:
    """Return the token of this kind with this secret, in any state: one look-up, whether its user exists or not.

    Raises:
        TokenUnknown: there is none.
    """
    read = read_secret(secret, kind)
    token = None if read is None else unit.limited_use_tokens.get(UserId(read[0]), read[1])
    if token is None:
        raise TokenUnknown
    return token


def find_redeemable(unit: TokensUnit, secret: Secret | str, kind: TokenKind, *, now: datetime) -> LimitedUseToken:
    """Return the token of this kind with this secret if it can be redeemed. Writes nothing.

    Raises:
        TokenInvalid: it is unknown, revoked, redeemed, expired or not yet valid; its subclasses say which.
    """
    return check_redeemable(get_token(unit, secret, kind), now=now)


def redeem(unit: TokensUnit, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken:
    """Redeem a token that was found to be redeemable, once. The unit has locked its user.

    Raises:
        TokenInvalid: another unit redeemed or revoked it since it was read; its subclasses say which.
    """
    redeemed = unit.limited_use_tokens.redeem(user_id, digest, at=at)
    if redeemed is None:
        present = unit.limited_use_tokens.get(user_id, digest)
        raise TokenUnknown if present is None else obstacle_to_redeeming(present, now=at) or TokenRedeemed()
    if redeemed.kind.rules.redeemed is not None:
        unit.record(Change(kind=redeemed.kind.rules.redeemed, subject_id=user_id, new=redeemed))
    return redeemed


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
    """Issue an access token to a user that the unit has locked. Its secret cannot be read again."""
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
    note_access(unit, user_id, context, at=at)
    return secret, token


def note_access(unit: TokensUnit, user_id: UserId, context: Context, *, at: datetime) -> None:
    """Store that a user, whom the unit has locked, comes from the source of this context, if it has one."""
    if context.source is not None:
        unit.source_accesses.touch(SourceAccess(user_id=user_id, source=context.source, last_accessed_at=at))


def revoke_all(
    unit: TokensUnit,
    user_id: UserId,
    reason: RevocationReason,
    *,
    at: datetime,
    keep: Digest | None = None,
    policy: RevocationPolicy = REVOKE_ALL,
    since: datetime | None = None,
) -> RevokedTokens:
    """Revoke the tokens of a locked user that this event revokes, except ``keep``, and record their number.

    Of some kinds, an event revokes only the tokens that were issued ``since`` an instant. Some events also forget the
    user's remembered devices, all of them.

    Raises:
        ValueError: the event revokes tokens since an instant, and none is passed.
    """
    recent = kinds_revoked_since(reason)
    if recent and since is None:
        msg = f"{reason} revokes tokens that were issued since an instant: pass it"
        raise ValueError(msg)
    totals = Counter[str]()
    for kinds, start in ((kinds_revoked_by(reason, policy), None), (recent, since)):
        for kind, count in _revoke(unit, user_id, kinds, at=at, keep=keep, since=start).items():
            totals[kind.rules.counted_as or ""] += count
    revoked = RevokedTokens(reason=reason, **totals)
    if any(totals.values()):
        unit.record(Change(kind=TOKENS_REVOKED, subject_id=user_id, new=revoked))
    if reason in FORGETTING_DEVICES:
        forget_all_devices(unit, user_id, reason=reason)
    return revoked


def _revoke(
    unit: TokensUnit,
    user_id: UserId,
    kinds: frozenset[TokenKind],
    *,
    at: datetime,
    keep: Digest | None,
    since: datetime | None,
) -> Mapping[TokenKind, int]:
    limited = kinds - {TokenKind.ACCESS, TokenKind.DEVICE}
    counts = unit.limited_use_tokens.revoke_all(user_id, limited, at=at, since=since) if limited else {}
    if TokenKind.DEVICE in kinds:
        counts = {**counts, TokenKind.DEVICE: unit.access_tokens.unpair_all(user_id, since=since)}  # before revoking
    if TokenKind.ACCESS in kinds:
        return {TokenKind.ACCESS: unit.access_tokens.revoke_all(user_id, at=at, keep=keep, since=since), **counts}
    return counts


def mint_registration_link(unit: TokensUnit, link: RegistrationLink, *, randomness: Randomness) -> Secret:
    """Generate the secret of a locked request and store its digest. An older secret is invalid from now on."""
    secret = generate_secret(REGISTRATION, link.id, randomness)
    unit.registration_links.replace(evolve(link, digest=digest_of(secret)))
    return secret


def find_completable(unit: TokensUnit, secret: Secret | str, *, now: datetime, policy: LinkPolicy) -> RegistrationLink:
    """Return the request that this link completes. Writes nothing.

    Raises:
        TokenInvalid: it is unknown, redeemed, revoked or expired; its subclasses say which.
    """
    link_id = holder_of(secret, REGISTRATION)
    link = None if link_id is None else unit.registration_links.get(link_id)
    if link is None or link.digest != digest_of(secret):
        raise TokenUnknown
    return check_completable(link, now=now, max_refusals=policy.registration_refusals)


def lock_completable(unit: TokensUnit, secret: Secret | str, *, now: datetime, policy: LinkPolicy) -> RegistrationLink:
    """Lock the request that this link completes, and return it.

    Raises:
        TokenInvalid: it is unknown, redeemed, revoked or expired; its subclasses say which.
    """
    link = find_completable(unit, secret, now=now, policy=policy)  # before the lock: a wrong secret locks nothing
    present = unit.registration_links.lock(link.id)
    if present is None or present.digest != link.digest:  # another link was generated meanwhile
        raise TokenUnknown
    return check_completable(present, now=now, max_refusals=policy.registration_refusals)
