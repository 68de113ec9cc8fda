"""Count the instructions of one operation: ``python -m benchmarks.instructions --only W1,W4``.

Time cannot tell a difference of a few percent apart where others use the machine; the number of instructions that a
process runs is nearly the same in every run. Callgrind, a tool of Valgrind (Debian: ``apt-get install valgrind``),
counts them. It is switched on when everything is open and as many operations have been made as are counted then, so
starting, opening and filling caches do not count. Neither do the kernel's instructions, such as those of a flush.
"""

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import attrs

import usercore
from benchmarks import starting
from benchmarks.measuring import Calls, Side
from benchmarks.people import NOW
from benchmarks.registering import Streams
from benchmarks.stores import Stores, fill
from benchmarks.workloads import ALL

MEMORY: Final = "memory"
COUNTS: Final = {
    "W1": 500,
    "W2a": 300,
    "W3": 300,
    "W4": 1000,
    "W5": 300,
    "W6a": 300,
    "W7a": 20,
    "W7b": 20,
    "W8": 500,
    "W9b": 500,
    "W12a": 50,
    "W13": 500,
    "W14": 200,
    MEMORY: 200,
}
"""Operations that are counted, enough that checkpoints of the WAL even out; W4 imports in batches of a thousand, and
the last changes a user in memory."""

IMPORT: Final = "W10a"
USERS: Final = 10_000
FEWER_USERS: Final = {"W2a": 1000, "W8": 1000}
"""These workloads insert users or passwords in the counted process."""

_TOTAL: Final = re.compile(r"^==\d+== I +refs: +([\d,]+)$", re.MULTILINE)
_PAUSE: Final = 0.01


def main() -> None:
    """Print the instructions per operation of the selected workloads, one line each."""
    options = _parser().parse_args()
    if options.run:
        _run(*options.run, side=options.side)
        return
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed (on Debian: apt-get install valgrind)")
    for workload in options.only:
        print(
            f"{workload:5} {count_import() if workload == IMPORT else count(workload, options.side):>12,}", flush=True
        )


def count(workload: str, side: str) -> int:
    """Return the instructions of one operation of a side."""
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        users = FEWER_USERS.get(workload, USERS)
        fill(Path(folder, f"{users}.db"), users)
        child = ["-m", "benchmarks.instructions", "--side", side, "--run", workload, folder]
        return round(_instructions_of(child, "--instr-atstart=no") / COUNTS[workload])


def count_import() -> int:
    """Return the instructions of importing usercore in a new process whose bytecode is compiled already."""
    subprocess.run([sys.executable, "-c", starting.IMPORT], check=True)  # noqa: S603 - our own statement
    return _instructions_of(["-c", starting.IMPORT]) - _instructions_of(["-c", "pass"])


def _instructions_of(arguments: Sequence[str], *options: str) -> int:
    """Return the number of instructions of a Python process with these arguments."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options, sys.executable, *arguments]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    total = _TOTAL.search(done.stderr)
    if done.returncode or total is None:
        sys.exit(done.stderr)
    return int(total[1].replace(",", ""))


def _run(workload: str, folder: str, *, side: str) -> None:
    """Run a workload in the counted process."""
    operations = COUNTS[workload]
    openers = {one.id: one.open for one in ALL} | {MEMORY: _change_in_memory}
    with openers[workload](Stores(Path(folder)), FEWER_USERS.get(workload, USERS)) as sides:
        prepared = _with_arguments(sides[side], 2 * operations)
        prepared.run(operations)
        _switch("on")
        prepared.run(operations)
        _switch("off")


@contextmanager
def _change_in_memory(_: Stores, __: int) -> Iterator[dict[str, Side]]:
    """Change one user in the memory storage, again and again."""
    with closing(usercore.open("memory://", clock=lambda: NOW)) as core:
        user_id = core.registration.register_external("ann@example.com").user.id
        yield {"usercore": Calls(lambda n: core.users.update(user_id, first_name=f"Name {n}"), itertools.count())}


def _with_arguments(side: Side, count: int) -> Side:
    """Return the side with its arguments made, so that making them is not counted."""
    if isinstance(side, Calls):
        return attrs.evolve(side, arguments=iter(list(itertools.islice(side.arguments, count))))
    if isinstance(side, Streams):
        return attrs.evolve(side, records=iter(list(itertools.islice(side.records, count))))
    msg = f"the arguments of {type(side).__name__} cannot be made before"
    raise TypeError(msg)


def _switch(state: str) -> None:
    """Switch counting on or off in this process. Valgrind reacts between two instructions, so it must not wait idly."""
    switching = subprocess.Popen(  # noqa: S603 - our own process
        ["vgdb", f"--pid={os.getpid()}", "instrumentation", state],  # noqa: S607 - it comes with Valgrind
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while switching.poll() is None:
        time.sleep(_PAUSE)
    if switching.returncode:
        sys.exit("vgdb, which comes with Valgrind, cannot reach this process")


def _parser() -> argparse.ArgumentParser:
    known = [*COUNTS, IMPORT]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions", description="Count the instructions of one operation."
    )
    parser.add_argument("--only", type=lambda text: _chosen(text, known), default=known, help=f"from {','.join(known)}")
    parser.add_argument("--side", default="usercore", help="usercore (the default), raw or bare")
    parser.add_argument("--run", nargs=2, metavar=("WORKLOAD", "FOLDER"), help=argparse.SUPPRESS)
    return parser


def _chosen(text: str, known: Sequence[str]) -> list[str]:
    unknown = sorted(set(text.split(",")) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is not one of {', '.join(known)}")
    return text.split(",")


if __name__ == "__main__":
    main()
