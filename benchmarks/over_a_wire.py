"""PG2 and PG3 over a network: with each answer 10 ms away, what counts is how often a call waits for one.

The wire counts that. And a young store at SERIALIZABLE, with four threads.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from typing import Final

import attrs
import psycopg

import usercore
from benchmarks.baseline.passwords import Passwords
from benchmarks.concurrency import Threads
from benchmarks.databases import Databases
from benchmarks.figures import RAW, TRIP, USERCORE
from benchmarks.measuring import Calls, Cost, Side
from benchmarks.passwords import CREDENTIAL, LEAST, hash_by, hasher_of, holders, logins
from benchmarks.people import NOW, PASSWORD, id_of
from benchmarks.registering import register_external
from benchmarks.stores import StoreProvider
from benchmarks.wire import Wire, slow_wire
from usercore.passwords.model import PasswordPolicy

ROUND_TRIP: Final = 0.010
YOUNG_ROUND_TRIP: Final = 0.005
"""Seconds."""

THREADS: Final = 4


@contextmanager
def wired(stores: StoreProvider, round_trip: float) -> Iterator[tuple[Wire, Databases]]:
    """Return a wire and the same databases behind it, for the duration of a ``with``."""
    assert isinstance(stores, Databases)
    with slow_wire(stores.server.port, round_trip) as wire:
        yield wire, attrs.evolve(stores, port=wire.port)


@attrs.frozen
class Counted:
    """A side whose round trips are counted by its wire, which no other side uses meanwhile."""

    side: Side
    wire: Wire

    def run(self, count: int) -> Cost:
        """Run the operations."""
        before = self.wire.asked()
        cost = self.side.run(count)
        return attrs.evolve(cost, trips=self.wire.asked() - before)


@contextmanager
def sign_in(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Sign in with the least hash; see W2a."""
    assert isinstance(stores, Databases)
    policy = usercore.Policy(passwords=PasswordPolicy(profile=LEAST))
    hashed = hash_by(LEAST)

    def with_passwords(name: str) -> str:
        """Return the URL of a copy in which some users have a password."""
        with closing(stores.by_hand(users, name)) as store:
            store.write(store.many, CREDENTIAL, [(id_of(number), hashed) for number in holders(users)])
        return stores.url_of(users, name)

    url = with_passwords(USERCORE)
    with_passwords(RAW)
    with (
        closing(usercore.open(url, clock=lambda: NOW, policy=policy)) as core,
        closing(Passwords(stores.opened_by_hand(users, RAW), lambda: NOW, hasher_of(LEAST))) as raw,
    ):
        yield {
            USERCORE: Calls(lambda login: core.sign_in.with_password(login, PASSWORD), logins(users, seed=1)),
            RAW: Calls(lambda login: raw.sign_in(login, PASSWORD), logins(users, seed=1)),
        }


@contextmanager
def sign_in_over_a_wire(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Sign in over a wire."""
    with (
        wired(stores, ROUND_TRIP) as (wire, far),
        sign_in(far, users) as sides,
        beside_a_round_trip(wire, far.url_of(users, USERCORE), sides) as all_,
    ):
        yield all_


@contextmanager
def register_over_a_wire(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Register external users over a wire; see W3."""
    with (
        wired(stores, ROUND_TRIP) as (wire, far),
        register_external(far, users) as sides,
        beside_a_round_trip(wire, far.url_of(users, USERCORE), {name: sides[name] for name in (USERCORE, RAW)}) as all_,
    ):
        yield all_


@contextmanager
def beside_a_round_trip(wire: Wire, url: str, sides: Mapping[str, Side]) -> Iterator[dict[str, Side]]:
    """Return these sides with their round trips, and one that waits for one answer a call."""
    with psycopg.connect(url, autocommit=True) as connection:
        trip = Calls(lambda _: connection.execute("SELECT 1", prepare=False), count())
        yield {name: Counted(side, wire) for name, side in ({**sides, TRIP: trip}).items()}


@contextmanager
def register_in_young_stores(stores: StoreProvider, _: int) -> Iterator[dict[str, Side]]:
    """Register external users in four threads in stores that were empty, at SERIALIZABLE and at READ COMMITTED."""
    with (
        wired(stores, YOUNG_ROUND_TRIP) as (_wire, far),
        closing(usercore.open(f"{far.empty('serializable')}?isolation=serializable")) as serializable,
        closing(usercore.open(far.empty("read_committed"))) as read_committed,
    ):
        yield {name: _registering(core) for name, core in ((USERCORE, serializable), (RAW, read_committed))}


def _registering(core: usercore.UserCore) -> Side:
    def register(number: int) -> None:
        core.registration.register_external(f"{number}@example.com", external_id=str(number))

    return Threads([register] * THREADS, count())
