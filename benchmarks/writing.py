"""W9: one, several and many writers, with readers beside them."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import attrs

import usercore
from benchmarks.baseline.identifying import Identifying
from benchmarks.baseline.store import SqliteStore
from benchmarks.baseline.updating import Updating
from benchmarks.concurrency import Threads, Worker, processes
from benchmarks.figures import ALONE, FLUSH, RAW, USERCORE
from benchmarks.measuring import Calls, Side
from benchmarks.people import NOW, id_of
from benchmarks.signing_in import secrets
from benchmarks.stores import Stores, open_core
from usercore.kernel.errors import Busy

MANY: Final = 16
PROCESSES: Final = 8
PAGE: Final = 4096
"""Bytes. Source: SQLite, the default of ``page_size``."""

READS: Final = 20
"""Operations of the mixed load for each write."""


@attrs.frozen
class Change:
    """The operation that changes the next user to a new value each time."""

    users: int

    def usercore(self, core: usercore.UserCore, number: int) -> object:
        """Change the user with usercore."""
        return core.users.update(id_of(number % self.users), first_name=f"Name {number}")

    def raw(self, updating: Updating, number: int) -> object:
        """Change the user by hand."""
        return updating.update(id_of(number % self.users), f"Name {number}")


@contextmanager
def change_alone(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Change users in one thread, each in a durable commit."""
    change = Change(users)
    with (
        closing(stores.open_core(users)) as core,
        closing(Updating(stores.by_hand(users), lambda: NOW)) as raw,
    ):
        yield {
            "usercore": Calls(partial(change.usercore, core), count()),
            "raw": Calls(partial(change.raw, raw), count()),
        }


@contextmanager
def change_together(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Change users in many threads: on one store, and on a connection for each thread. Beside it only flush."""
    change, path = Change(users), stores.copy(users, "raw")
    with ExitStack() as stack:
        flush = stack.enter_context(flushing(path.with_suffix(".flushed")))
        core = stack.enter_context(closing(stores.open_core(users)))
        raws = [stack.enter_context(closing(Updating(SqliteStore(path), lambda: NOW))) for _ in range(MANY)]
        yield {
            "usercore": Threads([partial(change.usercore, core)] * MANY, count()),
            "raw": Threads([partial(change.raw, raw) for raw in raws], count()),
            FLUSH: Calls(flush, count()),
        }


@contextmanager
def flushing(path: Path) -> Iterator[Callable[[int], object]]:
    """Return a function that writes a page over one of a file, as into a WAL that was used before, and flushes it."""
    pages = 1024
    path.write_bytes(bytes(pages * PAGE))
    handle = os.open(path, os.O_WRONLY)
    try:
        os.fsync(handle)

        def flush(number: int) -> None:
            os.pwrite(handle, bytes(PAGE), number % pages * PAGE)
            os.fdatasync(handle)

        yield flush
    finally:
        os.close(handle)


@contextmanager
def identify_together(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Identify in many threads, and in one of the same store; by hand on a connection for each thread."""
    path = stores.copy(users, RAW)
    with ExitStack() as stack:
        identify = stack.enter_context(closing(stores.open_core(users))).sign_in.identify
        raws = [stack.enter_context(closing(Identifying(SqliteStore(path), lambda: NOW))) for _ in range(MANY)]
        yield {
            USERCORE: Threads([identify] * MANY, secrets(users, seed=1)),
            ALONE: Threads([identify], secrets(users, seed=1)),
            RAW: Threads([raw.identify for raw in raws], secrets(users, seed=1)),
        }


@contextmanager
def mixed_load(stores: Stores, users: int, *, threads: int) -> Iterator[dict[str, Side]]:
    """Identify, and change a user each twentieth time, in so many threads."""
    path = stores.copy(users, "raw")
    with ExitStack() as stack:
        core = stack.enter_context(closing(stores.open_core(users)))
        raws = [stack.enter_context(closing(Identifying(SqliteStore(path), lambda: NOW))) for _ in range(threads)]
        ours = _either(core.sign_in.identify, partial(Change(users).usercore, core))
        theirs = [_either(raw.identify, partial(Change(users).raw, Updating(raw.store, lambda: NOW))) for raw in raws]
        yield {
            "usercore": Threads([ours] * threads, _mixture(users)),
            "raw": Threads(theirs, _mixture(users)),
        }


def _mixture(users: int) -> Iterator[str | int]:
    for number, secret in zip(count(), secrets(users, seed=1), strict=False):
        yield secret if number % READS else number // READS


def _either(identify: Callable[[str], object], change: Callable[[int], object]) -> Callable[[str | int], object]:
    return lambda what: identify(what) if isinstance(what, str) else change(what)


@attrs.frozen
class UsercoreWorker:
    """Changes users in a process of its own, by usercore."""

    core: usercore.UserCore
    work: Change
    busy: type[Exception] = Busy

    def change(self, number: int) -> object:
        """Change the next user."""
        return self.work.usercore(self.core, number)

    def close(self) -> None:
        """Close the store."""
        self.core.close()


@attrs.frozen
class RawWorker:
    """Changes users in a process of its own, by hand."""

    updating: Updating
    work: Change
    busy: type[Exception] = sqlite3.OperationalError

    def change(self, number: int) -> object:
        """Change the next user."""
        return self.work.raw(self.updating, number)

    def close(self) -> None:
        """Close the store."""
        self.updating.close()


def open_usercore(path: Path, users: int) -> Worker:
    """Open the store in a process of its own."""
    return UsercoreWorker(open_core(path), Change(users))


def open_raw(path: Path, users: int) -> Worker:
    """Open the store in a process of its own, by hand."""
    return RawWorker(Updating(SqliteStore(path), lambda: NOW), Change(users))


@contextmanager
def change_in_processes(stores: Stores, users: int, *, seconds: float = 0) -> Iterator[dict[str, Side]]:
    """Change users in several processes; each turn lasts so many seconds, and until its operations are done."""
    ours, theirs = stores.copy(users, "usercore"), stores.copy(users, "raw")
    with (
        processes(PROCESSES, partial(open_usercore, ours, users), seconds=seconds) as by_usercore,
        processes(PROCESSES, partial(open_raw, theirs, users), seconds=seconds) as by_hand,
    ):
        yield {"usercore": by_usercore, "raw": by_hand}


def lasting(seconds: float) -> Callable[[Stores, int], AbstractContextManager[dict[str, Side]]]:
    """Return a function that changes users in several processes for so many seconds."""
    return partial(change_in_processes, seconds=seconds)
