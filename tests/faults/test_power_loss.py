"""Power that is lost while processes write: what they acknowledged is on the disk, and nothing in part."""

import random
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

import usercore
from tests.faults.child import THREADS
from tests.faults.disks import Disk
from tests.faults.processes import Child, hear, started
from tests.faults.rounds import rounds
from tests.faults.test_killed_writers import check_kept, check_whole

WRITERS: Final = 2
MEGABYTES: Final = 1024  # of a sparse file

REFUSED: Final = "refused"


def acknowledged_by(child: Child, count: int) -> list[list[str]]:
    """Return so many lines of a child that can write."""
    lines = [hear(child).split() for _ in range(count)]
    assert not [line for line in lines if REFUSED in line or not line], "it cannot write, or has ended"
    return lines


def lines_until_refused(child: Child) -> list[list[str]]:
    """Return what a child acknowledges until all of its threads were refused."""
    lines: list[list[str]] = []
    refusals = 0
    while refusals < THREADS:
        line = hear(child).split()
        assert line, "it has ended"
        if REFUSED in line:
            refusals += 1
        else:
            lines.append(line)
    return lines


@pytest.mark.slow
@pytest.mark.needs_mount
@pytest.mark.rule("U3", "X2", "K3")
def test_what_was_acknowledged_before_the_power_was_lost_is_stored_and_nothing_in_part(tmp_path: Path) -> None:
    folder, randomness = tmp_path / "disk", random.Random(21)  # noqa: S311 - the same moments in each run
    folder.mkdir()
    disk, path = Disk(folder, MEGABYTES), folder / "store.db"
    for number in range(rounds(few=1, many=50)):
        with disk.mounted(), ExitStack() as stack:
            names = [f"round{number}.{writer}" for writer in range(WRITERS)]
            children = [
                stack.enter_context(started("write_until_refused", f"sqlite:///{path}", name)) for name in names
            ]
            acknowledged = [line for child in children for line in acknowledged_by(child, randomness.randrange(1, 60))]
            # What is told from now on does not count: without power it would not be told, and Linux may report a sync
            # as done that the end of the journal undid.
            cut_at = monotonic()
            disk.cut_power()
            for child in children:
                acknowledged += lines_until_refused(child)
        with disk.mounted():
            with usercore.open(f"sqlite:///{path}") as core:
                check_kept(core, [line for line in acknowledged if float(line[-1]) < cut_at])
            check_whole(path)
