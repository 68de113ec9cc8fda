"""Measuring: the sides of a comparison run in turn, and each round gives one ratio.

Absolute times hold on no machine but the one that made them, and not for long: clocks change their frequency between
runs. So only what ran side by side is compared.
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
"""Turns of each side in a round: there and back again, twice, so that whatever drifts meets all sides alike."""


@attrs.frozen
class Cost:
    """Seconds of processor and of waiting.

    Where several threads or processes work, also how long the slowest call took in seconds, what the one who did least
    did to the one who did most, and how many calls were refused because the store was busy. Where memory is measured,
    the bytes that it is about.
    """

    cpu: float
    wall: float
    worst: float = 0
    fairness: float = 1
    refused: int = 0
    memory: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.cpu + other.cpu,
            self.wall + other.wall,
            max(self.worst, other.worst),
            min(self.fairness, other.fairness),
            self.refused + other.refused,
            max(self.memory, other.memory),
        )


class Side(Protocol):
    """One side of a comparison."""

    @abstractmethod
    def run(self, count: int) -> Cost:
        """Do the next ``count`` operations and say what they cost."""


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep the garbage collector out of what is measured."""
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
    """A slow side: it does ``part`` of the operations and is charged for all."""

    side: Side
    part: float

    def run(self, count: int) -> Cost:
        """Do some of the operations."""
        some = max(1, round(count * self.part))
        redeemed = self.side.run(some)
        return Cost(redeemed.cpu * count / some, redeemed.wall * count / some)


def costs_of(
    sides: Mapping[str, Side], *, rounds: int, count: int, turns: int = TURNS, warms_up: bool = True
) -> dict[str, Sequence[Cost]]:
    """Give what ``count`` operations of each side cost, round by round, after one round that is thrown away.

    What does not ``warm up`` spares that one.
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
