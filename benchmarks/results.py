"""Results: what came out, where, and how; kept as JSON, and shown as a table in the README."""

import json
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from benchmarks.measuring import Costs, Ratio, ratio_of
from benchmarks.workloads import Workload

FOLDER: Final = Path(__file__).parent
KEPT: Final = FOLDER / "results.json"
README: Final = FOLDER / "README.md"
_TABLE: Final = re.compile("(?<=<!-- results -->\n).*(?=<!-- end of results -->)", re.DOTALL)


@attrs.frozen(kw_only=True)
class Result:
    """One line of the results; all ratios but ``leads`` are usercore's cost to another's.

    ``wall`` is there where the disk is waited for, ``bare`` where there is history to leave out, ``leads`` has what
    peers cost in units of usercore.
    """

    id: str
    title: str
    users: int | None
    operations: int
    rounds: int
    goal: float
    cpu: Ratio
    wall: Ratio | None = None
    bare: Ratio | None = None
    leads: dict[str, Ratio] = attrs.field(factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is met, by the median."""
        return self.cpu.median <= self.goal


@attrs.frozen(kw_only=True)
class Machine:
    """Where and how the results were made."""

    cpu: str
    cores: int
    system: str
    python: str
    sqlite: str
    date: str
    command: str

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.system}, Python {self.python}, SQLite {self.sqlite},"
            f" {self.date}, `{self.command}`"
        )


def this_machine() -> Machine:
    """Look at this machine."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
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


def result_of(workload: Workload, users: int, costs: Mapping[str, Costs], *, rounds: int) -> Result:
    """Give the line of a workload, from what each side cost in each round."""
    ours, raw, bare = costs["usercore"], costs["raw"], costs.get("bare")
    return Result(
        id=workload.id,
        title=workload.title,
        users=users if workload.of_size else None,
        operations=workload.count,
        rounds=rounds,
        goal=workload.goal,
        cpu=ratio_of(ours.cpu, raw.cpu),
        wall=ratio_of(ours.wall, raw.wall) if workload.durable else None,
        bare=None if bare is None else ratio_of(ours.cpu, bare.cpu),
        leads={name: ratio_of(costs[name].cpu, ours.cpu) for name in costs if name not in {"usercore", "raw", "bare"}},
    )


def keep(machine: Machine, results: Sequence[Result]) -> None:
    """Write the results down, and show them in the README."""
    lines = [attrs.asdict(result) | {"met": result.met} for result in results]
    kept = {"machine": attrs.asdict(machine), "results": lines}
    KEPT.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shown = f"{table_of(results)}\n\n{machine}\n"
    README.write_text(_TABLE.sub(lambda _: shown, README.read_text(encoding="utf-8")), encoding="utf-8")


def table_of(results: Sequence[Result]) -> str:
    """Give the results as a table."""
    peers = sorted({name for result in results for name in result.leads})
    titles = ["", "workload", "users", "goal", "CPU", "", "wall", "CPU to the bare feature", *map(_lead_over, peers)]
    rows = [_row(result, peers) for result in results]
    rules = ["---"] * len(titles)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rules, *rows))


def _lead_over(peer: str) -> str:
    return f"CPU of {peer} to usercore's"


def _row(result: Result, peers: Sequence[str]) -> list[str]:
    return [
        result.id,
        result.title,
        "" if result.users is None else f"{result.users:,}",
        f"<= {result.goal}",
        str(result.cpu),
        "met" if result.met else "**missed**",
        str(result.wall or ""),
        str(result.bare or ""),
        *(str(result.leads.get(peer, "")) for peer in peers),
    ]
