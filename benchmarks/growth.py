"""Growth: the cost of an operation with more and more users, for both sides, at all sizes alternately.

All costs are in units of the raw side's with the fewest users, so that both curves have one scale.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

import attrs

from benchmarks.figures import RAW, USERCORE, Costs, Figure, Goal, Ratio, ratio_of
from benchmarks.measuring import Side, costs_of
from benchmarks.results import Result
from benchmarks.stores import Stores
from benchmarks.workloads import Workload

GOALS: Final[Mapping[str, Goal | None]] = {"W1": Goal(bound=2), "W3": None, "W5": None}
"""How much more a workload may cost with a million users than with ten thousand. Source: performance goals of the
project."""

_FROM: Final = 10_000
_TO: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Point:
    """The costs of both sides with so many users."""

    users: int
    usercore: Ratio
    raw: Ratio


@attrs.frozen(kw_only=True)
class Growth:
    """The points of a workload, from the fewest users to the most."""

    id: str
    title: str
    points: Sequence[Point]


def grow(workload: Workload[Stores], stores: Stores, sizes: Sequence[int]) -> tuple[Growth, Result]:
    """Measure how the costs of a workload grow."""
    costs = _costs_at(workload, stores, sizes)
    return _growth_of(workload, sizes, costs), _result_of(workload, sizes, costs)


def _costs_at(workload: Workload[Stores], stores: Stores, sizes: Sequence[int]) -> Costs:
    """Measure usercore and the raw side at all sizes, alternately."""
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for users in sizes:
            opened = stack.enter_context(workload.open(stores, users))
            sides |= {_name(side, users): opened[side] for side in (USERCORE, RAW)}
        return costs_of(sides, rounds=workload.rounds, count=workload.count)


def _name(side: str, users: int) -> str:
    return f"{side} {users}"


def _growth_of(workload: Workload[Stores], sizes: Sequence[int], costs: Costs) -> Growth:
    def cost(side: str, users: int) -> Ratio:
        return _ratio(costs, _name(side, users), _name(RAW, sizes[0]))

    points = [Point(users=users, usercore=cost(USERCORE, users), raw=cost(RAW, users)) for users in sizes]
    return Growth(id=workload.id, title=workload.title, points=points)


def _result_of(workload: Workload[Stores], sizes: Sequence[int], costs: Costs) -> Result:
    least = sizes[0]
    figures = [
        Figure(
            name=f"CPU with {users:,} to {least:,} users",
            value=_ratio(costs, _name(USERCORE, users), _name(USERCORE, least)),
            goal=GOALS[workload.id] if (least, users) == (_FROM, _TO) else None,
        )
        for users in sizes[1:]
    ]
    title = f"{workload.title}, growing"
    return Result(
        id=workload.id, title=title, users=None, operations=workload.count, rounds=workload.rounds, figures=figures
    )


def _ratio(costs: Costs, one: str, other: str) -> Ratio:
    return ratio_of([cost.cpu for cost in costs[one]], [cost.cpu for cost in costs[other]])
