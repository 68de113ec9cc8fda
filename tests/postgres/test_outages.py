"""Sessions end and the server crashes under load: acknowledged users are stored, none in part, and no thread hangs."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from queue import SimpleQueue

import attrs

from scripts.postgres_server import Server
from tests.faults.rounds import rounds
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from tests.postgres.proxy import Sender, proxied
from usercore import Indeterminate, StorageError, UserCore

THREADS = 8
PATIENCE = 120.0
"""Seconds after which a thread counts as hanging."""

EVERY = 10
"""Acknowledged users between two faults."""


@attrs.define
class Outcomes:
    """The outcomes of the registrations."""

    told: defaultdict[type[StorageError] | None, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    acknowledged: "SimpleQueue[str | None]" = attrs.field(factory=SimpleQueue)

    def register(self, core: UserCore, email: str) -> None:
        """Register a user and record the outcome."""
        try:
            assert core.registration.register_external(email).created
        except StorageError as error:
            self.told[type(error)].add(email)
        else:
            self.told[None].add(email)
            self.acknowledged.put(email)

    def check(self, kept: set[str]) -> None:
        """Compare with what is stored: only after a lost reply is either correct."""
        assert self.told[None] <= kept
        assert kept <= self.told[None] | self.told[Indeterminate]


def register_during(core: UserCore, each: int, fault: Callable[[], object]) -> Outcomes:
    """Register users in all threads, with a fault again and again, until each has done its part."""
    outcomes = Outcomes()

    def register_all(thread: int) -> None:
        for number in range(each):
            outcomes.register(core, f"{thread}.{number}@example.com")

    def make_faults() -> int:
        made = 0
        while all(outcomes.acknowledged.get(timeout=PATIENCE) is not None for _ in range(EVERY)):
            fault()
            made += 1
        return made

    with ThreadPoolExecutor(THREADS + 1) as pool:
        troubles = pool.submit(make_faults)
        list(pool.map(register_all, range(THREADS), timeout=PATIENCE))
        outcomes.acknowledged.put(None)
        assert troubles.result(PATIENCE)
    return outcomes


def test_sessions_that_end_under_load_lose_no_acknowledged_user(server: Server, database: str) -> None:
    each = rounds(20)
    with opened(server.url(database)) as store:
        outcomes = register_during(core_over(store), each, lambda: server.end_sessions(database))
    outcomes.check(set(emails_in(server, database)))
    assert halves_in(server, database) == []
    assert len(outcomes.told[None]) > THREADS * each * 0.9


def test_wires_that_are_cut_under_load_lose_no_acknowledged_user(server: Server, database: str) -> None:
    each, places = rounds(10), cycle((sender, number) for number in range(0, 40, 3) for sender in Sender)
    url = server.url(database)
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        outcomes = register_during(core_over(store), each, lambda: proxy.cut_before(*next(places)))
    outcomes.check(set(emails_in(server, database)))
    assert halves_in(server, database) == []
    assert len(outcomes.told[None]) > THREADS * each * 0.7


def test_a_server_crash_under_load_loses_no_acknowledged_user(own_server: Server, own_database: str) -> None:
    def crash() -> None:
        own_server.stop("immediate")
        own_server.start()

    each = rounds(10, many=50)
    with opened(f"{own_server.url(own_database)}?pool_max=16") as store:
        outcomes = register_during(core_over(store), each, crash)
        outcomes.check(set(emails_in(own_server, own_database)))
        assert halves_in(own_server, own_database) == []
        assert core_over(store).registration.register_external("after@example.com").created
