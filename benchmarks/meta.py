"""W6: store values of users, and list the users with a value: one of them, or a thousand."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.baseline.meta import StoringMeta
from benchmarks.baseline.store import TENANT, SqliteStore
from benchmarks.measuring import Calls, Side
from benchmarks.people import BEFORE, NOW, id_of
from benchmarks.signing_in import ids
from benchmarks.stores import Stores, open_core
from usercore.kernel.time import to_micros

KEYS: Final = 3
"""Values of each user: three million in a store of a million users."""

HITS: Final = 1000

_AT: Final = to_micros(BEFORE)
_VALUE: Final = (
    "INSERT INTO usercore_meta (digest, user_id, tenant_id, key, value, public, created_at, modified_at)"
    f" VALUES (?, ?, {TENANT}, ?, ?, FALSE, {_AT}, {_AT})"
)


@contextmanager
def upsert(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Store another value of a user each time, with history, in a durable commit."""
    ours, theirs = _filled(stores, users, "usercore"), _filled(stores, users, "raw")
    with closing(open_core(ours)) as core, closing(StoringMeta(SqliteStore(theirs), lambda: NOW)) as raw:
        numbers = {"usercore": count(), "raw": count()}
        yield {
            "usercore": Calls(
                lambda user_id: core.meta.upsert(user_id, "key 0", f"new {next(numbers['usercore'])}"),
                ids(users, seed=1),
            ),
            "raw": Calls(
                lambda user_id: raw.upsert(user_id, "key 0", f"new {next(numbers['raw'])}"), ids(users, seed=1)
            ),
        }


@contextmanager
def find_one(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """List the one user who has a value."""
    ours, theirs = _filled(stores, users, "usercore"), _filled(stores, users, "raw")
    with closing(open_core(ours)) as core, closing(StoringMeta(SqliteStore(theirs), lambda: NOW)) as raw:
        yield {
            "usercore": Calls(lambda user_id: core.meta.key_users("key 0", f"own {user_id}"), ids(users, seed=1)),
            "raw": Calls(lambda user_id: raw.key_users("key 0", f"own {user_id}"), ids(users, seed=1)),
        }


@contextmanager
def find_many(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """List the thousand users who share a value."""
    ours, theirs = _filled(stores, users, "usercore"), _filled(stores, users, "raw")
    with closing(open_core(ours)) as core, closing(StoringMeta(SqliteStore(theirs), lambda: NOW)) as raw:
        yield {
            "usercore": Calls(lambda _: core.meta.key_users("key 1", "shared 0", limit=HITS), ids(users, seed=1)),
            "raw": Calls(lambda _: raw.key_users("key 1", "shared 0"), ids(users, seed=1)),
        }


def _filled(stores: Stores, users: int, name: str) -> Path:
    path = stores.copy(users, name)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(_VALUE, _values(users))
    return path


def _values(users: int) -> Iterator[tuple[Any, ...]]:
    """Yield the values of each user: one of their own, one shared by a thousand, and one shared by all."""
    for number in range(users):
        texts = (f"own {id_of(number)}", f"shared {number // HITS}", "everybody's")
        for key, text in zip(range(KEYS), texts, strict=True):
            name = f"key {key}"
            yield sha256(f"{name}\0{text}".encode()).digest()[:16], id_of(number), name, text
