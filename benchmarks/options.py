"""Options of the command line."""

import argparse
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Final, TypeVar

import attrs

from benchmarks.stores import StoreProvider
from benchmarks.workloads import ALL, POSTGRES, Workload

P = TypeVar("P", bound=StoreProvider)

QUICK_ROUNDS: Final = 3
QUICK_TURNS: Final = 2
QUICK: Final = 8
"""A quick run does this fraction of the operations. It shows that everything works, and approximate figures."""

GROWTH: Final = "growth"
_UNITS: Final = {"k": 1000, "m": 1_000_000}
_FEWEST: Final = 10_000
_FEW: Final = 100_000
_MANY: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Options:
    """What is measured, and how thoroughly."""

    quick: bool
    peers: bool
    storage: str
    only: Sequence[str]
    users: Sequence[int]
    growth: Sequence[int]
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether everything is measured, so that the results are stored."""
        return not self.quick and not self.only and self.storage == "all"

    @property
    def grows(self) -> bool:
        """Whether growth is measured."""
        return self.storage != "postgres" and (not self.only or GROWTH in self.only)

    def on(self, storage: str) -> bool:
        """Return whether this engine is measured."""
        return self.storage in {"all", storage}

    def chosen(self, workloads: Sequence[Workload[P]]) -> Iterator[Workload[P]]:
        """Return the workloads that are measured, adapted to these options."""
        for workload in workloads:
            if not self.only or workload.id in self.only:
                yield self.as_asked(workload)

    def as_asked(self, workload: Workload[P]) -> Workload[P]:
        """Return a workload with the rounds and operations that are selected."""
        if self.seconds and workload.lasting is not None:
            return attrs.evolve(workload, open=workload.lasting(self.seconds), rounds=1, turns=1)
        if self.quick:
            count, rounds = max(1, workload.count // QUICK), min(QUICK_ROUNDS, workload.rounds)
            return attrs.evolve(workload, count=count, rounds=rounds, turns=min(QUICK_TURNS, workload.turns))
        return workload

    def sizes_of(self, workload: Workload[P]) -> Sequence[int]:
        """Return the numbers of users."""
        return self.users if workload.of_size else self.users[:1]


def parse() -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure usercore against the tuned drivers. A whole run is written down, no other is.",
    )
    parser.add_argument("--quick", action="store_true", help="few operations, rounds and users")
    parser.add_argument("--peers", action="store_true", help="Django beside it (Python 3.12 or newer)")
    parser.add_argument("--storage", choices=["all", "sqlite", "postgres"], default="all", help="on which engines")
    parser.add_argument("--only", type=_names, default=[], help="workloads, such as W1,W3, or growth")
    parser.add_argument("--users", type=_sizes, help="sizes, such as 10k,1m (the default; 10k if quick)")
    parser.add_argument("--growth", type=_sizes, help="sizes of the plot: 10k,100k,1m (the first two if quick); or 10m")
    parser.add_argument("--seconds", type=float, default=0, help="how long W9c lasts, for each side and twice")
    given = parser.parse_args()
    given.users = given.users or ([_FEWEST] if given.quick else [_FEWEST, _MANY])
    given.growth = given.growth or ([_FEWEST, _FEW] if given.quick else [_FEWEST, _FEW, _MANY])
    options = Options(**vars(given))
    there = [*(one.id for one in ALL), *(one.id for one in POSTGRES), GROWTH]
    unknown = sorted(set(options.only) - set(there))
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(there)}")
    if options.whole and find_spec("matplotlib") is None:
        parser.error("a whole run draws a plot and needs matplotlib: make bench")
    return options


def _names(text: str) -> list[str]:
    return text.split(",")


def _sizes(text: str) -> list[int]:
    return sorted(int(size.rstrip("km")) * _UNITS.get(size[-1], 1) for size in text.lower().split(","))
