"""W10: importing usercore, and opening a store with many users."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import attrs

from benchmarks.baseline.identifying import Identifying
from benchmarks.baseline.store import SqliteStore
from benchmarks.measuring import Calls, Cost, Side
from benchmarks.people import NOW
from benchmarks.signing_in import secrets
from benchmarks.stores import Stores, open_core

DEPENDENCIES: Final = "import argon2, attrs, cattrs, email_validator, idna, zxcvbn"
"""The dependencies in ``pyproject.toml``, without sqlite-utils."""

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

    def run(self, count: int) -> Cost:
        """Start that many processes, one after another."""
        return sum((self._run() for _ in range(count)), Cost(0, 0))

    def _run(self) -> Cost:
        cpu, wall = map(float, said_by(_TIMED.format(code=self.code), self.bytecode).split())
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
    yield {"usercore": FreshProcess("import usercore", bytecode), "raw": FreshProcess(DEPENDENCIES, bytecode)}


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
