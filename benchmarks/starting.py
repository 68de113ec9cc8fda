"""W10: importing usercore, opening a store with many users, and both in a new process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import Final, Protocol

import attrs

import usercore
from benchmarks.baseline.identifying import Identifying
from benchmarks.baseline.store import SqliteStore
from benchmarks.measuring import Calls, Cost, Side
from benchmarks.people import NOW
from benchmarks.signing_in import secrets
from benchmarks.stores import Stores, open_core

DEPENDENCIES: Final = "import argon2, attrs, cattrs, email_validator, idna, zxcvbn"
"""The dependencies in ``pyproject.toml``, without sqlite-utils."""

IMPORT: Final = "import usercore\nusercore.open"
"""What every process imports. Names of ``usercore`` are loaded when they are first used, so importing it alone is not
what a process waits for."""

BY_USERCORE: Final = """
import sys
from datetime import datetime
import usercore
now = datetime.fromisoformat({now!r})
core = usercore.open("sqlite:///" + {path!r}, clock=lambda: now)
for secret in sys.stdin:
    core.sign_in.identify(secret.rstrip())
"""

BY_HAND: Final = """
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
sys.modules["usercore"] = bare = ModuleType("usercore")  # so that entities are imported, and not all of usercore
bare.__path__ = {package!r}
from benchmarks.baseline.identifying import Identifying
from benchmarks.baseline.store import SqliteStore
now = datetime.fromisoformat({now!r})
core = Identifying(SqliteStore(Path({path!r})), lambda: now)
for secret in sys.stdin:
    core.identify(secret.rstrip())
"""

_TIMED: Final = """
import time
cpu, wall = time.process_time(), time.perf_counter()
{code}
print(time.process_time() - cpu, time.perf_counter() - wall)
"""


@attrs.frozen
class FreshProcess:
    """Code in a process of its own; the start of the interpreter is not counted.

    Modules are compiled in the discarded round, whatever the environment says about bytecode.
    """

    code: str
    bytecode: Path
    lines: Iterator[str] = attrs.field(factory=lambda: repeat(""))
    """What each process may read."""

    def run(self, count: int) -> Cost:
        """Start that many processes, one after another."""
        return sum(map(self._run, islice(self.lines, count)), Cost(0, 0))

    def _run(self, line: str) -> Cost:
        cpu, wall = map(float, said_by(_TIMED.format(code=self.code), self.bytecode, given=line).split())
        return Cost(cpu, wall)


def said_by(code: str, bytecode: Path, *, given: str = "") -> str:
    """Run code in a new process and return its output; it may read ``given``."""
    command = [sys.executable, "-c", code]
    kept = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode)}
    return subprocess.run(command, capture_output=True, check=True, text=True, env=kept, input=given).stdout  # noqa: S603 - this Python


@contextmanager
def import_usercore(stores: Stores, _users: int) -> Iterator[dict[str, Side]]:
    """Import usercore, or what it depends on."""
    bytecode = stores.folder / "bytecode"
    yield {"usercore": FreshProcess(IMPORT, bytecode), "raw": FreshProcess(DEPENDENCIES, bytecode)}


@contextmanager
def start_and_identify(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Import, open an existing store and identify once, in a new process."""

    def side(code: str, name: str) -> Side:
        return FreshProcess(
            identifying(code, stores.copy(users, name)), stores.folder / "bytecode", secrets(users, seed=1)
        )

    yield {"usercore": side(BY_USERCORE, "usercore"), "raw": side(BY_HAND, "raw")}


def identifying(code: str, path: Path) -> str:
    """Return code that opens a store and identifies the owner of each secret that it reads."""
    return code.format(now=NOW.isoformat(), path=str(path), package=list(usercore.__path__))


class Closable(Protocol):
    """An object that was opened."""

    def close(self) -> None:
        """Release all resources."""


@attrs.frozen
class Openings:
    """Opens a store for each secret and identifies its owner; the stores are closed when the clock has stopped."""

    open: Callable[[str], Closable]
    secrets: Iterator[str]

    def run(self, count: int) -> Cost:
        """Open ``count`` times."""
        redeemed = Cost(0, 0)
        for secret in islice(self.secrets, count):
            opened: list[Closable] = []
            redeemed += Calls(partial(self._open, opened), iter([secret])).run(1)
            opened[0].close()
        return redeemed

    def _open(self, opened: list[Closable], secret: str) -> None:
        opened.append(self.open(secret))


@contextmanager
def open_and_identify(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Open an existing store, in a process that has imported everything, and identify once."""
    ours, theirs = stores.copy(users, "usercore"), stores.copy(users, "raw")

    def open_usercore(secret: str) -> Closable:
        core = open_core(ours)
        core.sign_in.identify(secret)
        return core

    def open_raw(secret: str) -> Closable:
        raw = Identifying(SqliteStore(theirs), lambda: NOW)
        raw.identify(secret)
        return raw

    yield {
        "usercore": Openings(open_usercore, secrets(users, seed=1)),
        "raw": Openings(open_raw, secrets(users, seed=1)),
    }
