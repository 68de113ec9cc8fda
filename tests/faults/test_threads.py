"""Many threads on one core: every call behaves as alone, or is refused by a rule; and the core can be closed."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import pytest

import usercore
from tests.faults.filled_stores import POLICY
from tests.faults.rounds import rounds
from tests.services.helpers import ANOTHER, PASSWORD
from usercore import Email, Host, Overloaded, Rejected, SignInRefused, StorageError, Taken, Unavailable, User, UserCore
from usercore.testing import FakeHasher
from usercore_storage import memory, sqlite

THREADS: Final = 32


@pytest.fixture(params=["memory", "sqlite"])
def core(request: pytest.FixtureRequest, url: str) -> Iterator[UserCore]:
    storage = memory.open_storage("memory://") if request.param == "memory" else sqlite.open_storage(url)
    with UserCore.over(storage, Host(policy=POLICY, hasher=FakeHasher())) as core:
        yield core


def in_threads(count: int, run: Callable[[int], object]) -> list[object]:
    """Run it in so many threads that start together."""
    ready = threading.Barrier(count)

    def start(number: int) -> object:
        ready.wait(60)
        return run(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def call_everything_once(core: UserCore, name: str) -> User:
    """Run the calls of one user, and check the result of each."""
    user = core.registration.register(f"{name}@example.com", password=PASSWORD, external_id=name).user
    with pytest.raises(Taken):
        core.registration.register(f"{name}@example.com", password=PASSWORD)
    token = core.sign_in.with_login_token(core.login_tokens.issue(user.id)).access_token
    assert token is not None
    assert core.sign_in.identify(token).user.id == user.id
    core.users.update(user.id, first_name=name)
    core.passwords.set(user.id, ANOTHER)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(f"{name}@example.com", PASSWORD)
    assert core.sign_in.with_password(f"{name}@example.com", ANOTHER).user.first_name == name
    core.emails.change(user.id, f"new-{name}@example.com")
    return core.users.deactivate(Email(f"new-{name}@example.com"))


@pytest.mark.slow
@pytest.mark.rule("U3", "X2", "K3", "S5")
def test_concurrent_users_see_the_same_results_as_alone(core: UserCore) -> None:
    for turn in range(rounds(few=1, many=20)):
        users = in_threads(THREADS, lambda number, turn=turn: call_everything_once(core, f"u{turn}x{number}"))  # type: ignore[misc]
        alone = call_everything_once(core, f"alone{turn}")
        kinds = [entry.kind for entry in core.history.of_user(alone.id).rows]
        for user in users:
            assert isinstance(user, User)
            assert core.users.get(user.id) == user
            assert [entry.kind for entry in core.history.of_user(user.id).rows] == kinds


@pytest.mark.slow
@pytest.mark.rule("U13", "X2")
def test_concurrent_changes_of_one_user_are_all_stored(core: UserCore) -> None:
    user = core.registration.register("ann@example.com").user
    in_threads(THREADS, lambda number: core.users.update(user.id, note=f"note {number}"))
    changes = [entry for entry in core.history.of_user(user.id).rows if entry.kind == "user.updated"]
    assert core.users.get(user.id).version == 1 + THREADS
    assert [later.old.get("note") for later in changes] == [earlier.new["note"] for earlier in changes[1:]] + [None]


@pytest.mark.rule("U3")
def test_only_one_of_many_threads_gets_a_key(core: UserCore) -> None:
    users = [core.registration.register(f"u{number}@example.com").user for number in range(8)]

    def link(number: int) -> bool:
        with suppress(Taken):
            return bool(core.users.link_external_id(users[number].id, "wanted"))
        return False

    assert sum(map(bool, in_threads(len(users), link))) == 1


@pytest.mark.rule("ERR")
def test_closing_under_load_refuses_later_calls_and_loses_nothing_acknowledged(url: str) -> None:
    kept: list[int] = []
    core = usercore.open(url, policy=POLICY)
    some_are_kept = threading.Event()

    def register(number: int) -> None:
        with suppress(Unavailable):
            for count in range(10_000):
                kept.append(core.registration.register(f"u{number}.{count}@example.com").user.id)
                if len(kept) > THREADS:
                    some_are_kept.set()

    def close(number: int) -> None:
        if number:
            register(number)
        else:
            assert some_are_kept.wait(60)
            core.close()

    in_threads(8, close)
    with usercore.open(url) as again:
        assert [again.users.get(number).id for number in kept] == kept


@pytest.mark.rule("ERR")
def test_a_closed_core_refuses_everything_and_closes_again(core: UserCore) -> None:
    user = core.registration.register("ann@example.com").user
    core.close()
    core.close()
    for call in (lambda: core.users.get(user.id), lambda: core.users.update(user.id, note="x"), core.cleanup):
        with pytest.raises(Unavailable):
            call()


@pytest.mark.rule("S7", "P4")
def test_parallel_guesses_are_counted_each(core: UserCore) -> None:
    user = core.registration.register("ann@example.com", password=PASSWORD).user

    def guess(number: int) -> str:
        try:
            core.sign_in.with_password("ann@example.com", f"guess number {number} of many")
        except (Rejected, Overloaded, StorageError) as error:
            return error.code
        return "in"

    assert set(in_threads(16, guess)) == {"sign_in.refused"}
    assert core.users.status(user.id).failures_in_a_row == 16


@pytest.mark.slow
@pytest.mark.rule("Y3")
def test_a_burst_of_writing_threads_ends_without_a_stall(url: str) -> None:
    count = 20 * rounds(few=10)
    with UserCore.over(sqlite.open_storage(url), Host(hasher=FakeHasher())) as core:
        user = core.registration.register_external("ann@example.com").user
        in_threads(count, lambda number: core.meta.upsert(user.id, f"key {number}", "value"))
        assert [number for number in range(count) if core.meta.get(user.id, f"key {number}") is None] == []


FIRST_USE: Final = """
import threading, usercore
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

core = usercore.open("memory://")
services = [name for name, value in vars(usercore.UserCore).items() if isinstance(value, cached_property)]
names = [*map("core.{{}}".format, services), *map("usercore.{{}}".format, usercore.__all__)]
ready = threading.Barrier({threads})

def use(number):
    ready.wait(60)
    for name in (names[number:] + names[:number])[:: 1 if number % 2 else -1]:
        eval(name)

with ThreadPoolExecutor({threads}) as pool:
    list(pool.map(use, range({threads})))
"""


def test_threads_that_are_the_first_to_use_services_and_names_do_not_get_in_each_others_way() -> None:
    code = FIRST_USE.format(threads=THREADS)
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
