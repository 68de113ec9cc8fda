"""Measuring: the sides of a comparison run alternately, and each round has one ratio.

Absolute times are valid on one machine only, and not for long: processors change their frequency between runs. So only
costs that were measured side by side are compared.
"""

import gc
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, Protocol

import attrs

TURNS: Final = 4
"""Turns of each side in a round: back and forth, twice, so that a drift affects all sides alike."""


@attrs.frozen
class Cost:
    """Seconds of processor time and of elapsed time.

    With several threads or processes, also the seconds of the slowest call, the ratio of the least to the most
    operations of a worker, the number of calls that were refused because the store was busy, and the 99th percentile
    of the calls' seconds. Where memory is measured, its bytes; over a wire, the round trips.
    """

    cpu: float
    wall: float
    worst: float = 0
    fairness: float = 1
    refused: int = 0
    memory: int = 0
    trips: int = 0
    p99: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.cpu + other.cpu,
            self.wall + other.wall,
            max(self.worst, other.worst),
            min(self.fairness, other.fairness),
            self.refused + other.refused,
            max(self.memory, other.memory),
            self.trips + other.trips,
            max(self.p99, other.p99),
        )


class Side(Protocol):
    """One side of a comparison."""

    @abstractmethod
    def run(self, count: int) -> Cost:
        """Run the next ``count`` operations and return their cost."""


@contextmanager
def no_collections() -> Iterator[None]:
    """Disable the garbage collector while measuring."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@attrs.frozen
class Calls:
    """Operations of this process: ``call`` with the next of the arguments, which are made before the clock starts."""

    call: Callable[[Any], object]
    arguments: Iterator[Any]

    def run(self, count: int) -> Cost:
        """Make the calls."""
        call, arguments = self.call, list(islice(self.arguments, count))
        with no_collections():
            cpu, wall = time.process_time(), time.perf_counter()
            for argument in arguments:
                call(argument)
            return Cost(time.process_time() - cpu, time.perf_counter() - wall)


@attrs.frozen
class Scaled:
    """A slow side: it runs ``part`` of the operations, and its cost is scaled to all."""

    side: Side
    part: float

    def run(self, count: int) -> Cost:
        """Run some of the operations."""
        some = max(1, round(count * self.part))
        redeemed = self.side.run(some)
        return Cost(redeemed.cpu * count / some, redeemed.wall * count / some)


def costs_of(
    sides: Mapping[str, Side], *, rounds: int, count: int, turns: int = TURNS, warms_up: bool = True
) -> dict[str, Sequence[Cost]]:
    """Return the cost of ``count`` operations of each side, round by round, after a discarded round.

    Without ``warm_up`` no round is discarded.
    """
    if warms_up:
        _round(sides, count, turns)
    costs = [_round(sides, count, turns) for _ in range(rounds)]
    return {name: [one[name] for one in costs] for name in sides}


def _round(sides: Mapping[str, Side], count: int, turns: int) -> dict[str, Cost]:
    redeemed = {name: Cost(0, 0) for name in sides}
    order = list(sides)
    for turn in range(turns):
        for name in order if turn % 2 == 0 else reversed(order):
            redeemed[name] += sides[name].run(max(1, count // turns))
    return redeemed
