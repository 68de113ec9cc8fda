"""A core on both sides of a fork: no side loses what it acknowledged, and neither waits for a thread that is gone."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.filled_stores import POLICY
from tests.faults.fork_helpers import in_child
from tests.services.helpers import ANOTHER, PASSWORD
from usercore import Email, HashProfile, Host, PasswordPolicy, Policy, Unavailable, UserCore
from usercore.passwords.model import Credential
from usercore.testing import FakeHasher, WatchedStorage
from usercore_storage import memory, sqlite

CHEAP: Final = HashProfile(name="cheap", memory_kib=8, passes=1, lanes=1, source="a test")


def core_over(url: str, hasher: FakeHasher | None = None) -> tuple[UserCore, WatchedStorage]:
    storage = WatchedStorage(sqlite.open_storage(url))
    return UserCore.over(storage, Host(policy=POLICY, hasher=hasher or FakeHasher())), storage


def register(core: UserCore, *names: str) -> str:
    for name in names:
        core.registration.register(f"{name}@example.com")
    return "done"


def are_there(core: UserCore, *names: str) -> bool:
    return all(core.users.find(Email(f"{name}@example.com")) is not None for name in names)


@contextmanager
def held_open(core: UserCore, storage: WatchedStorage) -> Iterator[threading.Event]:
    """Hold a unit open in another thread until the event is set."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        storage.before_commit.clear()
        inside.set()
        go_on.wait(60)

    storage.before_commit.append(hold)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(core.users.update, Email("ann@example.com"), note="held open")
        assert inside.wait(60)
        try:
            yield go_on
        finally:
            go_on.set()
            assert held.result().note == "held open"


@pytest.mark.rule("U3", "X2")
def test_a_child_and_its_parent_both_write_and_read_each_others_rows(url: str, tmp_path: Path) -> None:
    core, _ = core_over(url)
    with core:
        register(core, "before")
        assert in_child(lambda: register(core, "child1", "child2")) == "done"
        register(core, "after")
        assert are_there(core, "before", "child1", "child2", "after")
        assert in_child(lambda: str(are_there(core, "after"))) == "True"
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.rule("U3")
def test_a_childs_acknowledged_writes_survive_its_parents_closing(url: str) -> None:
    core, _ = core_over(url)
    register(core, "before")
    (half_done, half_doing), (closed, closing_now) = os.pipe(), os.pipe()

    def write_before_and_after_the_parent_closed() -> str:
        register(core, "child1")
        os.write(half_doing, b"!")
        os.read(closed, 1)
        return register(core, "child2", "child3")

    with ThreadPoolExecutor(1) as pool:
        child = pool.submit(in_child, write_before_and_after_the_parent_closed)
        os.read(half_done, 1)
        core.close()
        os.write(closing_now, b"!")
        assert child.result(60) == "done"
    with usercore.open(url) as again:
        assert are_there(again, "before", "child1", "child2", "child3")


@pytest.mark.rule("U3")
def test_a_fork_waits_for_the_unit_of_another_thread_and_both_sides_go_on(url: str) -> None:
    core, storage = core_over(url)
    with core:
        register(core, "ann")
        with held_open(core, storage) as go_on:
            threading.Timer(0.05, go_on.set).start()
            assert in_child(lambda: register(core, "child")) == "done"
        assert are_there(core, "child")


@pytest.mark.rule("ERR")
def test_a_child_forked_inside_a_unit_is_refused_and_its_parent_goes_on(url: str) -> None:
    core, storage = core_over(url)
    with core:
        said: list[str] = []

        def in_the_child() -> str:
            try:
                return register(core, "child")
            except (Unavailable, RuntimeError) as error:
                return type(error).__name__

        def fork(_: object) -> None:
            storage.before_commit.clear()
            said.append(in_child(in_the_child))

        storage.before_commit.append(fork)
        register(core, "parent")
        assert said[0] in {"Unavailable", "RuntimeError"}
        assert are_there(core, "parent")
        assert not are_there(core, "child")


@pytest.mark.rule("P4", "S7")
def test_a_child_does_not_wait_for_hashes_that_its_parent_computes(url: str) -> None:
    hashing, go_on = threading.Event(), threading.Event()

    class Slow(FakeHasher):
        def verify(self, credential: Credential | None, password: str | None) -> bool:
            if threading.current_thread() is not threading.main_thread():
                hashing.set()
                go_on.wait(60)
            return super().verify(credential, password)

    core, _ = core_over(url, Slow())
    with core, ThreadPoolExecutor(1) as pool:
        core.registration.register("ann@example.com", password=PASSWORD)
        slow = pool.submit(core.sign_in.with_password, "ann@example.com", PASSWORD)
        assert hashing.wait(60)
        said = in_child(lambda: core.sign_in.with_password("ann@example.com", PASSWORD).user.email or "")
        go_on.set()
        assert said == slow.result().user.email


@pytest.mark.rule("P4")
def test_a_child_has_all_hash_slots(url: str) -> None:
    policy = Policy(passwords=PasswordPolicy(profile=CHEAP, hashes_at_once=1))
    with usercore.open(url, policy=policy) as core, core._runtime.hasher.hold_slot():
        done = in_child(lambda: str(core.registration.register("ann@example.com", password=ANOTHER).created))
        assert done == "True"


@pytest.mark.rule("I1", "K1")
def test_both_sides_draw_different_ids_and_secrets() -> None:
    with UserCore.over(memory.open_storage("memory://"), Host(policy=POLICY, hasher=FakeHasher())) as core:
        ann = core.registration.register("ann@example.com").user

        def draw() -> str:
            bob = core.registration.register("bob@example.com").user
            return f"{bob.id} {core.login_tokens.issue(ann.id).reveal()}"

        child, parent = in_child(draw).split(), draw().split()
        assert len(child) == 2
        assert not set(child) & set(parent)
