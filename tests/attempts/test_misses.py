"""Unknown secrets are not stored one by one: misses are counted in memory and stored once a minute."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Final

import attrs
import pytest

from tests.services.helpers import over, register, sign_in, unchanged
from usercore import Attempt, AttemptStatus, SignInRefused, TokenInvalid, UserCore
from usercore.attempts import misses
from usercore.attempts.misses import MissTracker
from usercore.kernel.secret import generate_secret
from usercore.testing import FakeClock, FakeRandomness, FaultyStorage, WatchedStorage
from usercore.tokens.kinds import ACCESS, LOGIN

MINUTE: Final = timedelta(minutes=1)
DRAW: Final = FakeRandomness("misses")


def unknown(kind: str) -> str:
    """Return a well-formed secret of no token."""
    return generate_secret(kind, 7, DRAW).reveal()


SHOWN: Final[dict[str, Callable[[UserCore], object]]] = {
    "garbage login token": lambda core: core.sign_in.with_login_token("garbage"),
    "unknown login token": lambda core: core.sign_in.with_login_token(unknown(LOGIN)),
    "login token of the wrong kind": lambda core: core.sign_in.with_login_token(unknown(ACCESS)),
    "garbage access token": lambda core: core.sign_in.with_access_token(""),
    "unknown access token": lambda core: core.sign_in.with_access_token(unknown(ACCESS)),
    "identify garbage": lambda core: core.sign_in.identify("garbage"),
    "identify unknown": lambda core: core.sign_in.identify(unknown(ACCESS)),
    "registration link": lambda core: core.registration.complete("garbage"),
    "revoke": lambda core: core.access_tokens.revoke("garbage"),
}


def show(core: UserCore, what: str = "garbage login token", times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises((SignInRefused, TokenInvalid)):
            SHOWN[what](core)


def counts(core: UserCore) -> list[tuple[str | None, int]]:
    rows: tuple[Attempt, ...] = core.history.attempts(limit=1000).rows
    assert all(row.status is AttemptStatus.GARBAGE for row in rows)
    return sorted(((row.ip, row.count) for row in rows), key=repr)


@pytest.mark.rule("K3")
@pytest.mark.parametrize("what", SHOWN)
def test_a_secret_that_does_not_exist_changes_nothing(core: UserCore, what: str) -> None:
    with unchanged(core):
        show(core, what, times=300)


@pytest.mark.rule("K3", "K1")
@pytest.mark.parametrize("what", ["garbage login token", "garbage access token", "login token of the wrong kind"])
def test_a_malformed_secret_does_not_access_the_storage(core: UserCore, storage: WatchedStorage, what: str) -> None:
    before = storage.reads, storage.writes
    show(core, what)
    assert (storage.reads, storage.writes) == before


@pytest.mark.rule("K3")
def test_the_first_miss_after_a_minute_stores_all_misses_as_one_row_per_address(
    core: UserCore, clock: FakeClock
) -> None:
    here, there = core.bind(ip="192.0.2.1"), core.bind(ip="2001:db8::1")
    show(here, times=5)
    show(there, "unknown access token", times=3)
    show(core, times=2)
    clock.advance(MINUTE - timedelta(microseconds=1))
    show(here)
    assert counts(core) == []
    clock.tick()
    show(here)
    assert counts(core) == [("192.0.2.1", 7), ("2001:db8::/64", 3), (None, 2)]
    show(here)
    clock.advance(MINUTE / 2)
    show(here)
    assert len(counts(core)) == 3
    clock.advance(MINUTE / 2)
    show(here)
    assert counts(core) == [("192.0.2.1", 3), ("192.0.2.1", 7), ("2001:db8::/64", 3), (None, 2)]


@pytest.mark.rule("K3", "S7")
@pytest.mark.parametrize(("prefix", "blocks"), [(64, ["2001:db8::/64"]), (128, ["2001:db8::1", "2001:db8::2"])])
def test_misses_from_one_ipv6_network_are_stored_as_one_row(
    core: UserCore, clock: FakeClock, prefix: int, blocks: list[str]
) -> None:
    throttles = attrs.evolve(core.policy.throttles, ipv6_prefix=prefix)
    core = over(core, policy=attrs.evolve(core.policy, throttles=throttles))
    for ip in ("2001:db8::1", "2001:db8::2"):
        show(core.bind(ip=ip), times=2)
    clock.advance(MINUTE)
    show(core.bind(ip="2001:db8:1::1"))
    assert [row for row in counts(core) if row[1] > 1] == [(block, 4 // len(blocks)) for block in blocks]


@pytest.mark.rule("K3", "T2")
def test_misses_are_stored_for_their_own_tenant(core: UserCore, clock: FakeClock) -> None:
    system = core.tenant("system")
    show(system, times=2)
    clock.advance(MINUTE)
    show(core)
    assert counts(core) == [(None, 1)]
    assert counts(system) == [(None, 2)]


@pytest.mark.rule("K3")
def test_misses_are_stored_after_a_minute_although_the_clock_was_set_back(core: UserCore, clock: FakeClock) -> None:
    show(core)
    clock.advance(timedelta(hours=-2))
    show(core)
    clock.advance(MINUTE)
    show(core)
    assert counts(core) == [(None, 3)]


@pytest.mark.rule("K3")
def test_closing_stores_misses(core: UserCore, storage: WatchedStorage) -> None:
    stored: list[int] = []
    storage.before_commit.append(
        lambda unit: stored.extend(row.count for row in unit.attempts.list_of(None, before=None, limit=9))
    )
    show(core, times=4)
    core.close()
    assert stored == [4]


@pytest.mark.rule("K3")
@pytest.mark.parametrize("error", [ConnectionError(), RuntimeError(), MemoryError()])
def test_misses_survive_a_storage_that_fails(
    core: UserCore, storage: WatchedStorage, clock: FakeClock, error: Exception
) -> None:
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    show(late, times=3)
    clock.advance(MINUTE)
    with faulty.failing(1, error):
        show(late)
    assert counts(core) == []
    clock.advance(MINUTE)
    show(late)
    clock.advance(MINUTE)
    show(late)
    assert counts(core) == [(None, 6)]


@pytest.mark.rule("K3")
def test_memory_is_bounded_even_while_the_storage_fails(
    core: UserCore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misses, "MOST_ADDRESSES", 10)
    tracker, units = MissTracker(core._runtime.new_id, ipv6_prefix=64), core._service.units
    failing = FaultyStorage(core._runtime.storage)
    broken = UserCore.over(failing, core._runtime.host)._service.units
    for minute in range(5):
        for number in range(30):
            tracker.record(core.bind(ip=f"192.0.{minute}.{number}").context, clock.now, units)
        with failing.failing(1, ConnectionError()):
            tracker.write(clock.now, broken)
        assert len(tracker._counts) <= 11
        clock.advance(MINUTE / 10)
    tracker.write(clock.now, units)
    stored = counts(core)
    assert sum(count for _, count in stored) == 150
    assert len(stored) == 11


@pytest.mark.rule("K3")
def test_no_parallel_miss_is_lost(core: UserCore, clock: FakeClock) -> None:
    def show_some(_: int) -> None:
        for _ in range(50):
            with suppress(SignInRefused):
                core.sign_in.with_login_token("garbage")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(show_some, range(8)))
        clock.advance(MINUTE)
        list(pool.map(show_some, range(8)))
    clock.advance(MINUTE)
    show(core)
    assert sum(count for _, count in counts(core)) == 801
    assert len(counts(core)) == 2, "one row a minute"


@pytest.mark.rule("K3")
def test_a_forked_child_does_not_store_its_parents_misses(core: UserCore) -> None:
    tracker, context, at = MissTracker(core._runtime.new_id, ipv6_prefix=64), core.context, core._service.clock()
    tracker.record(context, at, core._service.units)
    tracker._lock.acquire()  # as another thread may when the process is forked
    child = os.fork()
    if child == 0:
        tracker.record(context, at, core._service.units)
        os._exit(0 if sum(tracker._counts.values()) == 1 else 1)
    tracker._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tracker.write(at, core._service.units)
    assert counts(core) == [(None, 1)]


@pytest.mark.rule("S6", "K3")
def test_a_failure_with_an_existing_token_stores_its_own_row(core: UserCore) -> None:
    user = register(core)
    access, login = sign_in(core, user), core.login_tokens.issue(user.id)
    core.sign_in.with_login_token(login)
    core.access_tokens.revoke(access)
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(login)
    with pytest.raises(SignInRefused):
        core.sign_in.with_access_token(access)
    newest = [row.status for row in core.history.attempts(user.id).rows][:2]
    assert newest == [AttemptStatus.TOKEN_COUNT_EXPIRED] * 2
