"""The workloads: what is compared, how often, and the goals. Source: performance goals of the project."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from typing import Final, Generic, TypeVar

import attrs

from benchmarks import (
    authorizing,
    counting,
    listing,
    memory_use,
    meta,
    passwords,
    registering,
    signing_in,
    starting,
    web,
    writing,
)
from benchmarks.figures import (
    ALONE,
    RAW,
    USERCORE,
    Measure,
    beside_bare,
    cpu,
    fairness,
    lead_in_memory,
    lead_over,
    memory,
    p99,
    p99_beside_one_thread,
    rate,
    rate_beside_bare,
    rate_beside_flushes,
    rate_beside_single_rows,
    refused,
    round_trips,
    wall,
    worst_call,
)
from benchmarks.measuring import TURNS, Side
from benchmarks.stores import StoreProvider, Stores

P = TypeVar("P", bound=StoreProvider)

LONG_ROUNDS: Final = 7
"""Rounds of workloads that take long because threads wait for each other."""

MILLION: Final = 1_000_000

Opener = Callable[[P, int], AbstractContextManager[Mapping[str, Side]]]


@attrs.frozen(kw_only=True)
class Workload(Generic[P]):
    """One measurement. ``open`` returns its sides, in stores with so many users.

    ``count`` operations of each side make a round; ``measures`` are computed from the rounds.
    """

    id: str
    title: str
    open: Opener[P]
    count: int
    measures: Sequence[Measure]
    leaves_rows: bool = True
    """Whether both sides store rows, which must then be the same."""

    of_size: bool = True
    """Whether the number of users matters."""

    goals_from: int = 0
    """The fewest users for whom the goals are set."""

    rounds: int = 11
    turns: int = TURNS
    warms_up: bool = True
    """Whether the first round, with cold caches, is discarded."""

    lead: Callable[[str], Measure] = lead_over
    """Measures of usercore against a peer."""

    lasting: Callable[[float], Opener[P]] | None = None
    """Returns, for a workload of variable duration, how it is opened so that a turn takes so many seconds."""

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.id} {self.title}"


def _mixed(id_: str, threads: int) -> Workload[Stores]:
    return Workload(
        id=id_,
        title=f"identify, and change each twentieth time, {threads} thread{'s' * (threads > 1)}",
        open=partial(writing.mixed_load, threads=threads),
        count=8000,
        measures=[wall(1.3), cpu()],
        of_size=False,
        rounds=LONG_ROUNDS,
    )


def _over_a_wire(name: str) -> Opener[StoreProvider]:
    """Return a function of the module that needs psycopg, which need not be installed to list the workloads."""

    def open_(stores: StoreProvider, users: int) -> AbstractContextManager[Mapping[str, Side]]:
        opener: Opener[StoreProvider] = getattr(import_module("benchmarks.over_a_wire"), name)
        return opener(stores, users)

    return open_


ALL: Final[Sequence[Workload[Stores]]] = (
    Workload(
        id="W1",
        title="identify by an access token",
        open=signing_in.identify,
        count=4000,
        measures=[cpu(1.5)],
    ),
    Workload(
        id="W2a",
        title="sign in by a password, the least hash",
        open=passwords.sign_in,
        count=480,
        measures=[cpu(1.6), wall(), beside_bare()],
    ),
    Workload(
        id="W2b",
        title=f"sign in by a password, the default hash, {passwords.THREADS} threads",
        open=passwords.sign_in_together,
        count=160,
        measures=[rate_beside_bare(0.95)],
        leaves_rows=False,
        of_size=False,
    ),
    Workload(
        id="W3",
        title="register an external user",
        open=registering.register_external,
        count=240,
        measures=[cpu(1.4), wall(1.3), beside_bare()],
    ),
    Workload(
        id="W4",
        title="import external users",
        open=registering.import_users,
        count=12_000,
        measures=[cpu(1.3), wall(), beside_bare()],
    ),
    Workload(
        id="W5",
        title="issue a login token and redeem it",
        open=signing_in.log_in,
        count=240,
        measures=[cpu(1.4), wall(), beside_bare()],
    ),
    Workload(
        id="W6a",
        title="store a value of a user",
        open=meta.upsert,
        count=240,
        measures=[cpu(1.5), wall()],
    ),
    Workload(
        id="W6b",
        title="list the one user with a value",
        open=meta.find_one,
        count=4000,
        measures=[cpu(1.5)],
        leaves_rows=False,
    ),
    Workload(
        id="W6c",
        title="list the thousand users with a value",
        open=meta.find_many,
        count=40,
        measures=[cpu(1.15)],
        leaves_rows=False,
    ),
    Workload(
        id="W7a",
        title="list a thousand users by their ids",
        open=listing.list_by_ids,
        count=40,
        measures=[cpu(1.15)],
        leaves_rows=False,
    ),
    Workload(
        id="W7b",
        title="list a thousand users after a cursor",
        open=listing.list_after,
        count=40,
        measures=[cpu(1.15)],
        leaves_rows=False,
    ),
    Workload(
        id="W8",
        title="identify, in memory",
        open=signing_in.identify_in_memory,
        count=8000,
        measures=[cpu(1.5)],
        leaves_rows=False,
    ),
    Workload(
        id="W12a",
        title="count registrations, closed days counted before",
        open=counting.count_open_days,
        count=40,
        measures=[cpu(0.05), wall()],
        leaves_rows=False,
        goals_from=MILLION,
    ),
    Workload(
        id="W12b",
        title="count registrations, no day counted before",
        open=counting.count_all_days,
        count=20,
        measures=[cpu(1.2), wall()],
        leaves_rows=False,
        goals_from=MILLION,
    ),
    Workload(
        id="W13",
        title="authorize a call by an API token",
        open=authorizing.authorize,
        count=4000,
        measures=[cpu(1.5)],
    ),
    Workload(
        id="W14",
        title="register with a password, the least hash",
        open=registering.register,
        count=240,
        measures=[cpu(2), wall()],
    ),
    Workload(
        id="W15",
        title="the user of a request in FastAPI",
        open=web.user_of_a_request,
        count=2000,
        measures=[cpu(1.6), wall()],
    ),
    Workload(
        id="W9a",
        title=f"change a user, {writing.MANY} threads",
        open=writing.change_together,
        count=8000,
        measures=[
            rate(2),
            rate_beside_flushes(USERCORE),
            rate_beside_flushes(RAW),
            worst_call(USERCORE, 100),
            worst_call(RAW),
            fairness(USERCORE),
            fairness(RAW),
        ],
        of_size=False,
        rounds=LONG_ROUNDS,
    ),
    Workload(
        id="W9b",
        title="change a user, 1 thread",
        open=writing.change_alone,
        count=240,
        measures=[wall(1.3), cpu()],
        of_size=False,
    ),
    Workload(
        id="W9c",
        title=f"change a user, {writing.PROCESSES} processes",
        open=writing.change_in_processes,
        count=8000,
        measures=[
            refused(USERCORE, 0),
            refused(RAW),
            rate(),
            worst_call(USERCORE),
            worst_call(RAW),
            fairness(USERCORE),
            fairness(RAW),
        ],
        of_size=False,
        rounds=3,
        lasting=writing.lasting,
    ),
    _mixed("W9d", 1),
    _mixed("W9e", 4),
    _mixed("W9f", writing.MANY),
    Workload(
        id="W9g",
        title=f"identify, {writing.MANY} threads",
        open=writing.identify_together,
        count=8000,
        measures=[p99_beside_one_thread(3), p99(USERCORE), p99(ALONE), p99(RAW)],
        leaves_rows=False,
        of_size=False,
        rounds=LONG_ROUNDS,
    ),
    Workload(
        id="W10a",
        title="import usercore",
        open=starting.import_usercore,
        count=4,
        measures=[cpu(1.1)],
        leaves_rows=False,
        of_size=False,
    ),
    Workload(
        id="W10b",
        title="open a store and identify once",
        open=starting.open_and_identify,
        count=20,
        measures=[cpu(2.0)],
    ),
    Workload(
        id="W10c",
        title="start a process, open a store and identify once",
        open=starting.start_and_identify,
        count=4,
        measures=[cpu()],
        leaves_rows=False,  # nothing is closed
    ),
    Workload(
        id="W11a",
        title="memory of users in memory",
        open=memory_use.keep_in_memory,
        count=1,
        measures=[memory(1.2)],
        leaves_rows=False,
        rounds=2,
        turns=1,
        warms_up=False,
    ),
    Workload(
        id="W11b",
        title="memory of a process over a file",
        open=memory_use.identify_in_process,
        count=4000,
        measures=[memory(1.3)],
        rounds=LONG_ROUNDS,
        turns=1,
        lead=lead_in_memory,
    ),
)

POSTGRES: Final[Sequence[Workload[StoreProvider]]] = (
    Workload(
        id="PG1",
        title="identify by an access token, PostgreSQL",
        open=signing_in.identify,
        count=2000,
        measures=[cpu(1.4), wall()],
        of_size=False,
    ),
    Workload(
        id="PG2",
        title="sign in with a password, the least hash, PostgreSQL",
        open=_over_a_wire("sign_in"),
        count=240,
        measures=[cpu(1.4), wall()],
        of_size=False,
    ),
    Workload(
        id="PG3",
        title="register an external user, PostgreSQL",
        open=registering.register_external,
        count=240,
        measures=[cpu(1.4), wall(), beside_bare()],
        of_size=False,
    ),
    Workload(
        id="PG2w",
        title="sign in with a password, over a wire of 10 ms",
        open=_over_a_wire("sign_in_over_a_wire"),
        count=40,
        measures=[round_trips(USERCORE, 7), round_trips(RAW), wall(1)],
        of_size=False,
        rounds=LONG_ROUNDS,
    ),
    Workload(
        id="PG3w",
        title="register an external user, over a wire of 10 ms",
        open=_over_a_wire("register_over_a_wire"),
        count=40,
        measures=[round_trips(USERCORE, 5), round_trips(RAW), wall(1)],
        of_size=False,
        rounds=LONG_ROUNDS,
    ),
    Workload(
        id="PG3s",
        title="register in young stores, SERIALIZABLE to READ COMMITTED, 4 threads, a wire of 5 ms",
        open=_over_a_wire("register_in_young_stores"),
        count=160,
        measures=[rate(0.8)],
        of_size=False,
        leaves_rows=False,
        rounds=LONG_ROUNDS,
        warms_up=False,
    ),
    Workload(
        id="PG4",
        title="import external users, PostgreSQL",
        open=registering.import_users_by_copy,
        count=12_000,
        measures=[rate_beside_single_rows(3), rate(), cpu(), beside_bare()],
        of_size=False,
    ),
    Workload(
        id="PG5",
        title="issue a login token and redeem it, PostgreSQL",
        open=signing_in.log_in,
        count=240,
        measures=[cpu(1.4), wall(), beside_bare()],
        of_size=False,
    ),
    Workload(
        id="PG7a",
        title="list a thousand users by their ids, PostgreSQL",
        open=listing.list_by_ids,
        count=40,
        measures=[cpu(1.15), wall()],
        leaves_rows=False,
    ),
    Workload(
        id="PG7b",
        title="list a thousand users after a cursor, PostgreSQL",
        open=listing.list_after,
        count=40,
        measures=[cpu(1.15), wall()],
        leaves_rows=False,
    ),
    Workload(
        id="PG12a",
        title="count registrations, closed days counted before, PostgreSQL",
        open=counting.count_open_days,
        count=40,
        measures=[wall(0.05), cpu()],
        leaves_rows=False,
        goals_from=MILLION,
    ),
    Workload(
        id="PG12b",
        title="count registrations, no day counted before, PostgreSQL",
        open=counting.count_all_days,
        count=20,
        measures=[wall(1.2), cpu()],
        leaves_rows=False,
        goals_from=MILLION,
    ),
)
"""The same on PostgreSQL. PG1 to PG7 are measured by the processor time of the client, which hardly depends on the
number of users; the server counts, so PG12 is measured by elapsed time."""
