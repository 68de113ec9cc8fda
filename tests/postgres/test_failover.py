"""The primary is killed and its standby promoted: nothing acknowledged is lost, and writes go on within a bound."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from queue import SimpleQueue
from threading import Event
from time import monotonic
from typing import Final

import pytest

from scripts.postgres_server import Server, find_programs, folder_in_memory, running
from tests.faults.rounds import rounds
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from tests.postgres.test_outages import PATIENCE, Outcomes
from usercore import Indeterminate, Unavailable, UserCore
from usercore_storage import check, postgres
from usercore_storage.postgres.location import location_of

WRITERS: Final = 8

AROUND: Final = 200
"""Acknowledged users before the primary is killed, and after its standby was promoted."""

SLACK: Final = 6.0
"""Seconds beyond the bound, on a busy machine."""


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.rule("Y3")
def test_no_acknowledged_user_is_lost_when_a_standby_takes_over(
    record_property: Callable[[str, object], None],
) -> None:
    programs, waits = find_programs(), list[float]()
    assert programs is not None
    with ExitStack() as servers:
        primary = servers.enter_context(running(programs, folder_in_memory()))
        database = primary.make_database()
        postgres.open_storage(primary.url(database)).close()
        for number in range(rounds(few=1, many=7)):
            standby = servers.enter_context(running(programs, folder_in_memory(), primary))
            primary.wait_for_standby()
            waits.append(fail_over(primary, standby, database, f"round{number}"))
            primary = standby
        assert check(primary.url(database)).is_clean
    spread = f"{min(waits):.2f} to {max(waits):.2f} s"
    record_property("figures", f"{len(waits)} failovers, {WRITERS} writers: first write {spread} after the promotion")


def fail_over(primary: Server, standby: Server, database: str, name: str) -> float:
    """Kill the primary beneath the writers, and return the seconds from the promotion to the first write."""
    url = primary.url(database).replace(f":{primary.port}/", f":{primary.port},127.0.0.1:{standby.port}/")
    outcomes, earlier, over = Outcomes(), set(emails_in(primary, database)), Event()
    with opened(f"{url}?timeout=1") as store, ThreadPoolExecutor(WRITERS) as pool:
        core = core_over(store)
        writing = [pool.submit(write_until, over, core, outcomes, f"{name}.{writer}") for writer in range(WRITERS)]
        try:
            hear(outcomes.acknowledged)
            primary.kill()
            standby.promote()
            promoted = monotonic()
            outcomes.acknowledged = SimpleQueue()
            outcomes.acknowledged.get(timeout=PATIENCE)
            waited = monotonic() - promoted
            hear(outcomes.acknowledged)
        finally:
            over.set()
        longest = max(future.result(PATIENCE) for future in writing)
    bound = location_of(f"{url}?timeout=1").longest_connecting
    assert waited < bound + SLACK
    assert longest < 2 * bound + SLACK, "a call waits for a statement, and once more for a connection"
    outcomes.check(set(emails_in(standby, database)) - earlier)
    assert halves_in(standby, database) == []
    assert set(outcomes.told) <= {None, Indeterminate, Unavailable}
    return waited


def hear(acknowledged: SimpleQueue[str | None]) -> None:
    """Wait for acknowledgements."""
    for _ in range(AROUND):
        acknowledged.get(timeout=PATIENCE)


def write_until(over: Event, core: UserCore, outcomes: Outcomes, name: str) -> float:
    """Register users until it is over; return the seconds of the longest call."""
    longest = 0.0
    for number in count():
        start = monotonic()
        outcomes.register(core, f"{name}.{number}@example.com")
        longest = max(longest, monotonic() - start)
        if over.is_set():
            break
    return longest
