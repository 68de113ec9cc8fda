"""Autologin tokens: how long and how often they sign a user in, and what operators do with them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.services.helpers import add_tenant, opens, refused, register
from usercore import (
    AttemptStatus,
    Invalid,
    Secret,
    SignInRefused,
    TenantInactive,
    TokenNotFound,
    TokenUnknown,
    User,
    UserCore,
    UserNotFound,
)
from usercore.testing import NOON, TICK, FakeClock

DAY = timedelta(days=1)


def issue(core: UserCore, user: User, **terms: Any) -> Secret:
    return core.autologin_tokens.issue(user.id, **({"valid_to": NOON + DAY} | terms))


def last_status(core: UserCore, user: User) -> AttemptStatus:
    return core.history.attempts(user.id).rows[0].status


def check_refused(core: UserCore, secret: Secret, user: User, status: AttemptStatus) -> None:
    with refused(core, SignInRefused):
        core.sign_in.with_autologin_token(secret)
    assert last_status(core, user) is status


@pytest.mark.rule("K4", "S6")
def test_an_autologin_token_signs_in_once_by_default(core: UserCore) -> None:
    user = register(core)
    secret = issue(core, user)
    identity = core.sign_in.with_autologin_token(secret.reveal(), source="newsletter")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "autologin_token", "newsletter")
    assert opens(core, identity.access_token)
    assert last_status(core, user) is AttemptStatus.TOKEN_OK
    check_refused(core, secret, user, AttemptStatus.TOKEN_COUNT_EXPIRED)


@pytest.mark.rule("K4", "S6")
def test_an_autologin_token_signs_in_as_often_as_it_was_issued_for(core: UserCore) -> None:
    user = register(core)
    secret = issue(core, user, max_uses=3)
    for uses in (1, 2, 3):
        core.sign_in.with_autologin_token(secret)
        (token,) = core.autologin_tokens.list(user.id)
        assert (token.uses, token.max_uses, token.redeemed_at) == (uses, 3, NOON)
    check_refused(core, secret, user, AttemptStatus.TOKEN_COUNT_EXPIRED)


@pytest.mark.rule("K4", "S6")
def test_an_autologin_token_is_valid_in_a_half_open_span(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    secret = issue(core, user, valid_from=NOON + DAY, valid_to=NOON + 2 * DAY, max_uses=2)
    for outside in (NOON, NOON + DAY - TICK, NOON + 2 * DAY, NOON + 3 * DAY):
        clock.now = outside
        check_refused(core, secret, user, AttemptStatus.TOKEN_DATE_EXPIRED)
    for inside in (NOON + DAY, NOON + 2 * DAY - TICK):
        clock.now = inside
        assert core.sign_in.with_autologin_token(secret).user.id == user.id


@pytest.mark.rule("K4")
def test_instants_of_any_zone_are_stored_in_utc(core: UserCore) -> None:
    user = register(core)
    there = timezone(timedelta(hours=5, minutes=45))
    issue(core, user, valid_from=NOON.astimezone(there), valid_to=(NOON + DAY).astimezone(there))
    (token,) = core.autologin_tokens.list(user.id)
    assert (token.valid_from, token.expires_at) == (NOON, NOON + DAY)
    assert {at.tzinfo for at in (token.valid_from, token.expires_at) if at} == {UTC}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "over already": ({"valid_to": NOON}, "valid_to out_of_range"),
    "over before it begins": ({"valid_from": NOON + DAY}, "valid_to out_of_range"),
    "valid for more than a year": ({"valid_to": NOON + 366 * DAY}, "valid_to out_of_range"),
    "without a time zone": ({"valid_to": datetime(2027, 1, 1)}, "valid_to no_zone"),  # noqa: DTZ001 - what is tested
    "from an instant without a time zone": ({"valid_from": datetime(2026, 1, 1)}, "valid_from no_zone"),  # noqa: DTZ001
    "in the year 9999": ({"valid_to": datetime.max.replace(tzinfo=UTC)}, "valid_to out_of_range"),
    "no use": ({"max_uses": 0}, "max_uses out_of_range"),
    "too many uses": ({"max_uses": 1001}, "max_uses out_of_range"),
}


@pytest.mark.rule("K4")
@pytest.mark.parametrize(("terms", "expected"), WRONG.values(), ids=WRONG)
def test_a_token_that_could_not_be_used_is_not_issued(core: UserCore, terms: dict[str, Any], expected: str) -> None:
    user = register(core)
    with refused(core, Invalid, but=()) as refusal:
        issue(core, user, **terms)
    assert [f"{error.field} {error.reason}" for error in refusal.value.errors] == [expected]


@pytest.mark.rule("K4", "T3")
def test_no_autologin_token_is_issued_in_an_inactive_tenant_or_to_no_user(core: UserCore) -> None:
    user = register(core)
    core.tenant("system").tenants.deactivate("main")
    with refused(core, TenantInactive, but=()):
        issue(core, user)
    core.tenant("system").tenants.activate("main")
    with refused(core, UserNotFound, but=()):
        core.autologin_tokens.issue(7, valid_to=NOON + DAY)
    assert core.sign_in.with_autologin_token(issue(core, user)).user.id == user.id


@pytest.mark.rule("K4")
def test_the_list_has_the_tokens_that_were_not_revoked_newest_first(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    used, revoked, last = [issue(core, user, max_uses=uses) for uses in later(clock, 1, 2, 3)]
    core.login_tokens.issue(user.id)
    core.sign_in.with_autologin_token(used)
    core.autologin_tokens.revoke(revoked)
    assert [(token.max_uses, token.uses) for token in core.autologin_tokens.list(user.id)] == [(3, 0), (1, 1)]
    assert last.reveal() not in repr(core.autologin_tokens.list(user.id))


def later(clock: FakeClock, *values: int) -> Iterator[int]:
    """Iterate over values while the clock advances."""
    for value in values:
        yield value
        clock.now += TICK


REVOKES: dict[str, Callable[[UserCore, User, Secret], object]] = {
    "its secret": lambda core, _, secret: core.autologin_tokens.revoke(secret),
    "its public id": lambda core, user, _: core.autologin_tokens.revoke_by_id(
        user.id, core.autologin_tokens.list(user.id).rows[0].public_id
    ),
}


@pytest.mark.rule("K4")
@pytest.mark.parametrize("by", REVOKES)
def test_a_token_is_revoked_by_its_secret_and_by_its_public_id(core: UserCore, by: str) -> None:
    user = register(core)
    secret = issue(core, user, max_uses=2)
    core.sign_in.with_autologin_token(secret)
    REVOKES[by](core, user, secret)
    check_refused(core, secret, user, AttemptStatus.TOKEN_COUNT_EXPIRED)
    assert core.autologin_tokens.list(user.id).rows == ()
    assert core.history.of_user(user.id).rows[0].kind == "autologin_token.revoked"


@pytest.mark.rule("K1", "K4", "T2")
def test_only_the_tokens_own_names_revoke_it(core: UserCore) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    user, bob, other = register(core), register(core, "bob"), register(acme)
    secret = issue(core, user)
    (token,) = core.autologin_tokens.list(user.id)
    for core_, wrong in ((core, token.public_id), (core, core.login_tokens.issue(user.id)), (core, ""), (acme, secret)):
        with refused(core, TokenUnknown, but=()):
            core_.autologin_tokens.revoke(wrong)
    for core_, holder, public_id in (
        (core, bob, token.public_id),
        (core, user, secret.reveal()),
        (core, user, ""),
        (acme, other, token.public_id),
    ):
        with refused(core, TokenNotFound, but=()):
            core_.autologin_tokens.revoke_by_id(holder.id, public_id)
    core.sign_in.with_autologin_token(secret)
    with refused(core, TokenUnknown, but=()):
        core.autologin_tokens.revoke(secret)
    with refused(core, TokenNotFound, but=()):
        core.autologin_tokens.revoke_by_id(user.id, token.public_id)
