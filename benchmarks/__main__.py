"""Run the benchmarks; see ``python -m benchmarks --help``."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.growth import GOALS, Growth, grow
from benchmarks.measuring import costs_of
from benchmarks.options import Options, parse
from benchmarks.results import FOLDER, Result, keep, result_of, table_of, this_machine
from benchmarks.stores import StoreProvider, Stores
from benchmarks.workloads import ALL, POSTGRES, Opener, Workload

P = TypeVar("P", bound=StoreProvider)

_NO_DRIVER: Final = "PostgreSQL is left out: psycopg is not installed (make bench installs it)"
_NO_SERVER: Final = "PostgreSQL is left out: no server is installed (on Debian: apt-get install postgresql)"


def main() -> None:
    """Measure what the command line selects."""
    options = parse()
    results: list[Result] = []
    grown: list[Growth] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        stores = Stores(Path(folder))
        if options.on("sqlite"):
            results += map(_shown, measure_sqlite(stores, options))
        for growth, result in measure_growth(stores, options):
            grown.append(growth)
            results.append(_shown(result))
    version, more = measure_postgres(options)
    results += more
    machine = this_machine(postgres=version)
    print(f"\n{table_of(results)}\n\n{machine}")
    if options.whole:
        from benchmarks.plot import draw  # noqa: PLC0415 - matplotlib is installed only where plots are made

        keep(machine, results, grown)
        draw(grown, FOLDER)


def _shown(result: Result) -> Result:
    print(result, flush=True)
    return result


def measure_sqlite(stores: Stores, options: Options) -> Iterator[Result]:
    """Measure the selected workloads on SQLite at the selected sizes, with the peers that support them."""
    for workload in options.chosen(ALL):
        openers = [workload.open, *(_peers_of(workload.id) if options.peers else ())]
        for users in options.sizes_of(workload):
            yield measure_one(workload, openers, stores, users)


def _peers_of(workload: str) -> Sequence[Opener[Stores]]:
    from benchmarks.django_peer.sides import OPENERS  # noqa: PLC0415 - installed only where peers are measured

    return [OPENERS[workload]] if workload in OPENERS else []


def measure_growth(stores: Stores, options: Options) -> Iterator[tuple[Growth, Result]]:
    """Measure how costs grow with the number of users, if that is selected."""
    if options.grows:
        for workload in ALL:
            if workload.id in GOALS:
                yield grow(options.as_asked(workload), stores, options.growth)


def measure_postgres(options: Options) -> tuple[str | None, list[Result]]:
    """Measure the selected workloads on PostgreSQL, if there is a server; return its version, too."""
    workloads = list(options.chosen(POSTGRES)) if options.on("postgres") else []
    if not workloads:
        return None, []
    if find_spec("psycopg") is None:
        print(_NO_DRIVER)
        return None, []
    from benchmarks.databases import databases, find_programs  # noqa: PLC0415 - only where the driver is installed

    programs = find_programs()
    if programs is None:
        print(_NO_SERVER)
        return None, []
    with databases(programs) as stores:
        results = [
            _shown(measure_one(workload, [workload.open], stores, users))
            for workload in workloads
            for users in options.sizes_of(workload)
        ]
        return stores.version, results


def measure_one(workload: Workload[P], openers: Sequence[Opener[P]], stores: P, users: int) -> Result:
    """Measure one workload at one size; each of the openers returns some of the sides."""
    with ExitStack() as stack:
        sides = {name: side for opener in openers for name, side in stack.enter_context(opener(stores, users)).items()}
        costs = costs_of(
            sides,
            rounds=workload.rounds,
            count=workload.count,
            turns=workload.turns,
            warms_up=workload.warms_up,
        )
    return result_of(workload, users, costs)


if __name__ == "__main__":
    main()
