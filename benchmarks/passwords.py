"""W2: signing in by a password, with a hash that costs next to nothing, and in two threads with one that is safe."""

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
from benchmarks.crowds import Threads
from benchmarks.measuring import Calls, Side
from benchmarks.people import BEFORE, NOW, PASSWORD, id_of, person
from benchmarks.stores import Stores, open_core
from usercore.kernel.time import to_micros
from usercore.passwords.model import OWASP, HashProfile, PasswordPolicy

LEAST: Final = HashProfile(name="least", memory_kib=8, passes=1, lanes=1, source="the least that argon2 can do")
"""It shows what is around the hash. Nobody is to keep a password so."""

HOLDERS: Final = 10_000
"""So many people have a password, spread over all: one each for more would only take long to fill in."""

THREADS: Final = 2
"""As many as usercore lets hash at once unless told otherwise."""

_SALT: Final = b"the same for all"
_CREDENTIAL: Final = (
    "INSERT INTO usercore_credentials (user_id, hash, version, set_at, reason, must_change)"
    f" VALUES (?, ?, 1, {to_micros(BEFORE)}, 'import', FALSE)"
)


def holders(users: int) -> range:
    """Give the numbers of those who have a password."""
    return range(0, users, max(1, users // HOLDERS))


def logins(users: int, seed: int) -> Iterator[str]:
    """Give the emails of people with a password, drawn again and again."""
    drawn, numbers = random.Random(seed), holders(users)
    while True:
        yield person(drawn.choice(numbers)).email


def hasher_of(profile: HashProfile) -> argon2.PasswordHasher:
    """Give argon2 with these parameters."""
    return argon2.PasswordHasher(
        time_cost=profile.passes, memory_cost=profile.memory_kib, parallelism=profile.lanes, type=argon2.Type.ID
    )


def hash_by(profile: HashProfile) -> str:
    """Hash everybody's password, the same in every run."""
    return hasher_of(profile).hash(PASSWORD, salt=_SALT)


def with_passwords(stores: Stores, users: int, name: str, profile: HashProfile) -> Path:
    """Give a copy of a store in which some people have a password."""
    path, hashed = stores.copy(users, name), hash_by(profile)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(_CREDENTIAL, ((id_of(number), hashed) for number in holders(users)))
    return path


def open_core_by(path: Path, profile: HashProfile) -> usercore.UserCore:
    """Open a store with usercore, whose new hashes are such."""
    return open_core(path, policy=usercore.Policy(passwords=PasswordPolicy(profile=profile)))


def open_by_hand(path: Path, profile: HashProfile) -> Passwords:
    """Open a store by hand; as above."""
    return Passwords(SqliteStore(path), lambda: NOW, hasher_of(profile))


@contextmanager
def sign_in(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Sign in with the least hash: a look, the hash, a durable commit."""
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
