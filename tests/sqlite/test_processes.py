"""Many processes write to one file: none is refused, none starves, nothing is lost."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT
from tests.faults.processes import hear, tell
from tests.faults.rounds import rounds
from tests.sqlite.note_writer import ORIGIN
from usercore.kernel.context import MAIN
from usercore.testing.contracts.base import add_users
from usercore.testing.samples import ANN
from usercore_storage import sqlite

PROCESSES: Final = 8
SECONDS: Final = rounds(few=2, many=60)
FAIR: Final = 0.5 if SECONDS > 30 else 0.2
"""Ratio of the least to the most writes; with few seconds, on a busy machine, chance weighs more. With SQLite's own
busy handler it is 0.00."""


@pytest.mark.slow
@pytest.mark.rule("U13")
@pytest.mark.parametrize("threads", (1, 4)[: rounds(few=1, many=2)])
def test_eight_writing_processes_are_served_fairly(
    path: Path, threads: int, record_property: Callable[[str, object], None]
) -> None:
    url = f"sqlite:///{path}"
    store = sqlite.open_storage(url)
    add_users(store.units(ORIGIN), MAIN, ANN)
    command = [sys.executable, "-m", "tests.sqlite.writing", url, str(SECONDS), str(threads)]
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        assert [hear(child) for child in children] == ["ready"] * PROCESSES
        for child in children:
            tell(child, "go")
        said = [hear(child).split() for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES
    counts = [int(count) for count, _ in said]
    fair, longest = min(counts) / max(counts), max(float(wait) for _, wait in said)
    record_property(
        "figures",
        f"{PROCESSES} writing processes x {threads} threads, {SECONDS} s: {sum(counts) / SECONDS:.0f} units/s,"
        f" least/most {fair:.2f}, longest wait {longest * 1000:.0f} ms",
    )
    ann = store.units(ORIGIN).read(lambda unit: unit.users.get(ANN))
    store.close()
    assert ann is not None
    assert ann.change_no == 1 + sum(counts), "each was kept, and counted once"
    assert fair >= FAIR
