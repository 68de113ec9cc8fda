"""Fixtures: a core with fake dependencies, on each storage."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from usercore import (
    FactorKey,
    Host,
    Links,
    MailPolicy,
    PasskeyPolicy,
    Policy,
    RelyingParty,
    SecondFactorPolicy,
    UserCore,
)
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore_storage import memory, sqlite

LINKS = Links(
    sign_in="https://example.com/in",
    registration="https://example.com/join/{secret}",
    reset="https://example.com/reset#{secret}",
    confirmation="https://example.com/confirm#{secret}",
    email_change="https://example.com/email#{secret}",
    undo="https://example.com/undo#{secret}",
)
FACTORS = SecondFactorPolicy(keys=(FactorKey(id="2026", key=bytes(range(32))),))


RELYING_PARTY = RelyingParty(id="example.com", name="Example", origins=("https://example.com",))


def empty_sqlite(folder: Path) -> Storage:
    """Open an empty store in a folder: a copy, because creating the tables takes three times as long."""
    (folder / "store.db").write_bytes(_empty_file())
    return sqlite.open_storage(f"sqlite:///{folder}/store.db")


@cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        sqlite.open_storage(f"sqlite:///{path}").close()
        return path.read_bytes()


@pytest.fixture(params=["memory", pytest.param("sqlite", marks=pytest.mark.thorough)])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    in_memory = request.param == "memory"
    storage = memory.open_storage("memory://") if in_memory else empty_sqlite(tmp_path)
    yield storage
    storage.close()


@pytest.fixture
def storage(kept_in: Storage) -> WatchedStorage:
    return WatchedStorage(kept_in)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def hasher(storage: WatchedStorage) -> FakeHasher:
    return FakeHasher(storage)


@pytest.fixture
def mailer(storage: WatchedStorage) -> MemoryMailer:
    return MemoryMailer(storage)


@pytest.fixture
def core(storage: WatchedStorage, clock: FakeClock, hasher: FakeHasher, mailer: MemoryMailer) -> UserCore:
    host = Host(
        clock=clock,
        randomness=FakeRandomness(),
        hasher=hasher,
        mailer=mailer,
        policy=Policy(
            mail=MailPolicy(links=LINKS),
            passkeys=PasskeyPolicy(relying_party=RELYING_PARTY),
            second_factors=FACTORS,
        ),
    )
    return UserCore.over(storage, host)
