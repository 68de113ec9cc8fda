"""Reads: single statements without a transaction, several in one snapshot."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.services.helpers import PASSWORD
from tests.sqlite.note_writer import ORIGIN
from usercore import Host, ReadOnly, SignInRefused, UserCore
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import FakeHasher
from usercore.testing.contracts.base import add_users
from usercore.testing.samples import ANN, BOB
from usercore_storage import sqlite
from usercore_storage.sqlite import SqliteStorage
from usercore_storage.sqlite.storage import UNUSED_SECONDS


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStorage]:
    store = sqlite.open_storage(f"sqlite:///{path}")
    add_users(store.units(ORIGIN), MAIN, ANN, BOB)
    yield store
    store.close()


def statements_of(store: SqliteStorage, look_at: tuple[UserId, ...]) -> list[str]:
    """Return the statements of a query for these users."""
    units = store.units(ORIGIN)
    return read_by(store, lambda: units.read(lambda unit: [unit.users.get(user_id) for user_id in look_at]))


def read_by(store: SqliteStorage, action: Callable[[], object]) -> list[str]:
    """Return the statements that an action runs on a reading connection."""
    said: list[str] = []
    connection = store.acquire_reader()
    connection.raw.set_trace_callback(said.append)
    store.release(connection)
    action()
    connection.raw.set_trace_callback(None)
    return [text.split()[0] for text in said]


def test_a_read_of_one_statement_needs_no_transaction(store: SqliteStorage) -> None:
    assert statements_of(store, (ANN,)) == ["SELECT"]


def test_a_read_of_several_statements_sees_one_snapshot(store: SqliteStorage) -> None:
    assert statements_of(store, (ANN, BOB)) == ["SELECT", "BEGIN", "SELECT", "SELECT", "ROLLBACK"]


@pytest.mark.parametrize("login", ["ann@example.com", "nobody@example.com"])
def test_a_sign_in_with_a_password_reads_twice_without_a_transaction(store: SqliteStorage, login: str) -> None:
    core = UserCore.over(store, Host(hasher=FakeHasher()))
    core.registration.register("ann@example.com", password=PASSWORD)

    def sign_in() -> None:
        with suppress(SignInRefused):
            core.sign_in.with_password(login, PASSWORD)

    assert read_by(store, sign_in) == ["SELECT"] * 2


def rename(units: Units[Unit], name: str) -> None:
    def change(unit: Unit) -> None:
        for user_id in (ANN, BOB):
            old = unit.users.lock(user_id)
            unit.users.replace(evolve(old, first_name=name))

    units.write(change)


def test_a_read_starts_over_after_a_commit_between_its_first_statements(store: SqliteStorage, path: Path) -> None:
    others, seen = sqlite.open_storage(f"sqlite:///{path}"), list[str | None]()

    def query(unit: Unit) -> list[str | None]:
        seen.append(name_of(unit, ANN))
        if len(seen) == 1:
            rename(others.units(ORIGIN), "Zo\u00eb")
        return [name_of(unit, ANN), name_of(unit, BOB)]

    assert store.units(ORIGIN).read(query) == ["Zo\u00eb", "Zo\u00eb"]
    assert len(seen) == 2
    others.close()


def name_of(unit: Unit, user_id: UserId) -> str | None:
    user = unit.users.get(user_id)
    assert user is not None
    return user.first_name


def test_a_read_that_writes_is_refused(store: SqliteStorage) -> None:
    with pytest.raises(ReadOnly):
        store.units(ORIGIN).read(lambda unit: unit.users.lock(ANN))


def test_connections_that_a_burst_of_readers_left_are_closed_after_a_minute_with_reads(store: SqliteStorage) -> None:
    def pass_a_minute(at_once: int) -> int:
        for _ in range(UNUSED_SECONDS):
            store._file._check_reads_from = 0
            connections = [store.acquire_reader() for _ in range(at_once)]
            for connection in connections:
                store.release(connection)
        return len(store._readers)

    assert pass_a_minute(9) == 9
    for at_once in (9, 3, 1):
        pass_a_minute(at_once)  # a minute that began with more of them
        assert pass_a_minute(at_once) == at_once
    assert statements_of(store, (ANN,)) == ["SELECT"]
