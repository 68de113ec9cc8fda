"""W2: signing in with a password, with a hash that costs next to nothing, and in two threads with a secure one."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import argon2

import usercore
from benchmarks.baseline.passwords import Passwords
from benchmarks.baseline.store import SqliteStore
from benchmarks.concurrency import Threads
from benchmarks.measuring import Calls, Side
from benchmarks.people import BEFORE, NOW, PASSWORD, id_of, person
from benchmarks.stores import Stores, open_core
from usercore.kernel.time import to_micros
from usercore.passwords.model import OWASP, HashProfile, PasswordPolicy

LEAST: Final = HashProfile(name="least", memory_kib=8, passes=1, lanes=1, source="the least that argon2 can do")
"""It shows the cost around the hash. Never store a password with it."""

HOLDERS: Final = 10_000
"""Users with a password, spread over all: one each for more would take long to insert."""

THREADS: Final = 2
"""As many as usercore hashes at once by default."""

_SALT: Final = b"the same for all"
CREDENTIAL: Final = (
    "INSERT INTO usercore_credentials (user_id, hash, version, set_at, reason, must_change)"
    f" VALUES (?, ?, 1, {to_micros(BEFORE)}, 'import', FALSE)"
)


def holders(users: int) -> range:
    """Return the numbers of the users with a password."""
    return range(0, users, max(1, users // HOLDERS))


def logins(users: int, seed: int) -> Iterator[str]:
    """Yield the emails of users with a password, drawn at random."""
    drawn, numbers = random.Random(seed), holders(users)
    while True:
        yield person(drawn.choice(numbers)).email


def hasher_of(profile: HashProfile) -> argon2.PasswordHasher:
    """Return argon2 with these parameters."""
    return argon2.PasswordHasher(
        time_cost=profile.passes, memory_cost=profile.memory_kib, parallelism=profile.lanes, type=argon2.Type.ID
    )


def hash_by(profile: HashProfile) -> str:
    """Return the hash of the common password, the same in every run."""
    return hasher_of(profile).hash(PASSWORD, salt=_SALT)


def with_passwords(stores: Stores, users: int, name: str, profile: HashProfile) -> Path:
    """Return a copy of a store in which some users have a password."""
    path, hashed = stores.copy(users, name), hash_by(profile)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(CREDENTIAL, ((id_of(number), hashed) for number in holders(users)))
    return path


def open_core_by(path: Path, profile: HashProfile) -> usercore.UserCore:
    """Open a store with usercore, with this profile for new hashes."""
    return open_core(path, policy=usercore.Policy(passwords=PasswordPolicy(profile=profile)))


def open_by_hand(path: Path, profile: HashProfile) -> Passwords:
    """Open a store by hand; as above."""
    return Passwords(SqliteStore(path), lambda: NOW, hasher_of(profile))


@contextmanager
def sign_in(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Sign in with the least hash: a read, the hash, a durable commit."""
    with (
        closing(open_core_by(with_passwords(stores, users, "usercore", LEAST), LEAST)) as core,
        closing(open_by_hand(with_passwords(stores, users, "raw", LEAST), LEAST)) as raw,
        closing(open_by_hand(with_passwords(stores, users, "bare", LEAST), LEAST)) as bare,
    ):
        yield {
            "usercore": Calls(lambda login: core.sign_in.with_password(login, PASSWORD), logins(users, seed=1)),
            "raw": Calls(lambda login: raw.sign_in(login, PASSWORD), logins(users, seed=1)),
            "bare": Calls(lambda login: bare.sign_in_barely(login, PASSWORD), logins(users, seed=1)),
        }


@contextmanager
def sign_in_together(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Sign in with the default hash in as many threads as may hash at once, beside threads that do nothing but hash."""
    verify, hashed = hasher_of(OWASP).verify, hash_by(OWASP)
    with closing(open_core_by(with_passwords(stores, users, "usercore", OWASP), OWASP)) as core:
        ours = [lambda login: core.sign_in.with_password(login, PASSWORD)] * THREADS
        yield {
            "usercore": Threads(ours, logins(users, seed=1)),
            "bare": Threads([lambda _: verify(hashed, PASSWORD)] * THREADS, logins(users, seed=1)),
        }
