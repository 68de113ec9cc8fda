"""A full disk: units without room are rolled back completely, and the store works when there is room again."""

import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

import usercore
from tests.faults.disks import mounted
from tests.services.helpers import dump
from usercore import Full, StorageError, UserCore
from usercore_storage.sqlite.storage import SqliteStorage

NOTE = "long " * 10_000


def register(core: UserCore, number: int) -> int:
    return core.registration.register(f"ann{number}@example.com", note=NOTE).user.id


@contextmanager
def no_more_pages(core: UserCore) -> Iterator[None]:
    """Set the maximum size of the database to its present one."""
    storage = core._runtime.storage
    assert isinstance(storage, SqliteStorage)
    connection = storage.writer()._connection
    ((pages,),) = connection("PRAGMA page_count")
    connection(f"PRAGMA max_page_count = {pages}")
    yield
    connection("PRAGMA max_page_count = 1000000")


@contextmanager
def no_longer_files(max_bytes: int) -> Iterator[None]:
    """Set the system's limit on the size of files."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.rule("ERR")
def test_a_unit_without_room_is_rolled_back_and_the_store_goes_on(url: str) -> None:
    with usercore.open(url) as core:
        kept = register(core, 1)
        before = dump(core)
        with no_more_pages(core), pytest.raises(Full):
            register(core, 2)
        assert dump(core) == before
        assert {core.users.get(register(core, 2)).note, core.users.get(kept).note} == {NOTE}


@pytest.mark.rule("ERR")
def test_a_unit_beyond_the_file_size_limit_is_rolled_back_and_the_store_goes_on(url: str, tmp_path: Path) -> None:
    with usercore.open(url) as core:
        kept = [register(core, number) for number in range(3)]
        before = dump(core)
        with no_longer_files((tmp_path / "store.db-wal").stat().st_size + 10_000), pytest.raises(Full):
            register(core, 3)
        assert dump(core) == before
        kept.append(register(core, 3))
    with usercore.open(url) as core:
        assert [core.users.get(number).id for number in kept] == kept
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.rule("ERR")
def test_a_store_without_room_is_not_created_in_part(url: str) -> None:
    with no_longer_files(20_000), pytest.raises(StorageError):
        usercore.open(url)
    with usercore.open(url) as core:
        register(core, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of two megabytes, of which half is ballast."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, 2):
        (disk / "ballast").write_bytes(bytes(1 << 20))
        yield disk


def register_until_full(core: UserCore, thread: int) -> list[str]:
    """Return the emails of acknowledged registrations."""
    told: list[str] = []
    for number in count():
        email = f"{thread}.{number}@example.com"
        try:
            core.registration.register(email, note=NOTE)
        except Full:
            return told
        told.append(email)
    raise AssertionError


@pytest.mark.rule("ERR")
@pytest.mark.needs_mount
def test_a_full_disk_loses_nothing_acknowledged_and_the_store_works_when_there_is_room(
    small_disk: Path,
) -> None:
    url = f"sqlite:///{small_disk}/store.db"
    with usercore.open(url) as core:
        with ThreadPoolExecutor(8) as pool:
            told: list[str] = [
                email for emails in pool.map(partial(register_until_full, core), range(8)) for email in emails
            ]
        assert len(told) > 2
        before = dump(core)
        with pytest.raises(Full):
            register(core, 1)
        assert dump(core) == before
        (small_disk / "ballast").unlink()
        register(core, 1)
    with closing(sqlite3.connect(small_disk / "store.db")) as connection:
        kept = {email for (email,) in connection.execute("SELECT email FROM usercore_users")}
        assert kept == {*told, "ann1@example.com"}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
