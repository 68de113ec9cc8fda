"""Throttling: ten failures in a row, then waits that nothing prolongs and that tell nothing; under threads, too."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event, Lock
from typing import TypeVar

import pytest

from tests.services.helpers import ANOTHER, PASSWORD, MeetingHasher, over, refused, register, sign_in, unchanged
from usercore import AttemptStatus, Email, RateLimited, SignInRefused, UserCore, UsercoreError
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import NOON, TICK, FakeClock, FakeHasher, WatchedStorage
from usercore.workflows.recording import Origin

T = TypeVar("T")

ANN, NOBODY = "ann@example.com", "nobody@example.com"
SECOND = timedelta(seconds=1)
LONGEST = timedelta(minutes=15)


def fail(core: UserCore, login: str = ANN, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            core.sign_in.with_password(login, "wrong")


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
@pytest.mark.parametrize("login", [ANN, NOBODY, "no such name"])
def test_waits_double_up_to_a_quarter_of_an_hour_for_known_and_unknown_alike(
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
def test_a_refused_try_prolongs_nothing_and_tells_nothing(core: UserCore, clock: FakeClock, hasher: FakeHasher) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=10)
    hashes = hasher.hashes
    for _ in range(3):
        clock.advance(SECOND)
        assert wait_of(core, ANN, PASSWORD) == wait_of(core, ANN, "wrong")
    assert wait_of(core) == 7 * SECOND
    assert hasher.hashes == hashes
    assert core.users.facts(user.id).failures_in_a_row == 10
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.RATE_LIMIT_EXCEEDED
    assert core.history.explain(user.id) == ("rate_limited",)


@pytest.mark.rule("S7")
def test_a_success_ends_the_accounts_failures(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    for _ in range(2):
        fail(core, times=9)
        assert core.users.facts(user.id).failures_in_a_row == 9
        core.sign_in.with_password(ANN, PASSWORD)
        assert core.users.facts(user.id).failures_in_a_row == 0
    fail(core, times=10)
    assert wait_of(core) == 10 * SECOND


@pytest.mark.rule("S7")
def test_a_day_forgets_failures(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=9)
    clock.advance(timedelta(days=1))
    assert core.users.facts(user.id).failures_in_a_row == 0
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
def test_an_address_counts_apart(core: UserCore, first: str, same: str, other: str) -> None:
    register(core, password=PASSWORD)
    register(core, "bob", password=PASSWORD)
    here, also_here, elsewhere = (core.bind(ip=ip) for ip in (first, same, other))
    for number in range(9):
        fail(here, f"user{number}")
    here.sign_in.with_password("bob@example.com", PASSWORD)
    fail(here)
    assert wait_of(also_here, "bob@example.com") == 10 * SECOND
    assert elsewhere.sign_in.with_password(ANN, PASSWORD).source is None
    assert core.sign_in.with_password(ANN, PASSWORD).source is None


@pytest.mark.rule("S7")
def test_an_address_does_not_wait_for_an_account(core: UserCore) -> None:
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
    assert core.history.explain(user.id) == ("password_void", "rate_limited")
    assert core.sign_in.identify(token).user.id == user.id
    clock.advance(LONGEST)
    core.passwords.set(user.id, ANOTHER)
    assert core.users.facts(user.id).failures_in_a_row == 0
    assert core.sign_in.with_password(ANN, ANOTHER).user.id == user.id


@pytest.mark.rule("S7")
def test_clean_up_forgets_no_void_password(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    for _ in range(100):
        fail(core)
        clock.advance(LONGEST)
    clock.advance(timedelta(days=30))
    core.cleanup()
    assert core.history.explain(user.id) == ("password_void",)


def in_threads(threads: int, run: Callable[[int], T]) -> list[T]:
    start = Barrier(threads)

    def begin(number: int) -> T:
        start.wait(60)
        return run(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def statuses(core: UserCore, logins: Iterable[tuple[str, str]]) -> list[str]:
    """Sign in by each of these in a thread of its own, all at once, and give what came of it."""
    pairs = list(logins)

    def enter(number: int) -> str:
        try:
            return core.sign_in.with_password(*pairs[number]).authenticator
        except UsercoreError as error:
            return error.code

    return in_threads(len(pairs), enter)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("names", [(ANN,), (ANN, "ann"), (NOBODY,)], ids=["one name", "two names", "nobody"])
def test_forty_threads_hash_ten_wrong_passwords(
    core: UserCore, storage: WatchedStorage, names: tuple[str, ...]
) -> None:
    register(core, username="ann", password=PASSWORD)
    hasher = MeetingHasher(storage)
    outcomes = statuses(over(core, hasher=hasher), [(names[number % len(names)], "wrong") for number in range(40)])
    assert 10 <= hasher.hashes == outcomes.count(SignInRefused.code) < 10 + len(names)
    assert outcomes.count(RateLimited.code) == 40 - hasher.hashes


@pytest.mark.rule("S7")
def test_eight_wrong_passwords_do_not_stop_the_right_one(core: UserCore, storage: WatchedStorage) -> None:
    user = register(core, password=PASSWORD)
    core = over(core, hasher=MeetingHasher(storage))
    for _ in range(3):
        outcomes = statuses(core, [(ANN, "wrong")] * 4 + [(ANN, PASSWORD)] + [(ANN, "wrong")] * 4)
        assert outcomes == [SignInRefused.code] * 4 + ["password"] + [SignInRefused.code] * 4
        core.sign_in.with_password(ANN, PASSWORD)
        assert core.users.facts(user.id).failures_in_a_row == 0


class SlowToWrite(WatchedStorage):
    """Lets the first write wait for a moment: whoever does not wait for it overtakes."""

    def __init__(self, storage: WatchedStorage) -> None:
        super().__init__(storage)
        self.first = Lock()

    def units(self, origin: Origin) -> Units[Unit]:
        return _SlowUnits(self, self._storage.units(origin))


class _SlowUnits(Units[Unit]):
    def __init__(self, storage: SlowToWrite, units: Units[Unit]) -> None:
        self._storage, self._units = storage, units

    def write(self, work: Callable[[Unit], T]) -> T:
        if self._storage.first.acquire(blocking=False):
            Event().wait(0.2)  # nobody sets it
        return self._units.write(work)

    def read(self, look: Callable[[Unit], T]) -> T:
        return self._units.read(look)


@pytest.mark.rule("S7")
def test_nobody_overtakes_a_failure_that_is_being_counted(core: UserCore, storage: WatchedStorage) -> None:
    register(core, password=PASSWORD)
    hasher = MeetingHasher(storage, patience=0)
    late = over(UserCore.over(SlowToWrite(storage), core._engine.host), hasher=hasher)
    statuses(late, [(ANN, "wrong")] * 40)
    assert hasher.hashes == 10


@pytest.mark.rule("S7")
def test_a_wait_changes_nothing_but_the_attempts(core: UserCore) -> None:
    register(core, password=PASSWORD)
    fail(core, times=10)
    with unchanged(core, but={"attempts"}):
        wait_of(core)
    assert core.history.attempts().rows == ()
    assert core.users.facts(Email(ANN)).locked_until == NOON + 10 * SECOND
