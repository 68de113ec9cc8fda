"""A check of a token never waits for another writer, and the uses that it could not write are written later."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.services.helpers import register, sign_in
from usercore import Host, User, UserCore
from usercore.kernel.context import Context
from usercore.storage.recording import UnitContext
from usercore.testing import NOON, FakeClock, FakeHasher, WatchedStorage
from usercore.tokens.activity import BATCH, RETRY
from usercore_storage import sqlite
from usercore_storage.sqlite import SqliteStorage

MINUTE = timedelta(minutes=1)


@contextmanager
def a_unit_open(storage: SqliteStorage) -> Iterator[None]:
    """Have a unit of another thread open for the duration of a ``with``."""
    is_open, may_end = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        is_open.set()
        assert may_end.wait(10), "identify waited for this unit"

    units = storage.units(UnitContext(context=Context(), clock=FakeClock()))
    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(units.write, hold)
        try:
            assert is_open.wait(60)
            yield
        finally:
            may_end.set()
            holding.result(60)


@pytest.mark.rule("K2", "Y3")
def test_identify_does_not_wait_for_a_writer_and_writes_the_use_a_second_later(tmp_path: Path) -> None:
    storage, clock = sqlite.open_storage(f"sqlite:///{tmp_path}/store.db"), FakeClock()
    with UserCore.over(storage, Host(clock=clock, hasher=FakeHasher())) as core:
        user = register(core)
        token = sign_in(core, user)
        core.sign_in.identify(token)
        clock.advance(MINUTE)
        with a_unit_open(storage):
            core.sign_in.identify(token)
            assert last_use_of(core, user) == NOON
        clock.advance(RETRY)
        core.sign_in.identify(token)
        assert last_use_of(core, user) == clock()


@pytest.mark.rule("K2")
def test_many_uses_are_written_in_batches_by_the_checks_that_follow(
    core: UserCore, clock: FakeClock, storage: WatchedStorage
) -> None:
    user = register(core)
    tokens = [sign_in(core, user) for _ in range(2 * BATCH + 1)]
    for token in tokens:
        core.sign_in.identify(token)
    clock.advance(MINUTE)
    before = storage.writes
    for token in tokens[:3]:
        core.sign_in.identify(token)
    assert storage.writes == before + 3
    assert not core._runtime.activity._uses


def last_use_of(core: UserCore, user: User) -> datetime:
    (row,) = core.access_tokens.list(user.id).rows
    return row.last_used_at
