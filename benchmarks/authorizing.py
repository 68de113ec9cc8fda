"""W13: check API tokens, of which a store has many more than any tenant issues."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256, shake_128
from pathlib import Path
from typing import Any, Final

from benchmarks.baseline.authorizing import Authorizing
from benchmarks.baseline.store import TENANT, SqliteStore
from benchmarks.measuring import Calls, Side
from benchmarks.people import BEFORE, NOW
from benchmarks.stores import Stores, open_core
from usercore.kernel.secret import generate_secret
from usercore.kernel.time import to_micros
from usercore.tokens.kinds import API

TOKENS: Final = 1000
RESOURCE: Final = "orders.read"
ADDRESS: Final = "192.0.2.7"

_RESOURCES: Final = json.dumps(["invoices.read", "orders.export", RESOURCE, "users.read", "users.write"])
_ADDRESSES: Final = json.dumps(["198.51.100.0/24", "192.0.2.0/24"])
_AT: Final = to_micros(BEFORE)
_TOKEN: Final = (
    "INSERT INTO usercore_api_tokens (id, tenant_id, digest, name, active, resources, addresses, issued_at, created_by,"
    f" last_used_at, change_no) VALUES (?, {TENANT}, ?, ?, TRUE, ?, ?, {_AT}, 'host', {_AT}, 2)"
)


def secret_of(number: int) -> str:
    """Return the secret of the token with this number."""
    return generate_secret(API, None, lambda count: shake_128(f"api {number}".encode()).digest(count)).reveal()


@contextmanager
def authorize(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Check a token, its address and its grant; last uses are collected on both sides, and written when they close."""
    ours, theirs = _filled(stores, users, "usercore"), _filled(stores, users, "raw")
    with closing(open_core(ours)) as core, closing(Authorizing(SqliteStore(theirs), lambda: NOW)) as raw:
        yield {
            "usercore": Calls(lambda secret: core.api_tokens.authorize(secret, RESOURCE, ip=ADDRESS), _secrets()),
            "raw": Calls(lambda secret: raw.authorize(secret, RESOURCE, ADDRESS), _secrets()),
        }


def _secrets() -> Iterator[str]:
    known = list(map(secret_of, range(TOKENS)))
    drawn = random.Random(1)
    while True:
        yield drawn.choice(known)


def _filled(stores: Stores, users: int, name: str) -> Path:
    path = stores.copy(users, name)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(_TOKEN, _tokens())
    return path


def _tokens() -> Iterator[tuple[Any, ...]]:
    for number in range(TOKENS):
        digest = sha256(secret_of(number).encode()).digest()
        yield (1 << 41) + number, digest, f"program {number}", _RESOURCES, _ADDRESSES
