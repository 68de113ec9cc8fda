"""Stores with many users, filled quickly: rows are written directly, into the tables that usercore made.

Each size is filled once per run; every side then works on its own copy, which is named after it.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

import usercore
from benchmarks.baseline.store import SqliteStore, Store
from benchmarks.baseline.words import ADD, words_of
from benchmarks.people import BEFORE, NOW, id_of, person, registered_of, secret_of
from usercore.kernel.context import MAIN
from usercore.kernel.time import to_micros

_AT: Final = to_micros(BEFORE)
_EXPIRES: Final = to_micros(BEFORE + timedelta(days=365))

_FAST: Final = ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -1000000")

_USER: Final = (
    "INSERT INTO usercore_users (id, tenant_id, state, email, external_id, first_name, last_name, language, source,"
    " is_institution, requires_role, registered_at, created_at, created_by, modified_at, modified_by, version,"
    " change_no)"
    f" VALUES (?, {MAIN}, 'active', ?, ?, ?, ?, ?, 'unknown', FALSE, FALSE, ?, {_AT}, 'host', {_AT}, 'host', 1, 1)"
)
_CLAIM: Final = (
    f"INSERT INTO usercore_claims (digest, tenant_id, space, key, holder_id, uses) VALUES (?, {MAIN}, ?, ?, ?, ?)"
)
_TOKEN: Final = (
    "INSERT INTO usercore_access_tokens (user_id, digest, authenticator, issued_at, last_used_at, expires_at)"
    f" VALUES (?, ?, 'login_token', {_AT}, {_AT}, {_EXPIRES})"
)
_HISTORY: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', 1, 0, {MAIN}, 'user.registered', {_AT}, 'host', ?)"
)


class StoreProvider(Protocol):
    """Provides the stores of a run."""

    def open_core(self, users: int, subscribers: Sequence[usercore.Subscriber] = ()) -> usercore.UserCore:
        """Open a copy with usercore."""

    def by_hand(self, users: int, name: str = "raw", *, reads: bool = False) -> Store:
        """Open a copy for the calls by hand; one that only ``reads`` may be opened read-only."""


@attrs.frozen
class Stores(StoreProvider):
    """Files in a temporary folder."""

    folder: Path

    def open_core(self, users: int, subscribers: Sequence[usercore.Subscriber] = ()) -> usercore.UserCore:
        """Open a copy; see ``StoreProvider``."""
        return open_core(self.copy(users, "usercore"), subscribers)

    def by_hand(self, users: int, name: str = "raw", *, reads: bool = False) -> Store:  # noqa: ARG002 - SQLite has one kind
        """Open a copy; see ``StoreProvider``."""
        return SqliteStore(self.copy(users, name))

    def copy(self, users: int, name: str) -> Path:
        """Return a copy of the store with this many users, made for one side of one workload."""
        master = self.folder / f"{users}.db"
        if not master.exists():
            fill(master, users)
        path = self.folder / f"{users}-{name}.db"
        remove(path)
        shutil.copyfile(master, path)
        return path


def open_core(
    path: Path, subscribers: Sequence[usercore.Subscriber] = (), policy: usercore.Policy | None = None
) -> usercore.UserCore:
    """Open a store at the instant at which everything is measured."""
    return usercore.open(f"sqlite:///{path}", policy=policy, clock=lambda: NOW, subscribers=subscribers)


def remove(path: Path) -> None:
    """Remove a store with the files that SQLite and the process lock have beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def fill(path: Path, users: int) -> None:
    """Create a store with so many users, each with claims, a history entry and an access token."""
    usercore.open(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    for setting in _FAST:
        connection.execute(f"PRAGMA {setting}").fetchall()
    insert_people(connection.executemany, users)
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()


def insert_people(many: Callable[[str, Iterable[tuple[Any, ...]]], object], users: int) -> None:
    """Insert the rows of so many users; ``many`` runs a statement for each row."""
    many(_USER, _users(users))
    many(ADD, _words(users))
    many(_CLAIM, _claims(users))
    many(_TOKEN, _tokens(users))
    many(_HISTORY, _history(users))


def _users(count: int) -> Iterator[tuple[Any, ...]]:
    for one in map(person, range(count)):
        registered_at = to_micros(registered_of(one.number))
        yield id_of(one.number), one.email, one.external_id, one.first_name, one.last_name, one.language, registered_at


def _claims(count: int) -> Iterator[tuple[Any, ...]]:
    for one in map(person, range(count)):
        for space, key, uses in ("login", one.email, 1), ("external", one.external_id, 4):
            yield sha256(f"{space}\0{key}".encode()).digest()[:16], space, key, id_of(one.number), uses


def _words(count: int) -> Iterator[tuple[Any, ...]]:
    for one in map(person, range(count)):
        for word in words_of(one.email, one.first_name, one.last_name):
            yield id_of(one.number), word


def _tokens(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        yield id_of(number), sha256(secret_of(number).encode()).digest()


def _history(count: int) -> Iterator[tuple[Any, ...]]:
    for one in map(person, range(count)):
        fields = {"state": "active", "email": one.email, "external_id": one.external_id, "language": one.language}
        yield id_of(one.number), json.dumps(fields, separators=(",", ":"))
