"""Sessions end and the server crashes under load: what was acknowledged is kept, nothing by half, and nobody hangs."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import attrs

from scripts.postgres_server import Server
from tests.faults.rounds import rounds
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from usercore import Indeterminate, StorageError, UserCore

THREADS = 8
PATIENCE = 120.0
"""Seconds after which something hangs."""

EVERY = 10
"""Acknowledged users between two troubles."""


@attrs.define
class Diary:
    """What the callers were told, by what they were told."""

    told: defaultdict[type[StorageError] | None, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    acknowledged: "SimpleQueue[str | None]" = attrs.field(factory=SimpleQueue)

    def register(self, core: UserCore, email: str) -> None:
        """Register somebody, and note what came of it."""
        try:
            assert core.registration.register_external(email).created
        except StorageError as error:
            self.told[type(error)].add(email)
        else:
            self.told[None].add(email)
            self.acknowledged.put(email)

    def check(self, kept: set[str]) -> None:
        """Compare with what is kept: only an answer that was lost may go either way."""
        assert self.told[None] <= kept
        assert kept <= self.told[None] | self.told[Indeterminate]


def live_through(core: UserCore, each: int, trouble: Callable[[], object]) -> Diary:
    """Register users in all threads, with trouble again and again, until each has had its turns."""
    diary = Diary()

    def register_all(thread: int) -> None:
        for number in range(each):
            diary.register(core, f"{thread}.{number}@example.com")

    def make_trouble() -> int:
        made = 0
        while all(diary.acknowledged.get(timeout=PATIENCE) is not None for _ in range(EVERY)):
            trouble()
            made += 1
        return made

    with ThreadPoolExecutor(THREADS + 1) as pool:
        troubles = pool.submit(make_trouble)
        list(pool.map(register_all, range(THREADS), timeout=PATIENCE))
        diary.acknowledged.put(None)
        assert troubles.result(PATIENCE)
    return diary


def test_sessions_that_end_under_load_cost_nothing_that_was_acknowledged(server: Server, database: str) -> None:
    each = rounds(20)
    with opened(server.url(database)) as store:
        diary = live_through(core_over(store), each, lambda: server.end_sessions(database))
    diary.check(set(emails_in(server, database)))
    assert halves_in(server, database) == []
    assert len(diary.told[None]) > THREADS * each * 0.9


def test_a_server_that_crashes_under_load_keeps_what_was_acknowledged(own_server: Server, own_database: str) -> None:
    def crash() -> None:
        own_server.stop("immediate")
        own_server.start()

    each = rounds(10, many=50)
    with opened(f"{own_server.url(own_database)}?pool_max=16") as store:
        diary = live_through(core_over(store), each, crash)
        diary.check(set(emails_in(own_server, own_database)))
        assert halves_in(own_server, own_database) == []
        assert core_over(store).registration.register_external("after@example.com").created
