"""W11: the memory of users in the in-memory storage, and of a process that uses a file of users."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import attrs

import usercore
from benchmarks.baseline.memory import Dicts
from benchmarks.entities import claims_of, entry_of, token_of, user_of
from benchmarks.measuring import Cost, Side, no_collections
from benchmarks.people import NOW
from benchmarks.resident import resident
from benchmarks.signing_in import secrets
from benchmarks.starting import BY_HAND, BY_USERCORE, identifying, said_by
from benchmarks.stores import Stores
from usercore.storage import Unit

_BATCH: Final = 1000

_GROWN: Final = "from benchmarks.memory_use import {fill}, grown_by\nprint(grown_by({fill}, {users}))"

_PRINTED: Final = """
from benchmarks.resident import resident
print(resident())
core.close()
"""


@attrs.frozen
class MemoryOf:
    """Code in a new process that reads lines, and prints by how many bytes its memory grew."""

    code: str
    bytecode: Path
    lines: Iterator[str]

    def run(self, count: int) -> Cost:
        """Run it once, with ``count`` lines."""
        given, started = "\n".join(islice(self.lines, count)), time.perf_counter()
        memory = int(said_by(self.code, self.bytecode, given=given))
        return Cost(0, time.perf_counter() - started, memory=memory)


@contextmanager
def keep_in_memory(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Store users with claims, history and token in the in-memory storage, and the same entities in plain dicts."""

    def side(fill: Callable[[int], object]) -> Side:
        code = _GROWN.format(fill=fill.__name__, users=users)
        return MemoryOf(code, stores.folder / "bytecode", iter(()))

    yield {"usercore": side(fill_storage), "raw": side(fill_dicts)}


@contextmanager
def identify_in_process(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Open a file in a new process, and identify."""

    def side(code: str, name: str) -> Side:
        filled = identifying(code, stores.copy(users, name))
        return MemoryOf(filled + _PRINTED, stores.folder / "bytecode", secrets(users, seed=1))

    yield {"usercore": side(BY_USERCORE, "usercore"), "raw": side(BY_HAND, "raw")}


def grown_by(fill: Callable[[int], object], users: int) -> int:
    """Return by how many bytes this process grows for so many users."""
    fill(1)  # what a first use loads is no user
    with no_collections():
        before = resident()
        kept = fill(users)
        grown = resident() - before
    del kept
    return grown


def fill_storage(users: int) -> usercore.UserCore:
    """Fill an in-memory storage, a thousand users per unit: a unit's undo log takes memory, too."""
    core = usercore.open("memory://", clock=lambda: NOW)
    for start in range(0, users, _BATCH):
        core._service.units.write(partial(_keep, range(start, min(start + _BATCH, users))))  # noqa: SLF001
    return core


def _keep(numbers: range, unit: Unit) -> None:
    for number in numbers:
        unit.users.add(user_of(number))
        unit.claims.add_many(claims_of(number))
        unit.access_tokens.add(token_of(number))
        unit.history.add_many([entry_of(number)])


def fill_dicts(users: int) -> Dicts:
    """Fill plain dicts with the same."""
    dicts = Dicts(lambda: NOW)
    for number in range(users):
        dicts.keep(user_of(number), claims_of(number), token_of(number), entry_of(number))
    return dicts
