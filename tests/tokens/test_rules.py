"""A token opens something in a half-open interval, to the microsecond, and says why it does not."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.testing import NOON, TICK
from usercore.testing.samples import ANN, BOB, a_login_token, a_registration_link, an_access_token
from usercore.testing.strategies import access_tokens, ids, instants, login_tokens, registration_links
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenSpent, TokenUnknown
from usercore.tokens.model import AccessToken, AccessTokenPolicy, LoginToken, RegistrationLink, public_id_of
from usercore.tokens.rules import check_completable, check_open, check_redeemable, is_completable

POLICY = AccessTokenPolicy()
DAY = timedelta(days=1)
BEFORE, AT, AFTER = NOON - TICK, NOON, NOON + TICK

Check = Callable[[datetime], object]

LOGIN = a_login_token(expires_at=NOON)
OLD = an_access_token(expires_at=NOON, last_used_at=NOON - DAY)
IDLE = an_access_token(expires_at=NOON + DAY, last_used_at=NOON - POLICY.idle_lifetime)
LINK = a_registration_link(expires_at=NOON)

CHECKS: dict[str, tuple[object, Check]] = {
    "login": (LOGIN, lambda now: check_redeemable(LOGIN, now=now)),
    "access, too old": (OLD, lambda now: check_open(OLD, now=now, policy=POLICY)),
    "access, idle": (IDLE, lambda now: check_open(IDLE, now=now, policy=POLICY)),
    "registration": (LINK, lambda now: check_completable(LINK, now=now)),
}

SPENT: dict[str, Check] = {
    "login": lambda now: check_redeemable(a_login_token(redeemed_at=now), now=now),
    "login, expired too": lambda now: check_redeemable(a_login_token(redeemed_at=now, expires_at=now), now=now),
    "access": lambda now: check_open(an_access_token(revoked_at=now), now=now, policy=POLICY),
    "access, expired too": lambda now: check_open(
        an_access_token(revoked_at=now, expires_at=now), now=now, policy=POLICY
    ),
    "registration": lambda now: check_completable(a_registration_link(completed_at=now), now=now),
    "registration, expired too": lambda now: check_completable(
        a_registration_link(completed_at=now, expires_at=now), now=now
    ),
}

UNKNOWN: dict[str, Check] = {
    "login": lambda now: check_redeemable(None, now=now),
    "access": lambda now: check_open(None, now=now, policy=POLICY),
    "registration": lambda now: check_completable(None, now=now),
}


def opens(check: Callable[[], object]) -> bool:
    """Say whether the check lets it through."""
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


@pytest.mark.rule("K2", "K3", "R8")
@pytest.mark.parametrize("check", SPENT.values(), ids=SPENT)
def test_what_was_spent_or_ended_stays_so_also_after_its_time(check: Check) -> None:
    with pytest.raises(TokenSpent):
        check(NOON)


@pytest.mark.rule("K2", "K3", "R8")
@pytest.mark.parametrize("check", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_kept_is_unknown(check: Check) -> None:
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


@pytest.mark.rule("K3")
@given(login_tokens(), instants())
def test_a_login_token_opens_once_and_before_its_end(token: LoginToken, now: datetime) -> None:
    assert opens(lambda: check_redeemable(token, now=now)) == (token.redeemed_at is None and now < token.expires_at)


@pytest.mark.rule("R8")
@given(registration_links(), instants())
def test_a_registration_link_opens_once_and_before_its_end(link: RegistrationLink, now: datetime) -> None:
    is_open = link.completed_at is None and now < link.expires_at
    assert is_completable(link, now=now) == is_open
    assert opens(lambda: check_completable(link, now=now)) == is_open


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
        a_login_token(user_id=ANN, digest=digest).public_id,
        an_access_token(user_id=ANN, digest=digest).public_id,
        an_access_token(user_id=BOB, digest=digest).public_id,
        an_access_token(user_id=BOB, digest=digest_of("b")).public_id,
    }
    assert len(made) == 4
