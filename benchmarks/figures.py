"""Figures: ratios of the costs of a workload's sides, and their goals."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from benchmarks.measuring import Cost

Costs = Mapping[str, Sequence[Cost]]
"""The cost of each side, round by round."""

USERCORE: Final = "usercore"
RAW: Final = "raw"
BARE: Final = "bare"
SINGLY: Final = "row by row"
TRIP: Final = "round trip"
ALONE: Final = "one thread"
FLUSH: Final = "flush"
OURS: Final = frozenset({USERCORE, RAW, BARE, SINGLY, TRIP, ALONE, FLUSH})
"""The sides that are not peers."""


@attrs.frozen
class Ratio:
    """Median and range of the values of all rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Return it as ``1.23 [1.10-1.31]``."""
        return f"{self.median:.2f} [{self.least:.2f}-{self.most:.2f}]"


def spread_of(values: Sequence[float]) -> Ratio:
    """Return median and range."""
    return Ratio(statistics.median(values), min(values), max(values))


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return the ratio of two sides, round by round."""
    return spread_of([one / other for one, other in zip(ours, theirs, strict=True)])


@attrs.frozen(kw_only=True)
class Goal:
    """A bound for the median of the rounds; with ``always`` for the worst of them. ``more`` is better, or less."""

    bound: float
    more: bool = False
    always: bool = False

    def __str__(self) -> str:
        """Return it as ``<= 1.5``."""
        return f"{'>=' if self.more else '<='} {self.bound:g}"

    def is_met(self, value: Ratio) -> bool:
        """Return whether the value meets the goal."""
        if self.more:
            return (value.least if self.always else value.median) >= self.bound
        return (value.most if self.always else value.median) <= self.bound


@attrs.frozen(kw_only=True)
class Figure:
    """One figure of a result; without a goal it is only information."""

    name: str
    value: Ratio
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, or None if there is none."""
        return None if self.goal is None else self.goal.is_met(self.value)


@attrs.frozen(kw_only=True)
class Measure:
    """How a figure is computed from the costs."""

    name: str
    of: Callable[[Costs], Ratio]
    goal: Goal | None = None

    def figure(self, costs: Costs) -> Figure:
        """Compute the figure."""
        return Figure(name=self.name, value=self.of(costs), goal=self.goal)


def cpu(most: float | None = None) -> Measure:
    """Compare usercore's processor time with the raw side's."""
    return Measure(name="CPU", of=lambda costs: _cpu(costs, USERCORE, RAW), goal=_at_most(most))


def wall(most: float | None = None) -> Measure:
    """Compare usercore's duration with the raw side's."""
    return Measure(
        name="wall", of=lambda costs: ratio_of(_walls(costs, USERCORE), _walls(costs, RAW)), goal=_at_most(most)
    )


def round_trips(side: str, most: float | None = None) -> Measure:
    """Count the round trips of a call of a side, beside a call that waits for one answer."""
    return Measure(
        name=f"round trips, {side}",
        of=lambda costs: ratio_of([one.trips for one in costs[side]], [one.trips for one in costs[TRIP]]),
        goal=_at_most(most),
    )


def rate(least: float | None = None) -> Measure:
    """Compare usercore's rate of operations with the raw side's."""
    return _rate("rate", RAW, least)


def rate_beside_bare(least: float | None = None) -> Measure:
    """Compare usercore's rate of operations with that of the bare feature."""
    return _rate("rate to the bare feature", BARE, least)


def rate_beside_single_rows(least: float | None = None) -> Measure:
    """Compare usercore's rate with that of the raw side if it sends row by row."""
    return _rate("rate to single INSERTs", SINGLY, least)


def rate_beside_flushes(side: str) -> Measure:
    """Count the operations of a side in the time that the disk takes for one flush."""
    return Measure(
        name=f"changes in the time of a flush, {side}",
        of=lambda costs: ratio_of(_walls(costs, FLUSH), _walls(costs, side)),
    )


def beside_bare() -> Measure:
    """Compare usercore's processor time with that of the bare feature."""
    return Measure(name="CPU to the bare feature", of=lambda costs: _cpu(costs, USERCORE, BARE))


def lead_over(peer: str) -> Measure:
    """Compare a peer's processor time with usercore's."""
    return Measure(name=f"CPU of {peer} to usercore's", of=lambda costs: _cpu(costs, peer, USERCORE))


def memory(most: float | None = None) -> Measure:
    """Compare the memory of usercore's process with the raw side's."""
    return Measure(name="memory", of=lambda costs: _memory(costs, USERCORE, RAW), goal=_at_most(most))


def lead_in_memory(peer: str) -> Measure:
    """Compare the memory of a peer's process with usercore's."""
    return Measure(name=f"memory of {peer} to usercore's", of=lambda costs: _memory(costs, peer, USERCORE))


def worst_call(side: str, most: float | None = None) -> Measure:
    """Return the milliseconds of a side's slowest call."""
    return Measure(
        name=f"slowest call, ms, {side}",
        of=lambda costs: spread_of([cost.worst * 1000 for cost in costs[side]]),
        goal=None if most is None else Goal(bound=most, always=True),
    )


def p99(side: str) -> Measure:
    """Return the milliseconds within which 99 of a hundred calls of a side end."""
    return Measure(name=f"p99, ms, {side}", of=lambda costs: spread_of([one.p99 * 1000 for one in costs[side]]))


def p99_beside_one_thread(most: float) -> Measure:
    """Compare the time within which 99 of a hundred calls of usercore end with that of one thread."""
    return Measure(
        name="p99 to that of one thread",
        of=lambda costs: ratio_of([one.p99 for one in costs[USERCORE]], [one.p99 for one in costs[ALONE]]),
        goal=_at_most(most),
    )


def fairness(side: str) -> Measure:
    """Compare the operations of a side's slowest and fastest worker, in the worst turn of a round."""
    return Measure(
        name=f"least to most work, {side}", of=lambda costs: spread_of([one.fairness for one in costs[side]])
    )


def refused(side: str, most: int | None = None) -> Measure:
    """Count the calls of a side that were refused because the store was busy."""
    return Measure(
        name=f"busy errors, {side}",
        of=lambda costs: spread_of([cost.refused for cost in costs[side]]),
        goal=None if most is None else Goal(bound=most, always=True),
    )


def _rate(name: str, base: str, least: float | None) -> Measure:
    goal = None if least is None else Goal(bound=least, more=True)
    return Measure(name=name, of=lambda costs: ratio_of(_walls(costs, base), _walls(costs, USERCORE)), goal=goal)


def _at_most(bound: float | None) -> Goal | None:
    return None if bound is None else Goal(bound=bound)


def _cpu(costs: Costs, one: str, other: str) -> Ratio:
    return ratio_of([cost.cpu for cost in costs[one]], [cost.cpu for cost in costs[other]])


def _memory(costs: Costs, one: str, other: str) -> Ratio:
    return ratio_of([cost.memory for cost in costs[one]], [cost.memory for cost in costs[other]])


def _walls(costs: Costs, side: str) -> list[float]:
    return [cost.wall for cost in costs[side]]
