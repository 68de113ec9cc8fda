"""A server whose processes are stopped keeps its sockets and answers nothing: every wait ends all the same."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import Final

import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import opened
from usercore import Indeterminate, StorageError, Unavailable
from usercore.kernel.context import MAIN
from usercore.storage import Unit
from usercore.testing.contracts.base import add_users, units_of
from usercore.testing.contracts.units import names
from usercore.testing.samples import ANN, BOB
from usercore_storage import check, postgres
from usercore_storage.postgres import PostgresStorage

TIMEOUT: Final = 1
CONNECT_TIMEOUT: Final = 2  # the least that the driver accepts
SLACK: Final = 6.0
"""Seconds beyond both, on a busy machine; without a limit the calls never end."""

Call = Callable[[PostgresStorage, str, Callable[[], object]], object]


class Refused(Exception):
    """The error of a unit that is rolled back."""


def roll_back(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Lock a user, and fail once the server is frozen."""

    def work(unit: Unit) -> None:
        unit.users.lock(ANN)
        freeze()
        raise Refused

    units_of(store).write(work)


def commit(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Lock a user, and commit once the server is frozen."""

    def work(unit: Unit) -> None:
        unit.users.lock(BOB)
        freeze()

    units_of(store).write(work)


def write(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Begin a unit, and run a statement once the server is frozen."""

    def work(unit: Unit) -> None:
        freeze()
        unit.users.lock(ANN)

    units_of(store).write(work)


def read(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Read by one statement."""

    def query(unit: Unit) -> None:
        freeze()
        unit.users.get(ANN)

    units_of(store).read(query)


def read_more(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Read by several statements, the last of them once the server is frozen."""

    def query(unit: Unit) -> None:
        names(unit)
        freeze()
        names(unit)

    units_of(store).read(query)


def connect(store: PostgresStorage, _: str, freeze: Callable[[], object]) -> None:
    """Read by a connection that has to be opened."""
    freeze()
    units_of(store).read(names)


CALLS: Final[dict[str, tuple[Call, type[Exception]]]] = {
    "a rollback": (roll_back, Refused),
    "a commit": (commit, Indeterminate),
    "a write": (write, Unavailable),
    "a read": (read, Unavailable),
    "a read of several statements": (read_more, Unavailable),
    "a new connection": (connect, Unavailable),
    "opening": (lambda _, url, freeze: (freeze(), postgres.open_storage(url)), Unavailable),
    "checking": (lambda _, url, freeze: (freeze(), check(url)), Unavailable),
}


@pytest.mark.rule("Y3")
def test_no_call_waits_for_a_frozen_server(server: Server, database: str) -> None:
    url = f"{server.url(database)}?timeout={TIMEOUT}&connect_timeout={CONNECT_TIMEOUT}"
    ready, stopped = Barrier(len(CALLS) + 1), Barrier(len(CALLS) + 1)

    def outcome(call: Call) -> tuple[type[Exception] | None, float]:
        start = 0.0

        def freeze() -> None:
            nonlocal start
            if not start:  # a unit may run again
                ready.wait()
                stopped.wait()
                start = monotonic()

        try:
            call(store, url, freeze)
        except (StorageError, Refused) as error:
            return type(error), monotonic() - start
        return None, monotonic() - start

    with opened(url) as store, ThreadPoolExecutor(len(CALLS)) as threads:
        add_users(units_of(store), MAIN, ANN, BOB)
        outcomes = {name: threads.submit(outcome, call) for name, (call, _) in CALLS.items()}
        ready.wait()
        with server.frozen():
            stopped.wait()
            found = {name: future.result() for name, future in outcomes.items()}
        assert {name: error for name, (error, _) in found.items()} == {
            name: error for name, (_, error) in CALLS.items()
        }
        assert max(seconds for _, seconds in found.values()) < TIMEOUT + CONNECT_TIMEOUT + SLACK
        assert units_of(store).read(lambda unit: unit.users.get(ANN)) is not None


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port where the system accepts connections, and no process ever reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.rule("Y3")
@pytest.mark.thorough
def test_a_first_host_that_swallows_what_is_sent_does_not_hide_the_second(
    server: Server, database: str, silent: int
) -> None:
    url = server.url(database).replace("127.0.0.1:", f"127.0.0.1:{silent},127.0.0.1:")
    with opened(f"{url}?timeout={TIMEOUT}&connect_timeout={CONNECT_TIMEOUT}") as store:
        assert units_of(store).read(names) == [None, None]
