"""Measuring: the sides of a comparison run in turn, and each round gives one ratio.

Absolute times hold on no machine but the one that made them, and not for long: clocks change their frequency between
runs. So only what ran side by side is compared.
"""

import gc
import statistics
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import attrs

TURNS = 4
"""Turns of each side in a round: there and back again, twice, so that whatever drifts meets all sides alike."""


@attrs.frozen
class Cost:
    """Seconds of processor and of waiting."""

    cpu: float
    wall: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall)


class Side(Protocol):
    """One side of a comparison."""

    @abstractmethod
    def run(self, count: int) -> Cost:
        """Do the next ``count`` operations and say what they cost."""


@attrs.frozen
class Calls:
    """Operations of this process: ``call`` with the next of the arguments, which are made before the clock starts."""

    call: Callable[[Any], object]
    arguments: Iterator[Any]

    def run(self, count: int) -> Cost:
        """Make the calls."""
        call, arguments = self.call, list(islice(self.arguments, count))
        gc.collect()
        gc.disable()
        try:
            cpu, wall = time.process_time(), time.perf_counter()
            for argument in arguments:
                call(argument)
            return Cost(time.process_time() - cpu, time.perf_counter() - wall)
        finally:
            gc.enable()


@attrs.frozen
class Scaled:
    """A slow side: it does ``part`` of the operations and is charged for all."""

    side: Side
    part: float

    def run(self, count: int) -> Cost:
        """Do some of the operations."""
        some = max(1, round(count * self.part))
        spent = self.side.run(some)
        return Cost(spent.cpu * count / some, spent.wall * count / some)


@attrs.frozen
class Ratio:
    """Median and range of the ratios of all rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Write it as ``1.23 [1.10-1.31]``."""
        return f"{self.median:.2f} [{self.least:.2f}-{self.most:.2f}]"


@attrs.frozen
class Costs:
    """What a side cost in each round."""

    cpu: Sequence[float]
    wall: Sequence[float]


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Give the ratio of two sides, round by round."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def costs_of(sides: Mapping[str, Side], *, rounds: int, count: int) -> dict[str, Costs]:
    """Give what ``count`` operations of each side cost, round by round, after one round that is thrown away."""
    _round(sides, count)
    costs = [_round(sides, count) for _ in range(rounds)]
    return {name: Costs([one[name].cpu for one in costs], [one[name].wall for one in costs]) for name in sides}


def _round(sides: Mapping[str, Side], count: int) -> dict[str, Cost]:
    spent = {name: Cost(0, 0) for name in sides}
    order = list(sides)
    for turn in range(TURNS):
        for name in order if turn % 2 == 0 else reversed(order):
            spent[name] += sides[name].run(max(1, count // TURNS))
    return spent
