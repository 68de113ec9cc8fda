"""Run the benchmarks: ``python -m benchmarks --help`` says how."""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import attrs

from benchmarks.measuring import costs_of
from benchmarks.results import Result, keep, result_of, table_of, this_machine
from benchmarks.stores import Stores
from benchmarks.workloads import ALL, Opener, Workload

ROUNDS: Final = 11
QUICK_ROUNDS: Final = 3
QUICK: Final = 8
"""A quick run does this fraction of the operations. It shows that all works, and roughly where it stands."""

_UNITS: Final = {"k": 1000, "m": 1_000_000}


def main() -> None:
    """Measure what the command line asks for."""
    options = parse()
    machine = this_machine()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        results = list(measure(Stores(Path(folder)), options))
    print(f"\n{table_of(results)}\n\n{machine}")
    if not options.quick and not options.only:
        keep(machine, results)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="usercore against tuned sqlite3")
    parser.add_argument("--quick", action="store_true", help="few operations and rounds; nothing is written down")
    parser.add_argument("--peers", action="store_true", help="Django beside it (Python 3.12 or newer)")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), help="workloads, such as W1,W3; nothing is written"
    )
    parser.add_argument("--users", type=_sizes, default=[10_000, 1_000_000], help="sizes, such as 10k,1m (the default)")
    options = parser.parse_args()
    unknown = set(options.only or ()) - {workload.id for workload in ALL}
    if unknown:
        parser.error(f"there is no {min(unknown)}; there are {', '.join(workload.id for workload in ALL)}")
    return options


def _sizes(text: str) -> list[int]:
    return [int(size.rstrip("km")) * _UNITS.get(size[-1], 1) for size in text.lower().split(",")]


def measure(stores: Stores, options: argparse.Namespace) -> Iterator[Result]:
    """Measure the chosen workloads at the chosen sizes."""
    rounds, part = (QUICK_ROUNDS, QUICK) if options.quick else (ROUNDS, 1)
    for workload in ALL:
        if options.only and workload.id not in options.only:
            continue
        some = attrs.evolve(workload, count=max(1, workload.count // part))
        for users in options.users if workload.of_size else options.users[:1]:
            result = measure_one(some, stores, users, rounds=rounds, peers=options.peers)
            print(f"{workload}, {users:,} users: CPU {result.cpu}", flush=True)
            yield result


def measure_one(workload: Workload, stores: Stores, users: int, *, rounds: int, peers: bool) -> Result:
    """Measure one workload at one size, with the peers that can do it beside it."""
    openers: Sequence[Opener] = [workload.open, *(_peers_of(workload.id) if peers else ())]
    with ExitStack() as stack:
        sides = {name: side for opener in openers for name, side in stack.enter_context(opener(stores, users)).items()}
        costs = costs_of(sides, rounds=rounds, count=workload.count)
    return result_of(workload, users, costs, rounds=rounds)


def _peers_of(workload: str) -> Sequence[Opener]:
    from benchmarks.django_peer.sides import OPENERS  # noqa: PLC0415 - there only where peers are asked for

    return [OPENERS[workload]] if workload in OPENERS else []


if __name__ == "__main__":
    main()
