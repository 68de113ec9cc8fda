"""A token opens something in a half-open interval, to the microsecond, and says why it does not."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.testing import NOON, TICK
from usercore.testing.samples import ANN, BOB, a_limited_use_token, a_registration_link, an_access_token
from usercore.testing.strategies import access_tokens, ids, instants, limited_use_tokens, registration_links
from usercore.tokens.errors import (
    TokenExpired,
    TokenInvalid,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)
from usercore.tokens.model import AccessToken, LimitedUseToken, RegistrationLink, RememberedDevice, public_id_of
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.rules import (
    check_completable,
    check_open,
    check_redeemable,
    is_completable,
    is_remembered,
    obstacle_to_redeeming,
)

POLICY = AccessTokenPolicy()
DAY = timedelta(days=1)
BEFORE, AT, AFTER = NOON - TICK, NOON, NOON + TICK

Check = Callable[[datetime], object]

LIMITED = a_limited_use_token(valid_from=None, expires_at=NOON)
OLD = an_access_token(expires_at=NOON, last_used_at=NOON - DAY)
IDLE = an_access_token(expires_at=NOON + DAY, last_used_at=NOON - POLICY.idle_lifetime)
LINK = a_registration_link(expires_at=NOON)

CHECKS: dict[str, tuple[object, Check]] = {
    "limited use": (LIMITED, lambda now: check_redeemable(LIMITED, now=now)),
    "access, too old": (OLD, lambda now: check_open(OLD, now=now, policy=POLICY)),
    "access, idle": (IDLE, lambda now: check_open(IDLE, now=now, policy=POLICY)),
    "registration": (LINK, lambda now: check_completable(LINK, now=now, max_refusals=4)),
}

REVOKED: dict[str, Check] = {
    "limited use": lambda now: check_redeemable(a_limited_use_token(revoked_at=now), now=now),
    "limited use, redeemed too": lambda now: check_redeemable(a_limited_use_token(revoked_at=now, uses=1), now=now),
    "limited use, expired too": lambda now: check_redeemable(
        a_limited_use_token(revoked_at=now, expires_at=now), now=now
    ),
    "access": lambda now: check_open(an_access_token(revoked_at=now), now=now, policy=POLICY),
    "access, expired too": lambda now: check_open(
        an_access_token(revoked_at=now, expires_at=now), now=now, policy=POLICY
    ),
    "registration, refused too often": lambda now: check_completable(LINK, now=now, max_refusals=LINK.refusals),
}

REDEEMED: dict[str, Check] = {
    "once": lambda now: check_redeemable(a_limited_use_token(uses=1, redeemed_at=now), now=now),
    "as often as it can be": lambda now: check_redeemable(a_limited_use_token(uses=3, max_uses=3), now=now),
    "expired too": lambda now: check_redeemable(a_limited_use_token(uses=1, expires_at=now), now=now),
    "registration": lambda now: check_completable(a_registration_link(completed_at=now), now=now, max_refusals=4),
    "registration, expired too": lambda now: check_completable(
        a_registration_link(completed_at=now, expires_at=now), now=now, max_refusals=4
    ),
}

UNKNOWN: dict[str, Check] = {
    "limited use": lambda now: check_redeemable(None, now=now),
    "access": lambda now: check_open(None, now=now, policy=POLICY),
    "registration": lambda now: check_completable(None, now=now, max_refusals=4),
}


def opens(check: Callable[[], object]) -> bool:
    """Return whether the check passes."""
    try:
        check()
    except TokenInvalid:
        return False
    return True


@pytest.mark.rule("K2", "K3", "R8")
@pytest.mark.parametrize(("token", "check"), CHECKS.values(), ids=CHECKS)
def test_the_last_microsecond_opens_and_the_instant_itself_does_not(token: object, check: Check) -> None:
    assert check(BEFORE) is token
    for now in (AT, AFTER):
        with pytest.raises(TokenExpired) as refusal:
            check(now)
        assert refusal.value.expired_at == NOON


@pytest.mark.rule("K2", "K3")
@pytest.mark.parametrize("check", REVOKED.values(), ids=REVOKED)
def test_a_revoked_token_is_revoked_also_after_its_time(check: Check) -> None:
    with pytest.raises(TokenRevoked):
        check(NOON)


@pytest.mark.rule("K3", "R8")
@pytest.mark.parametrize("check", REDEEMED.values(), ids=REDEEMED)
def test_a_redeemed_token_is_redeemed_also_after_its_time(check: Check) -> None:
    with pytest.raises(TokenRedeemed):
        check(NOON)


@pytest.mark.rule("K4")
def test_a_token_is_valid_from_its_first_instant_on() -> None:
    token = a_limited_use_token(valid_from=NOON, expires_at=AFTER)
    assert check_redeemable(token, now=NOON) is token
    with pytest.raises(TokenNotYetValid) as refusal:
        check_redeemable(token, now=BEFORE)
    assert refusal.value.valid_from == NOON


@pytest.mark.rule("K3")
def test_a_token_without_a_first_instant_is_valid_where_the_clock_is_behind() -> None:
    token = a_limited_use_token(issued_at=NOON, valid_from=None, expires_at=AFTER)
    assert check_redeemable(token, now=BEFORE) is token


@pytest.mark.rule("K2", "K3", "R8")
@pytest.mark.parametrize("check", UNKNOWN.values(), ids=UNKNOWN)
def test_a_token_that_is_not_stored_is_unknown(check: Check) -> None:
    with pytest.raises(TokenUnknown):
        check(NOON)


@pytest.mark.rule("K2")
@given(access_tokens(revoked_at=st.none()), instants())
def test_an_access_token_opens_until_the_earlier_of_its_two_ends(token: AccessToken, now: datetime) -> None:
    end = min(token.expires_at, token.last_used_at + POLICY.idle_lifetime)
    assert opens(lambda: check_open(token, now=now, policy=POLICY)) == (now < end)


@pytest.mark.rule("K2")
def test_using_it_keeps_an_access_token_from_idling_but_not_from_its_end() -> None:
    end = NOON + POLICY.lifetime
    token = an_access_token(issued_at=NOON, expires_at=end, last_used_at=end - TICK)
    assert check_open(token, now=end - TICK, policy=POLICY) is token
    assert not opens(lambda: check_open(token, now=end, policy=POLICY))


@pytest.mark.rule("K3", "K4")
@given(limited_use_tokens(), instants())
def test_a_token_can_be_redeemed_while_it_is_valid_and_has_uses_left(token: LimitedUseToken, now: datetime) -> None:
    has_begun = token.valid_from is None or token.valid_from <= now
    is_valid = token.revoked_at is None and has_begun and now < token.expires_at
    can_be_redeemed = is_valid and token.uses < token.max_uses
    assert (obstacle_to_redeeming(token, now=now) is None) == can_be_redeemed
    assert opens(lambda: check_redeemable(token, now=now)) == can_be_redeemed


@pytest.mark.rule("R8")
@given(registration_links(), instants(), st.integers(1, 1000))
def test_a_registration_link_opens_once_before_its_end_and_its_last_refusal(
    link: RegistrationLink, now: datetime, most: int
) -> None:
    is_open = link.completed_at is None and now < link.expires_at
    assert is_completable(link, now=now) == is_open
    is_accepted = is_open and link.refusals < most
    assert opens(lambda: check_completable(link, now=now, max_refusals=most)) == is_accepted


@pytest.mark.rule("K1")
@given(ids().map(UserId), st.binary(min_size=32, max_size=32).map(Digest))
def test_a_public_id_has_a_form_and_hides_the_digest(user_id: UserId, digest: Digest) -> None:
    public_id = public_id_of("uca", user_id, digest)
    assert re.fullmatch("uca-[0-9A-Za-z]{9}-[0-9A-Za-z]{11}", public_id)
    assert public_id_of("uca", user_id, Digest(digest[:8] + bytes(24))) == public_id  # 64 of its 256 bits
    assert public_id_of("uca", user_id, Digest(bytes([digest[0] ^ 1]) + digest[1:])) != public_id


@pytest.mark.rule("K1")
def test_public_ids_tell_kinds_users_and_tokens_apart() -> None:
    digest = digest_of("a")
    made = {
        a_limited_use_token(user_id=ANN, digest=digest).public_id,
        an_access_token(user_id=ANN, digest=digest).public_id,
        an_access_token(user_id=BOB, digest=digest).public_id,
        an_access_token(user_id=BOB, digest=digest_of("b")).public_id,
    }
    assert len(made) == 4


@pytest.mark.rule("F7")
@given(at=instants(), now=instants(), lifetime=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_device_is_remembered_from_its_instant_until_before_the_end_of_its_lifetime(
    at: datetime, now: datetime, lifetime: timedelta
) -> None:
    device = RememberedDevice(user_id=ANN, device_digest=digest_of("phone"), remembered_at=at)
    assert is_remembered(device, now=now, lifetime=lifetime) == (at <= now and now - at < lifetime)
    assert is_remembered(device, now=at, lifetime=lifetime) == bool(lifetime)
    assert not is_remembered(evolve(device, remembered_at=now + TICK), now=now, lifetime=DAY)
    assert not is_remembered(evolve(device, remembered_at=now - lifetime), now=now, lifetime=lifetime)
    assert not is_remembered(None, now=now, lifetime=lifetime)
