"""Throttling: ten failures in a row start waits, and an attempt during a wait learns nothing and prolongs nothing."""

from datetime import timedelta

import pytest

from tests.services.helpers import ANN, ANOTHER, PASSWORD, fail, refused, register, sign_in, unchanged
from usercore import AttemptStatus, Email, RateLimited, SignInRefused, UserCore
from usercore.testing import NOON, TICK, FakeClock, FakeHasher

UNKNOWN = "nobody@example.com"
SECOND = timedelta(seconds=1)
LONGEST = timedelta(minutes=15)


def wait_of(core: UserCore, login: str = ANN, password: str = PASSWORD) -> timedelta:
    with refused(core, RateLimited) as raised:
        core.sign_in.with_password(login, password)
    wait: timedelta = raised.value.retry_after
    return wait


@pytest.mark.rule("S7")
def test_ten_failures_are_followed_by_a_wait(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=10)
    assert wait_of(core) == 10 * SECOND
    clock.advance(10 * SECOND - TICK)
    assert wait_of(core) == TICK
    clock.tick()
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == user.id


@pytest.mark.rule("S7")
@pytest.mark.parametrize("login", [ANN, UNKNOWN, "no such name"])
def test_waits_double_up_to_a_quarter_of_an_hour_for_known_and_unknown_logins(
    core: UserCore, clock: FakeClock, login: str
) -> None:
    register(core, password=PASSWORD)
    fail(core, login, times=10)
    waits = []
    for _ in range(9):
        waits.append(wait_of(core, login))
        clock.advance(waits[-1])
        fail(core, login)
    assert [wait / SECOND for wait in waits] == [10, 20, 40, 80, 160, 320, 640, 900, 900]


@pytest.mark.rule("S7")
def test_an_attempt_during_a_wait_neither_prolongs_it_nor_verifies_the_password(
    core: UserCore, clock: FakeClock, hasher: FakeHasher
) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=10)
    hashes = hasher.hashes
    for _ in range(3):
        clock.advance(SECOND)
        assert wait_of(core, ANN, PASSWORD) == wait_of(core, ANN, "wrong")
    assert wait_of(core) == 7 * SECOND
    assert hasher.hashes == hashes
    assert core.users.status(user.id).failures_in_a_row == 10
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.RATE_LIMIT_EXCEEDED
    assert core.history.explain(user.id) == ("rate_limited",)


@pytest.mark.rule("S7")
def test_a_success_resets_the_failures_of_the_account(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    for _ in range(2):
        fail(core, times=9)
        assert core.users.status(user.id).failures_in_a_row == 9
        core.sign_in.with_password(ANN, PASSWORD)
        assert core.users.status(user.id).failures_in_a_row == 0
    fail(core, times=10)
    assert wait_of(core) == 10 * SECOND


@pytest.mark.rule("S7")
def test_failures_expire_after_a_day(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=9)
    clock.advance(timedelta(days=1))
    assert core.users.status(user.id).failures_in_a_row == 0
    fail(core, times=10)
    assert wait_of(core) == 10 * SECOND


@pytest.mark.rule("S7")
def test_email_and_username_in_any_spelling_are_one_account(core: UserCore) -> None:
    register(core, username="ann", password=PASSWORD)
    for login in (ANN, "ANN@Example.com", "ann", "Ann", "ＡＮＮ") * 2:
        fail(core, login)
    assert wait_of(core, "ann") == wait_of(core) == 10 * SECOND


@pytest.mark.rule("S7")
@pytest.mark.parametrize(
    ("first", "same", "other"),
    [("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::")],
    ids=["IPv4", "IPv6"],
)
def test_failures_of_an_address_are_counted_separately(core: UserCore, first: str, same: str, other: str) -> None:
    register(core, password=PASSWORD)
    register(core, "bob", password=PASSWORD)
    here, also_here, elsewhere = (core.bind(ip=ip) for ip in (first, same, other))
    for number in range(99):
        fail(here, f"user{number}")
    here.sign_in.with_password("bob@example.com", PASSWORD)
    fail(here)
    assert wait_of(also_here, "bob@example.com") == 10 * SECOND
    assert elsewhere.sign_in.with_password(ANN, PASSWORD).source is None
    assert core.sign_in.with_password(ANN, PASSWORD).source is None


@pytest.mark.rule("S7")
def test_an_address_does_not_wait_because_an_account_waits(core: UserCore) -> None:
    user = register(core, "bob", password=PASSWORD)
    register(core, password=PASSWORD)
    for number in range(10):
        fail(core.bind(ip=f"192.0.2.{number}"))
    assert wait_of(core.bind(ip="192.0.2.200")) == 10 * SECOND
    assert core.bind(ip="192.0.2.1").sign_in.with_password("bob@example.com", PASSWORD).user.id == user.id


@pytest.mark.rule("S7")
def test_a_hundred_failures_void_the_password_until_it_is_set(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    token = sign_in(core, user)
    for _ in range(99):
        fail(core)
        clock.advance(LONGEST)
    assert core.history.explain(user.id) == ()
    fail(core)
    clock.advance(timedelta(days=2))
    with refused(core, SignInRefused):
        core.sign_in.with_password(ANN, PASSWORD)
    assert core.history.explain(user.id) == ("password_void",)
    assert core.sign_in.identify(token).user.id == user.id
    core.passwords.set(user.id, ANOTHER)
    assert core.users.status(user.id).failures_in_a_row == 0
    assert core.sign_in.with_password(ANN, ANOTHER).user.id == user.id


@pytest.mark.rule("S7")
def test_clean_up_does_not_restore_a_void_password(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    for _ in range(100):
        fail(core)
        clock.advance(LONGEST)
    clock.advance(timedelta(days=30))
    core.cleanup()
    assert core.history.explain(user.id) == ("password_void",)


@pytest.mark.rule("S7")
def test_a_wait_changes_nothing_but_the_attempts(core: UserCore) -> None:
    register(core, password=PASSWORD)
    fail(core, times=10)
    with unchanged(core, but={"attempts"}):
        wait_of(core)
    assert core.history.attempts().rows == ()
    assert core.users.status(Email(ANN)).locked_until == NOON + 10 * SECOND
