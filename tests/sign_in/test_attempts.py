"""Every attempt to sign in is stored, with its status; and checks of emails and passwords without signing in."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.services.helpers import (
    PASSWORD,
    Badge,
    Door,
    add_tenant,
    over,
    refuse,
    refused,
    register,
    sign_in,
    unchanged,
    unclaim,
)
from usercore import (
    Attempt,
    AttemptStatus,
    Email,
    EmailStatus,
    Invalid,
    RateLimited,
    User,
    UserCore,
    UsercoreError,
)
from usercore.testing import NOON, FakeClock

EMAIL = "ann@example.com"


def fail_often(core: UserCore, _user: User, _clock: FakeClock) -> None:
    for _ in range(11):
        with suppress(UsercoreError):
            core.sign_in.with_password(EMAIL, "wrong")


def expire(core: UserCore, user: User, clock: FakeClock) -> None:
    secret = core.login_tokens.issue(user.id)
    clock.advance(timedelta(minutes=5))
    core.sign_in.with_login_token(secret)


def spend_twice(core: UserCore, user: User, _clock: FakeClock) -> None:
    secret = core.login_tokens.issue(user.id)
    for _ in range(2):
        core.sign_in.with_login_token(secret)


def unclaimed(core: UserCore, user: User, _clock: FakeClock) -> None:
    unclaim(core, user)
    core.sign_in.trusted(user.id)


def inactive(core: UserCore, user: User, _clock: FakeClock) -> None:
    core.users.deactivate(user.id)
    core.sign_in.with_password(EMAIL, PASSWORD)


def by_door(core: UserCore, _user: User, _clock: FakeClock) -> None:
    over(core, authenticators=[Door(answer=refuse)]).sign_in.authenticate(Badge(4))


def by_broken_door(core: UserCore, _user: User, _clock: FakeClock) -> None:
    over(core, authenticators=[Door(answer=lambda: 1 / 0)]).sign_in.authenticate(Badge(4))


def with_a_token_of_another_tenant(core: UserCore, _user: User, _clock: FakeClock) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    core.sign_in.with_login_token(acme.login_tokens.issue(register(acme, "bob").id))


WAYS: dict[AttemptStatus, Callable[[UserCore, User, FakeClock], object]] = {
    AttemptStatus.OK: lambda core, _user, _: core.sign_in.with_password(EMAIL, PASSWORD),
    AttemptStatus.API_OK: lambda core, _user, _: core.sign_in.with_password(EMAIL, PASSWORD, source="api+crm"),
    AttemptStatus.LOGIN_TOKEN_OK: lambda core, user, _: core.sign_in.with_login_token(core.login_tokens.issue(user.id)),
    AttemptStatus.ACCESS_TOKEN_OK: lambda core, user, _: core.sign_in.with_access_token(sign_in(core, user)),
    AttemptStatus.LOGIN_AFTER_SIGN_UP: lambda core, _user, _: core.registration.register(
        "bob@example.com", sign_in=True
    ),
    AttemptStatus.NOT_FOUND: lambda core, _user, _: core.sign_in.with_password("nobody", PASSWORD),
    AttemptStatus.UNCLAIMED_USER: unclaimed,
    AttemptStatus.WRONG_PASS: lambda core, _user, _: core.sign_in.with_password(EMAIL, "wrong"),
    AttemptStatus.INACTIVE_USER: inactive,
    AttemptStatus.TOKEN_DATE_EXPIRED: expire,
    AttemptStatus.TOKEN_NOT_FOUND: with_a_token_of_another_tenant,
    AttemptStatus.TOKEN_COUNT_EXPIRED: spend_twice,
    AttemptStatus.RATE_LIMIT_EXCEEDED: fail_often,
    AttemptStatus.REFUSED: by_door,
    AttemptStatus.AUTHENTICATOR_FAILED: by_broken_door,
}
"""For each status, a call that leads to it."""

WITHOUT_USER = {
    AttemptStatus.NOT_FOUND,
    AttemptStatus.TOKEN_NOT_FOUND,
    AttemptStatus.REFUSED,
    AttemptStatus.AUTHENTICATOR_FAILED,
}
WITH_LOGIN = {
    AttemptStatus.OK: EMAIL,
    AttemptStatus.API_OK: EMAIL,
    AttemptStatus.LOGIN_AFTER_SIGN_UP: "bob@example.com",
    AttemptStatus.NOT_FOUND: "nobody",
    AttemptStatus.WRONG_PASS: EMAIL,
    AttemptStatus.INACTIVE_USER: EMAIL,
    AttemptStatus.RATE_LIMIT_EXCEEDED: EMAIL,
}


def newest(core: UserCore, user: User | None) -> Attempt:
    return core.history.attempts(None if user is None else user.id).rows[0]


@pytest.mark.rule("S6")
@pytest.mark.parametrize("status", WAYS)
def test_each_status_is_stored(core: UserCore, clock: FakeClock, status: AttemptStatus) -> None:
    core = core.bind(ip="192.0.2.1", user_agent="Lynx", source="web")
    user: User | None = register(core, password=PASSWORD)
    assert user is not None
    with suppress(UsercoreError):
        WAYS[status](core, user, clock)
    if status in WITHOUT_USER:
        user = None
    elif status is AttemptStatus.LOGIN_AFTER_SIGN_UP:
        user = core.users.get(Email("bob@example.com"))
    attempt = newest(core, user)
    assert (attempt.status, attempt.login) == (status, WITH_LOGIN.get(status))
    assert (attempt.ip, attempt.user_agent, attempt.at) == ("192.0.2.1", "Lynx", clock.now)
    assert attempt.source == ("api+crm" if status is AttemptStatus.API_OK else "web")
    assert status.is_ok == str(status).endswith(("ok", "sign_up"))


@pytest.mark.rule("S6")
def test_the_start_of_any_login_is_stored(core: UserCore) -> None:
    for typed, kept in (("x" * 300, "x" * 254), ("a\0b\ud800c\n", "a?b?c"), ("", ""), ("ž" * 300, "ž" * 254)):
        with refused(core, UsercoreError):
            core.bind(user_agent="u" * 600).sign_in.with_password(typed, "wrong")
        attempt = newest(core, None)
        assert (attempt.login, attempt.user_agent) == (kept, "u" * 512)


@pytest.mark.rule("S6")
def test_attempts_are_listed_newest_first(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    for source in ("a", "b", "c"):
        core.sign_in.with_password(EMAIL, PASSWORD, source=source)
        clock.tick()
    first = core.history.attempts(user.id, limit=2)
    rest = core.history.attempts(user.id, limit=2, cursor=first.cursor)
    assert [row.source for row in (*first.rows, *rest.rows)] == ["c", "b", "a"]
    assert rest.cursor is None


@pytest.mark.rule("S8")
def test_checking_whether_an_email_is_registered_stores_nothing(core: UserCore) -> None:
    user = register(core)
    with unchanged(core):
        taken = core.registration.check_email("ANN@example.com")
        free = core.registration.check_email("bob@example.com")
    assert (taken.status, taken.user_id, taken.password) == (EmailStatus.TAKEN, user.id, None)
    assert (free.status, free.user_id, free.password) == (EmailStatus.AVAILABLE, None, None)
    with refused(core, Invalid, but=()):
        core.registration.check_email("no address")


@pytest.mark.rule("S8")
def test_verifying_a_password_is_an_attempt_that_does_not_sign_in(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    tables = {"attempts", "failure_counters"}
    for password, answer, status in (("wrong", False, AttemptStatus.WRONG_PASS), (PASSWORD, True, AttemptStatus.OK)):
        with unchanged(core, but=tables):
            assert core.registration.check_email(EMAIL, password).password is answer
        assert newest(core, user).status is status
    with unchanged(core, but=tables):
        assert core.registration.check_email("bob@example.com", PASSWORD).password is False
    assert newest(core, None).status is AttemptStatus.NOT_FOUND


@pytest.mark.rule("S8", "S7")
def test_verifying_a_password_is_throttled_like_signing_in(core: UserCore) -> None:
    register(core, password=PASSWORD)
    for _ in range(10):
        assert core.registration.check_email(EMAIL, "wrong").password is False
    for ask in (core.registration.check_email, core.sign_in.with_password):
        with refused(core, RateLimited) as raised:
            ask(EMAIL, PASSWORD)
        assert raised.value.retry_after == timedelta(seconds=10)


@pytest.mark.rule("S8")
def test_no_password_of_a_user_who_may_not_sign_in_is_verified(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    core.users.deactivate(user.id)
    answer = core.registration.check_email(EMAIL, PASSWORD)
    assert (answer.status, answer.password) == (EmailStatus.TAKEN, False)
    assert (newest(core, user).status, newest(core, user).at) == (AttemptStatus.INACTIVE_USER, NOON)
