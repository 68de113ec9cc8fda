"""Throttling under threads: parallel guesses cannot outrun the counter."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Event, Lock
from typing import TypeVar

import pytest

from tests.services.helpers import (
    ANN,
    PASSWORD,
    BusyHasher,
    MeetingHasher,
    fail,
    over,
    register,
)
from usercore import RateLimited, SignInRefused, UserCore, UsercoreError
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.storage.recording import UnitContext
from usercore.testing import WatchedStorage

T = TypeVar("T")

UNKNOWN = "nobody@example.com"


def in_threads(threads: int, run: Callable[[int], T]) -> list[T]:
    start = Barrier(threads)

    def begin(number: int) -> T:
        start.wait(60)
        return run(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def statuses(core: UserCore, logins: Iterable[tuple[str, str]]) -> list[str]:
    """Sign in by each of these in its own thread, all at once, and return the outcomes."""
    pairs = list(logins)

    def enter(number: int) -> str:
        try:
            return core.sign_in.with_password(*pairs[number]).authenticator
        except UsercoreError as error:
            return error.code

    return in_threads(len(pairs), enter)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("names", [(ANN,), (ANN, "ann"), (UNKNOWN,)], ids=["one name", "two names", "nobody"])
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
        assert core.users.status(user.id).failures_in_a_row == 0


class Delayed(WatchedStorage):
    """Calls ``before`` ahead of each write, so that other threads can get ahead."""

    def __init__(self, storage: WatchedStorage, before: Callable[[], object]) -> None:
        super().__init__(storage)
        self.before = before

    def units(self, origin: UnitContext) -> Units[Unit]:
        return _DelayedUnits(self, self._storage.units(origin))


class _DelayedUnits(Units[Unit]):
    def __init__(self, storage: Delayed, units: Units[Unit]) -> None:
        self._storage, self._units = storage, units

    def write(self, work: Callable[[Unit], T]) -> T:
        self._storage.before()
        return self._units.write(work)

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._units.read(query)


@pytest.mark.rule("S7")
def test_no_attempt_overtakes_a_failure_that_is_being_counted(core: UserCore, storage: WatchedStorage) -> None:
    register(core, password=PASSWORD)
    first, nothing = Lock(), Event()

    def let_the_first_wait() -> None:
        if first.acquire(blocking=False):
            nothing.wait(0.2)

    hasher = MeetingHasher(storage, patience=0)
    late = over(UserCore.over(Delayed(storage, let_the_first_wait), core._runtime.host), hasher=hasher)
    statuses(late, [(ANN, "wrong")] * 40)
    assert hasher.hashes == 10


@pytest.mark.rule("S7")
def test_of_two_logins_of_one_account_only_one_gets_the_last_attempt(core: UserCore, storage: WatchedStorage) -> None:
    register(core, username="ann", password=PASSWORD)
    fail(core, times=9)
    both = Barrier(2)

    def meet() -> None:
        with suppress(BrokenBarrierError):
            both.wait(0.2)

    late = UserCore.over(Delayed(storage, meet), core._runtime.host)
    assert sorted(statuses(late, [(ANN, "wrong"), ("ann", "wrong")])) == [RateLimited.code, SignInRefused.code]


@pytest.mark.rule("S7")
def test_forty_threads_of_two_processes_hash_ten_and_one_per_process(core: UserCore, storage: WatchedStorage) -> None:
    user = register(core, password=PASSWORD)
    hasher = MeetingHasher(storage)
    cores = [over(core, hasher=hasher), over(core, hasher=hasher)]
    assert cores[0]._runtime.locks is not cores[1]._runtime.locks

    def guess(number: int) -> str:
        try:
            return cores[number % 2].sign_in.with_password(ANN, "wrong").authenticator
        except UsercoreError as error:
            return error.code

    outcomes = in_threads(40, guess)
    assert 10 <= hasher.hashes == outcomes.count(SignInRefused.code) <= 12
    assert core.users.status(user.id).failures_in_a_row == hasher.hashes


@pytest.mark.rule("S7")
def test_a_success_resets_only_its_own_reserved_attempt_and_earlier_ones(
    core: UserCore, storage: WatchedStorage
) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=2)
    hasher = BusyHasher(storage)
    hasher.meanwhile = lambda: fail(core, times=3)
    over(core, hasher=hasher).sign_in.with_password(ANN, PASSWORD)
    assert core.users.status(user.id).failures_in_a_row == 3
