"""Each error that a server causes on a bad day, caused for real."""

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from random import randbytes
from select import select
from typing import Any, Final

import psycopg
import pytest
from psycopg.waiting import Ready

from scripts.postgres_server import Server, lent_to, temporary_folder
from tests.architecture.source import ROOT
from tests.faults.disks import mounted
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from tests.postgres.proxy import READY, proxied
from usercore import Busy, Full, Indeterminate, ReadOnly, UserCore
from usercore.testing.contracts.base import units_of
from usercore.testing.contracts.units import names
from usercore_storage import postgres
from usercore_storage.postgres import PostgresStorage
from usercore_storage.postgres.connections import Raw

MOMENT: Final = 0.1
"""Seconds in which the server answers."""

MEGABYTES: Final = 24
"""The size of a disk with little more than an empty store."""

FEW: Final = "few"
"""A role that may have one connection."""


@pytest.fixture
def one_connection(server: Server, database: str) -> Iterator[str]:
    """Return the URL of a store that one connection may be opened to."""
    server.ask(f"CREATE ROLE {FEW} LOGIN CONNECTION LIMIT 1 IN ROLE pg_read_all_data")
    yield f"{server.url(database, role=FEW)}?timeout=1"
    server.ask(f"DROP ROLE {FEW}")


def test_a_server_that_accepts_no_further_connection_is_busy(one_connection: str) -> None:
    with opened(one_connection) as store:
        with psycopg.connect(one_connection.partition("?")[0]):
            for use in (lambda: units_of(store).read(names), lambda: postgres.open_storage(one_connection)):
                with pytest.raises(Busy, match="too many connections"):
                    use()
        assert read_when_free(store) == [None, None]


def read_when_free(store: PostgresStorage) -> object:
    """Read once the server accepts a connection again: it notices the end of a session a moment later."""
    for _ in range(60):
        with suppress(Busy):
            return units_of(store).read(names)
    return None


@pytest.mark.thorough
def test_a_server_without_free_connections_is_busy(own_server: Server, own_database: str) -> None:
    own_server.ask("ALTER SYSTEM SET max_connections = 8")
    own_server.stop("fast")
    own_server.start()
    url = own_server.url(own_database)
    with opened(f"{url}?timeout=1") as store, ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(psycopg.connect(url))
        for use in (lambda: units_of(store).read(names), lambda: postgres.open_storage(url)):
            with pytest.raises(Busy, match="too many clients"):
                use()


def register_until_full(core: UserCore) -> list[str]:
    """Return the emails of acknowledged registrations."""
    told: list[str] = []
    while len(told) < MEGABYTES * 1000:
        email = f"{len(told):04}@example.com"
        try:
            core.registration.register(email, note=randbytes(10_000).hex())  # noqa: S311 - what cannot be compressed
        except Full:
            return told
        told.append(email)
    raise AssertionError


@pytest.mark.thorough
@pytest.mark.needs_mount
def test_a_server_whose_disk_is_full_is_full_and_stores_nothing_of_the_call(own_server: Server) -> None:
    with temporary_folder() as folder, mounted(folder, MEGABYTES):
        lent_to(folder)
        own_server.ask(f"CREATE TABLESPACE small LOCATION '{folder}'")
        own_server.ask("CREATE DATABASE small TABLESPACE small")
        with opened(own_server.url("small")) as store:
            told = register_until_full(core_over(store))
        assert emails_in(own_server, "small") == told
        assert halves_in(own_server, "small") == []
        own_server.ask("DROP DATABASE small WITH (FORCE)")
        own_server.ask("DROP TABLESPACE small")


@pytest.mark.parametrize("isolation", ["read_committed", "serializable"])
def test_a_server_that_only_reads_is_read_only(server: Server, database: str, isolation: str) -> None:
    server.ask(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with opened(f"{server.url(database)}?isolation={isolation}") as store:
        with pytest.raises(ReadOnly):
            core_over(store).registration.register_external("ann@example.com")
        assert units_of(store).read(names) == [None, None]


@pytest.mark.thorough
def test_a_hot_standby_is_read_only(own_server: Server, own_database: str) -> None:
    own_server.stop("fast")
    own_server.become_standby()
    own_server.start()
    assert own_server.ask("SELECT pg_is_in_recovery()") == [(True,)]
    for isolation in ("read_committed", "serializable"):
        with opened(f"{own_server.url(own_database)}?isolation={isolation}") as store:
            with pytest.raises(ReadOnly):
                core_over(store).registration.register_external("ann@example.com")
            assert units_of(store).read(names) == [None, None]


def error_of(severity: str, code: str) -> bytes:
    """Return the server's message of an error."""
    fields = b"".join(name + text.encode() + b"\0" for name, text in ((b"S", severity), (b"V", severity), (b"C", code)))
    body = fields + b"Mended\0\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


TERMINATE_WAITING: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

LOST: Final = {
    "terminated": error_of("FATAL", "57P01"),
    "crashed": error_of("FATAL", "57P02"),
    "the flush failed": error_of("PANIC", "58030"),
    "the disk is full": error_of("PANIC", "53100"),
    "the pooler lost the server": error_of("FATAL", "08P01"),
    "internal": error_of("FATAL", "XX000"),
    "unknown": error_of("ERROR", "40003") + READY,
    "unknown to the coordinator": error_of("ERROR", "08007") + READY,
}
"""The session goes on after the last two only."""


@pytest.mark.parametrize("reaches", [True, False])
@pytest.mark.parametrize("reason", LOST)
def test_a_commit_that_ends_with_the_session_is_indeterminate_whatever_the_code(
    server: Server, database: str, reason: str, *, reaches: bool
) -> None:
    url = server.url(database)
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        core = core_over(store)
        proxy.answer_at(b"COMMIT\0", LOST[reason], reaches=reaches)
        with pytest.raises(Indeterminate):
            core.registration.register_external("ann@example.com")
        assert emails_in(server, database) == ["ann@example.com"] * reaches
        assert halves_in(server, database) == []
        assert core.registration.register_external("ann@example.com").created is not reaches


def resumed_late(steps: Generator[Any, Any, Any], socket: int) -> Generator[Any, Any, Any]:
    """Resume the driver once the server has answered, if it does, as on a busy machine."""
    try:
        awaited = next(steps)
        while True:
            ready = yield awaited
            if select([socket], [], [], MOMENT)[0]:
                ready |= Ready.R
            awaited = steps.send(ready)
    except StopIteration as ended:
        return ended.value


CALLS: Final[dict[bytes, Callable[[UserCore, int], object]]] = {
    b"READ COMMITTED": lambda core, _: core.registration.register_external("bob@example.com"),
    b"REPEATABLE READ": lambda core, ann: core.history.detail(ann),
    b"COMMIT\0": lambda core, _: core.registration.register_external("bob@example.com"),
}
"""Calls, by a word of the batch after which the session ends."""


@pytest.mark.parametrize("word", CALLS)
def test_a_session_that_ends_before_it_is_ready_for_the_next_batch_is_lost(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch, word: bytes
) -> None:
    """The driver raises an error of its own then, without a code, while the connection is still open."""
    url, wait = server.url(database), psycopg.Connection.wait
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        core = core_over(store)
        ann = core.registration.register_external("ann@example.com").user.id
        server.end_sessions(database)
        with monkeypatch.context() as patch, pytest.raises(Indeterminate) if word == b"COMMIT\0" else nullcontext():
            patch.setattr(Raw, "wait", lambda raw, steps: wait(raw, resumed_late(steps, raw.fileno())))
            proxy.answer_after(word, LOST["terminated"])
            CALLS[word](core, ann)
        assert proxy.is_idle
    assert halves_in(server, database) == []
    assert emails_in(server, database)[1:] == ["bob@example.com"] * (word != b"REPEATABLE READ")


@pytest.mark.thorough
def test_a_commit_that_is_ended_while_it_waits_for_a_standby_is_indeterminate(
    own_server: Server, own_database: str
) -> None:
    """The row is on the disk, although the server says FATAL: it waited for a standby that does not exist."""
    with opened(own_server.url(own_database)) as store, ThreadPoolExecutor(1) as thread:
        core = core_over(store)
        own_server.ask("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
        own_server.ask("SELECT pg_reload_conf()")
        while own_server.ask("SHOW synchronous_standby_names") != [("absent",)]:
            pass  # the server reads its settings
        told = thread.submit(core.registration.register_external, "ann@example.com")
        while not own_server.ask(TERMINATE_WAITING):
            assert not told.done()
        with pytest.raises(Indeterminate):
            told.result()
    assert emails_in(own_server, own_database) == ["ann@example.com"]


def test_a_refused_connection_is_raised_with_its_reason_and_printed_by_no_logger(server: Server, database: str) -> None:
    text = """
import sys, psycopg, usercore
from usercore_storage import postgres
store = postgres.open_storage(sys.argv[1])
with psycopg.connect(sys.argv[2], autocommit=True) as admin:
    admin.execute("ALTER DATABASE %s ALLOW_CONNECTIONS false" % sys.argv[3])
try:
    store.run(lambda connection, again: None)
except usercore.StorageError as error:
    print(error.reason)
"""
    arguments = [f"{server.url(database)}?timeout=1", server.url(), database]
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "is not currently accepting connections" in done.stdout
    assert done.stderr == ""
