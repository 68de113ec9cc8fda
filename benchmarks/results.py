"""Results: figures, machine and versions; stored as JSON, and shown as a table in the README."""

import json
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.figures import OURS, Costs, Figure
from benchmarks.workloads import Workload

FOLDER: Final = Path(__file__).parent
KEPT: Final = FOLDER / "results.json"
README: Final = FOLDER / "README.md"
_TABLE: Final = re.compile("(?<=<!-- results -->\n).*(?=<!-- end of results -->)", re.DOTALL)
_TITLES: Final = ("", "workload", "users", "measure", "goal", "median [range]", "")


@attrs.frozen(kw_only=True)
class Result:
    """The result of one workload with so many users."""

    id: str
    title: str
    users: int | None
    operations: int
    rounds: int
    figures: Sequence[Figure]

    def __str__(self) -> str:
        """Return the result as one line."""
        size = "" if self.users is None else f", {self.users:,} users"
        return f"{self.id} {self.title}{size}: " + "; ".join(f"{one.name} {one.value}" for one in self.figures)


@attrs.frozen(kw_only=True)
class Machine:
    """Where and how the results were made."""

    cpu: str
    cores: int
    system: str
    python: str
    sqlite: str
    postgres: str | None
    date: str
    command: str

    def __str__(self) -> str:
        """Return the machine as one line."""
        engines = f"SQLite {self.sqlite}" + (f", PostgreSQL {self.postgres}" if self.postgres else "")
        return (
            f"{self.cpu}, {self.cores} cores, {self.system}, Python {self.python}, {engines},"
            f" {self.date}, `{self.command}`"
        )


def this_machine(*, postgres: str | None) -> Machine:
    """Return a description of this machine; ``postgres`` is the version of the measured server."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        postgres=postgres,
        date=datetime.now(UTC).date().isoformat(),
        command=" ".join(["python -m benchmarks", *sys.argv[1:]]),
    )


def _cpu() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown processor"
    named = re.search(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)
    return named[1] if named else "unknown processor"


def result_of(workload: Workload[Any], users: int, costs: Costs) -> Result:
    """Return the result of a workload, from what each side cost in each round."""
    peers = [workload.lead(name) for name in costs if name not in OURS]
    figures = [measure.figure(costs) for measure in (*workload.measures, *peers)]
    if users < workload.goals_from:
        figures = [attrs.evolve(figure, goal=None) for figure in figures]
    return Result(
        id=workload.id,
        title=workload.title,
        users=users if workload.of_size else None,
        operations=workload.count,
        rounds=workload.rounds,
        figures=figures,
    )


def keep(machine: Machine, results: Sequence[Result], growths: Sequence[attrs.AttrsInstance]) -> None:
    """Store the results with the points of the plots, and update the table in the README."""
    kept = {
        "machine": attrs.asdict(machine),
        "results": list(map(_plain, results)),
        "growth": list(map(attrs.asdict, growths)),
    }
    KEPT.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shown = f"{table_of(results)}\n\n{machine}\n"
    README.write_text(_TABLE.sub(lambda _: shown, README.read_text(encoding="utf-8")), encoding="utf-8")


def _plain(result: Result) -> dict[str, Any]:
    figures = [attrs.asdict(figure) | {"met": figure.met} for figure in result.figures]
    return attrs.asdict(result) | {"figures": figures}


def table_of(results: Sequence[Result]) -> str:
    """Return the results as a table: one row per figure."""
    rows = (cells for result in results for cells in _rows(result))
    rules = ["---"] * len(_TITLES)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (_TITLES, rules, *rows))


def _rows(result: Result) -> Iterator[Sequence[str]]:
    head = [result.id, result.title, "" if result.users is None else f"{result.users:,}"]
    for figure in result.figures:
        yield [*head, figure.name, str(figure.goal or ""), str(figure.value), _VERDICTS[figure.met]]
        head = [""] * len(head)


_VERDICTS: Final = {True: "met", False: "**missed**", None: ""}
