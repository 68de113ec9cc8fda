"""Login tokens: issued by the host, redeemed once, and why one is refused."""

from datetime import timedelta

import pytest

from tests.services.helpers import opens, refused, register
from usercore import (
    AttemptStatus,
    Email,
    Full,
    Invalid,
    SignInRefused,
    TenantInactive,
    UserCore,
    UserNotFound,
)
from usercore.testing import NOON, TICK, FakeClock, FaultyStorage, WatchedStorage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.rule("K3")
def test_a_login_token_signs_in_once(core: UserCore) -> None:
    user = register(core)
    secret = core.login_tokens.issue(Email("ann@example.com"))
    identity = core.sign_in.with_login_token(secret.reveal(), source="mail")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "login_token", "mail")
    assert identity.access_token is not None
    assert opens(core, identity.access_token)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_COUNT_EXPIRED


@pytest.mark.rule("K3")
def test_a_login_token_expires_after_five_minutes(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    secret = core.login_tokens.issue(user.id)
    clock.now = NOON + 5 * MINUTE
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_DATE_EXPIRED
    clock.now -= TICK
    assert core.sign_in.with_login_token(secret).user.id == user.id


@pytest.mark.rule("K3")
def test_several_login_tokens_are_issued_in_one_call_or_none(core: UserCore, storage: WatchedStorage) -> None:
    user = register(core)
    secrets = core.login_tokens.issue_many(user.id, 100)
    assert len(set(secrets)) == 100
    assert core.sign_in.with_login_token(secrets[99]).user.id == user.id
    for count in (0, 101, -1):
        with refused(core, Invalid, but=()):
            core.login_tokens.issue_many(user.id, count)
    for wrong in (True, "3", 2.0, None):
        with refused(core, TypeError, but=()):
            core.login_tokens.issue_many(user.id, wrong)  # type: ignore[arg-type]  # what is tested
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    with refused(core, Full, but=()), faulty.failing(11, Full()):
        late.login_tokens.issue_many(user.id, 10)
    with refused(core, UserNotFound, but=()):
        core.login_tokens.issue_many(7, 3)


@pytest.mark.rule("K3", "T3")
def test_no_login_token_is_issued_in_an_inactive_tenant(core: UserCore) -> None:
    user = register(core)
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    for issue in (core.login_tokens.issue, lambda ref: core.login_tokens.issue_many(ref, 2)):
        with refused(core, TenantInactive, but=()):
            issue(user.id)
        with refused(core, UserNotFound, but=()):
            issue(7)
    tenants.activate("main")
    assert core.sign_in.with_login_token(core.login_tokens.issue(user.id)).user.id == user.id


@pytest.mark.rule("K3", "K9")
def test_an_attempt_with_a_revoked_login_token_has_the_status_token_count_expired(core: UserCore) -> None:
    user = register(core)
    secret = core.login_tokens.issue(user.id)
    core.access_tokens.revoke_all(user.id)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_COUNT_EXPIRED
