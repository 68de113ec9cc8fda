"""A known and an unknown login have the same waits, errors, texts and statements, whatever happened before.

Both get the same wrong passwords at the same instants; in between the clock moves and the store is cleaned up.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.services.helpers import PASSWORD, fail, over, recorded, register, unclaim
from usercore import (
    Host,
    Policy,
    RateLimited,
    RetentionPolicy,
    SignInRefused,
    ThrottlePolicy,
    UserCore,
    UsercoreError,
    Username,
)
from usercore.testing import FakeClock, FakeHasher, FakeRandomness
from usercore_storage.memory import MemoryStorage

KNOWN, UNKNOWN = "known", "unknown"
SECOND, DAY, LONGEST = timedelta(seconds=1), timedelta(days=1), timedelta(minutes=15)

Step: TypeAlias = int | timedelta | str
MOVES: Final[Sequence[timedelta]] = (10 * SECOND, LONGEST, 4 * LONGEST, DAY, 3 * DAY, -5 * SECOND, -LONGEST, -DAY)
STEPS: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.one_of(st.integers(1, 15), st.sampled_from(MOVES), st.sampled_from(["clean up", "wait"])), max_size=8
)
"""How often a wrong password is tried, with the wait in between; how the clock moves; and what else happens."""


def ordinary(core: UserCore) -> None:
    register(core, username=KNOWN, password=PASSWORD)


def deactivated(core: UserCore) -> None:
    core.users.deactivate(register(core, username=KNOWN, password=PASSWORD).id)


def inactive_tenant(core: UserCore) -> None:
    ordinary(core)
    core.tenant("system").tenants.deactivate("main")


def without_email(core: UserCore) -> None:
    core.registration.import_users([{"username": KNOWN, "external_id": 17}])
    core.passwords.set(Username(KNOWN), PASSWORD)
    assert core.users.get(Username(KNOWN)).email is None


def one_of_two_admins(core: UserCore) -> None:
    ordinary(core)
    register(core, "other", password=PASSWORD)


ACCOUNTS: Final[dict[str, tuple[str, Callable[[UserCore], object]]]] = {
    "ordinary": ("main", ordinary),
    "without a password": ("main", lambda core: register(core, username=KNOWN)),
    "without an email": ("main", without_email),
    "deactivated": ("main", deactivated),
    "unclaimed": ("main", lambda core: unclaim(core, register(core, username=KNOWN, password=PASSWORD))),
    "of an inactive tenant": ("main", inactive_tenant),
    "the last active admin": ("system", ordinary),
    "one of two admins": ("system", one_of_two_admins),
}
POLICIES: Final = {
    "defaults": Policy(),
    "cleaned up at once": Policy(retention=RetentionPolicy(throttles=timedelta(0))),
    "void before long waits": Policy(throttles=ThrottlePolicy(failures_before_wait=5, failures_before_void=6)),
}


def open_core(policy: Policy, tenant: str) -> tuple[UserCore, FakeClock]:
    clock = FakeClock()
    host = Host(clock=clock, randomness=FakeRandomness(), hasher=FakeHasher(), policy=policy)
    return UserCore.over(MemoryStorage(), host).tenant(tenant), clock


def shown(core: UserCore, login: str) -> tuple[str, str, object]:
    """Sign in by a wrong password; return all that the caller learns."""
    with pytest.raises(UsercoreError) as raised:
        core.sign_in.with_password(login, "wrong")
    return type(raised.value).__name__, str(raised.value), getattr(raised.value, "retry_after", None)


def show(core: UserCore) -> timedelta:
    """Try a wrong password for both logins, check that the answers are equal, and return how long to wait."""
    known = shown(core, KNOWN)
    assert known == shown(core, UNKNOWN)
    wait = known[2]
    assert wait is None or isinstance(wait, timedelta)
    assert wait is None or SECOND * 0 < wait <= LONGEST
    return wait or timedelta(0)


def take(step: Step, core: UserCore, clock: FakeClock) -> None:
    if isinstance(step, timedelta):
        clock.advance(step)
    elif isinstance(step, int):
        for _ in range(step):
            clock.advance(show(core))
    elif step == "clean up":
        core.tenant("main").cleanup()
    else:
        clock.advance(show(core))


@pytest.mark.rule("S4", "S7")
@pytest.mark.parametrize("account", ACCOUNTS)
@settings(max_examples=20)
@given(policy=st.sampled_from([*POLICIES]), steps=STEPS)
@example(policy="defaults", steps=[102, DAY, "clean up", 12, 3 * DAY, 12])
@example(policy="cleaned up at once", steps=[40, "clean up", 1, -DAY, "clean up", 12, 3 * DAY, 12])
@example(policy="void before long waits", steps=[*[5, DAY] * 3, "clean up", 1, LONGEST, 1, 12])
def test_known_and_unknown_logins_have_the_same_answers(account: str, policy: str, steps: list[Step]) -> None:
    tenant, make = ACCOUNTS[account]
    core, clock = open_core(POLICIES[policy], tenant)
    make(core)
    for step in [*steps, 1]:
        take(step, core, clock)
    core.close()


@pytest.mark.rule("S4", "P3", "S7")
@pytest.mark.parametrize("failures", [0, 5, 100])
@pytest.mark.parametrize("account", ACCOUNTS)
def test_known_and_unknown_logins_run_the_same_statements_and_one_hash(
    core: UserCore, clock: FakeClock, hasher: FakeHasher, account: str, failures: int
) -> None:
    tenant, make = ACCOUNTS[account]
    make(core.tenant(tenant))
    watched, recorder = recorded(core.tenant(tenant))
    watched = watched.tenant(tenant)
    names = []
    for login in (UNKNOWN, KNOWN):
        for _ in range(failures):
            clock.advance(LONGEST)
            fail(watched, login)
        clock.advance(LONGEST)
        hasher.hashes = hasher.places = 0
        names.append(recorder.names_of(lambda: shown(watched, login)))  # noqa: B023 - used at once
        assert (hasher.hashes, hasher.places) == (1, 1)
    assert names[0] == names[1]


@pytest.mark.rule("S7")
@pytest.mark.parametrize("account", ["without an email", "the last active admin", "ordinary", "one of two admins"])
def test_the_last_admin_and_users_without_an_email_are_never_void_but_wait_longest(
    core: UserCore, clock: FakeClock, account: str
) -> None:
    tenant, make = ACCOUNTS[account]
    core = core.tenant(tenant)
    make(core)
    for _ in range(100):
        fail(core, KNOWN)
        clock.advance(LONGEST)
    fail(core, KNOWN)
    assert core.users.status(Username(KNOWN)).locked_until == clock.now + LONGEST
    clock.advance(LONGEST - SECOND)
    with pytest.raises(RateLimited):
        core.sign_in.with_password(KNOWN, PASSWORD)
    clock.advance(SECOND)
    if account in {"without an email", "the last active admin"}:
        assert core.sign_in.with_password(KNOWN, PASSWORD).authenticator == "password"
        assert core.users.status(Username(KNOWN)).failures_in_a_row == 0
    else:
        with pytest.raises(SignInRefused):
            core.sign_in.with_password(KNOWN, PASSWORD)
        assert "password_void" in core.history.explain(Username(KNOWN))


@pytest.mark.rule("S7")
@pytest.mark.parametrize("pause", [timedelta(0), 2 * DAY])
def test_wrong_passwords_with_successes_in_between_do_not_void_the_password(
    core: UserCore, clock: FakeClock, pause: timedelta
) -> None:
    user = register(core, username=KNOWN, password=PASSWORD)
    for _ in range(110):
        fail(core, KNOWN)
        clock.advance(pause)
        assert core.sign_in.with_password(KNOWN, PASSWORD).user.id == user.id
    assert core.history.explain(user.id) == ()


@pytest.mark.rule("S7")
@pytest.mark.parametrize("account", ["ordinary", "one of two admins"])
def test_wrong_passwords_on_many_days_in_a_row_void_the_password(
    core: UserCore, clock: FakeClock, account: str
) -> None:
    tenant, make = ACCOUNTS[account]
    core = core.tenant(tenant)
    make(core)
    for _ in range(20):
        fail(core, KNOWN, times=5)
        clock.advance(DAY)
        core.tenant("main").cleanup()
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(KNOWN, PASSWORD)
    assert "password_void" in core.history.explain(Username(KNOWN))


@pytest.mark.rule("S7")
@pytest.mark.parametrize("free", ["time", "clean up", "success", "set"])
@pytest.mark.parametrize("hours", [1, 2, 48])
def test_after_the_clock_was_set_back_no_wait_is_longer_than_the_longest(
    core: UserCore, clock: FakeClock, free: str, hours: int
) -> None:
    user = register(core, username=KNOWN, password=PASSWORD)
    here = core.bind(ip="192.0.2.7")
    clock.advance(timedelta(hours=hours))
    for number in range(100):
        fail(here, f"user {number}")
    fail(core, KNOWN, times=10)
    clock.advance(-timedelta(hours=hours))
    if free == "time":
        fail(here, KNOWN, times=9)
        assert core.users.status(user.id).failures_in_a_row == 9
    elif free == "clean up":
        core.cleanup()
    elif free == "set":
        core.passwords.set(user.id, PASSWORD)
    assert here.sign_in.with_password(KNOWN, PASSWORD).user.id == user.id
    fail(here, KNOWN, times=10)
    with pytest.raises(RateLimited) as raised:
        here.sign_in.with_password(KNOWN, PASSWORD)
    assert raised.value.retry_after == 10 * SECOND
    assert over(core).users.status(user.id).locked_until == clock.now + 10 * SECOND


@pytest.mark.rule("S7", "K8")
def test_failures_of_an_address_expire_after_a_day(core: UserCore, clock: FakeClock) -> None:
    user = register(core, username=KNOWN, password=PASSWORD)
    here = core.bind(ip="192.0.2.7")
    for number in range(100):
        fail(here, f"user {number}")
    waits = []
    for number in range(9):
        with pytest.raises(RateLimited) as raised:
            here.sign_in.with_password(KNOWN, PASSWORD)
        waits.append(raised.value.retry_after / SECOND)
        clock.advance(raised.value.retry_after)
        fail(here, f"again {number}")
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    clock.advance(DAY)
    fail(here, "nobody")
    assert here.sign_in.with_password(KNOWN, PASSWORD).user.id == user.id
    clock.advance(30 * DAY)
    core.cleanup()
    fail(here, "nobody")
    assert here.sign_in.with_password(KNOWN, PASSWORD).user.id == user.id


@pytest.mark.rule("S7")
def test_an_address_is_never_void(core: UserCore, clock: FakeClock) -> None:
    user = register(core, username=KNOWN, password=PASSWORD)
    here = core.bind(ip="192.0.2.7")
    for number in range(250):
        clock.advance(LONGEST)
        fail(here, f"user {number}")
    clock.advance(LONGEST)
    assert here.sign_in.with_password(KNOWN, PASSWORD).user.id == user.id


@pytest.mark.rule("S7")
@pytest.mark.parametrize("pause", [timedelta(0), timedelta(minutes=2), timedelta(minutes=40)])
def test_users_at_one_address_who_fail_now_and_then_do_not_wait(
    core: UserCore, clock: FakeClock, pause: timedelta
) -> None:
    here = core.bind(ip="192.0.2.7")
    names = [f"colleague{number}" for number in range(12)]
    for name in names:
        register(core, name, username=name, password=PASSWORD)
    for number in range(96):
        name = names[number % 12]
        fail(here, name)
        assert here.sign_in.with_password(name, PASSWORD).user.username == name
        clock.advance(pause)
