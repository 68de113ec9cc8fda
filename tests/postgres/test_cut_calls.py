"""Every public method over a wire that is cut before each message: all of it is stored or nothing, and the error tells.

A unit that lost its connection does not run again here, so that each cut is seen in what the call raises.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

import attrs
import pytest

from scripts.postgres_server import Server
from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.faults.rounds import rounds
from tests.faults.test_failing_calls import SEVERAL_UNITS
from tests.postgres.helpers import effect_counts, opened
from tests.postgres.proxy import Proxy, Sender, proxied
from tests.samples import FilledStore
from usercore import Indeterminate, Unavailable
from usercore_storage import check
from usercore_storage.postgres import PostgresStorage
from usercore_storage.postgres.connections import Connection

FEW: Final = 3
"""Cuts of each side; ``make faults`` cuts before each message."""

TRIES: Final = 5
"""Reads until the pool has replaced connections that are lost."""

CUT: Final = [call for call in CALLS if str(call) != "core.close"]
EACH: Final = pytest.mark.parametrize("call", CUT if rounds(few=1) > 1 else CUT[::80], ids=str)


@attrs.frozen(kw_only=True)
class CutStore:
    """A full store behind a proxy, and a copy of its database."""

    server: Server
    proxy: Proxy
    store: PostgresStorage
    filled: FilledStore
    database: str
    copy: str

    before: Counter[str]
    """What the database had when it was copied; see ``effects``."""

    def run(self, call: Call) -> type[Exception] | None:
        """Make a call, and return the class of the error that the wire caused, or None."""
        try:
            call.of(self.filled)(**call.arguments(self.filled))
        except (Indeterminate, Unavailable) as error:
            return type(error)
        return None

    def effects(self) -> Counter[str]:
        """Return the number of rows of each table, and of all changes of users."""
        return effect_counts(self.server, self.database)

    def process(self) -> int:
        """Return the number of the server's process that serves the pool, once it has a connection that works."""
        for _ in range(TRIES):
            with suppress(Unavailable):
                return self.store.run(process_of)
        raise AssertionError

    def connect(self) -> None:
        """Wait for a connection, and end all other sessions.

        One whose client is gone may still commit what it was sent, and hold locks.
        """
        self.server.end_sessions(self.database, but=self.process())

    def restore(self) -> None:
        """Create the database again, and connect to it."""
        self.process()  # a pool that fails to connect tries again a second later
        self.server.ask(f"DROP DATABASE {self.database} WITH (FORCE)")
        self.server.ask(f"CREATE DATABASE {self.database} TEMPLATE {self.copy}")
        self.process()


@pytest.fixture(scope="module")
def cut_store(server: Server, template: str) -> Iterator[CutStore]:
    """Return a store whose units do not run again if they lose their connection."""
    database = server.make_database(template)
    with proxied(server.port) as proxy:
        url = server.url(database).replace(f":{server.port}/", f":{proxy.port}/")
        with opened(f"{url}?pool_max=1") as store:
            filled = build(store)
            store._max_losses = 0
            server.end_sessions(database)
            copy = server.make_database(database)
            yield CutStore(
                server=server,
                proxy=proxy,
                store=store,
                filled=filled,
                database=database,
                copy=copy,
                before=effect_counts(server, copy),
            )


def process_of(connection: Connection, _: bool) -> int:  # noqa: FBT001 - as a storage calls it
    """Return the number of the server's process that serves a connection."""
    ((process,),) = connection("SELECT pg_backend_pid()")
    return int(str(process))


def cuts(messages: Mapping[Sender, int]) -> Iterator[tuple[Sender, int]]:
    """Iterate over messages of both sides: each, or a few spread over them."""
    for sender, count in messages.items():
        for number in range(0, count, max(1, count // rounds(FEW))):
            yield sender, number


@pytest.mark.rule("ERR", "X2")
@EACH
def test_a_call_over_a_cut_wire_is_stored_as_a_whole_or_not_at_all_and_its_error_says_which(
    cut_store: CutStore, call: Call
) -> None:
    proxy, before = cut_store.proxy, cut_store.before
    for _ in ("fills caches, such as that of tenants", "sends what later runs send"):
        cut_store.restore()
        proxy.watch()
        assert cut_store.run(call) is None
    whole, messages, before_commit = cut_store.effects(), proxy.messages, proxy.before_commit
    if whole == before:
        return  # it reads
    cut_store.restore()
    for sender, number in cuts(messages):
        proxy.cut_before(sender, number)
        error = cut_store.run(call)
        proxy.watch()  # a cut after the call's last message would hit the next connection
        cut_store.connect()
        stored = before if error is Unavailable else cut_store.effects()  # compared with what is stored in the end
        if error is Indeterminate:
            assert before_commit is not None, (sender, number)
            assert number >= before_commit[sender], "it was not sent with the commit"
        stops_between = str(call) in SEVERAL_UNITS
        assert stops_between or stored == whole or (error is not None and stored == before), (sender, number)
        if stored != before or stops_between:
            cut_store.restore()
    assert cut_store.effects() == before
    assert check(cut_store.server.url(cut_store.database)).is_clean
