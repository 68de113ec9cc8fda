"""A disk that does not sync, a quota, a file system without locks: calls of the system fail, and the errors say so."""

import errno
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.fork_helpers import in_child
from tests.faults.refused_calls import LOCKS, PAGE, SYNCS, WRITES, refuse
from usercore import Email, Full, Indeterminate, StorageError, Unavailable, UserCore

pytestmark = [pytest.mark.needs_filter, pytest.mark.rule("ERR")]

THREADS: Final = 16
"""So many that some of their units are committed together, on a busy machine, too."""


def outcome(core: UserCore, number: int) -> str:
    """Register a user, and return the name of the error."""
    try:
        core.registration.register(f"ann{number}@example.com")
    except StorageError as error:
        return type(error).__name__
    return "stored"


def outcomes_in_child(url: str, fail: Callable[[], None], threads: int = 1) -> list[str]:
    """Register a user in a process that ends without closing the store, and after ``fail`` one in each thread."""

    def register() -> str:
        core = usercore.open(url)
        said = [outcome(core, 0)]
        fail()
        with ThreadPoolExecutor(threads) as pool:
            said += pool.map(partial(outcome, core), range(1, threads + 1))
        return " ".join(said)

    return in_child(register).split()


def users_after_restart(url: str) -> list[int]:
    """Return the numbers of the users that are stored."""
    with usercore.open(url) as core:
        assert core.registration.register("after@example.com").created
        found = [number for number in range(THREADS + 1) if core.users.find(Email(f"ann{number}@example.com"))]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return found


def test_a_commit_that_is_not_synced_is_indeterminate_and_stored_after_the_next_start(url: str) -> None:
    assert outcomes_in_child(url, partial(refuse, SYNCS, errno.EIO)) == ["stored", Indeterminate.__name__]
    assert users_after_restart(url) == [0, 1]


def test_no_commit_of_several_threads_is_acknowledged_without_a_sync(url: str) -> None:
    said = outcomes_in_child(url, partial(refuse, SYNCS, errno.EIO), THREADS)
    assert said == ["stored", *[Indeterminate.__name__] * THREADS]
    assert users_after_restart(url)[:1] == [0]


def test_a_quota_that_is_used_up_is_full_and_nothing_of_the_call_is_stored(url: str) -> None:
    said = outcomes_in_child(url, partial(refuse, WRITES, errno.EDQUOT, least=PAGE), THREADS)
    assert said == ["stored", *[Full.__name__] * THREADS]
    assert users_after_restart(url) == [0]


def test_a_disk_that_refuses_to_write_is_unavailable_and_nothing_of_the_call_is_stored(url: str) -> None:
    said = outcomes_in_child(url, partial(refuse, WRITES, errno.EIO, least=PAGE))
    assert said == ["stored", Unavailable.__name__]
    assert users_after_restart(url) == [0]


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_unavailable(url: str, tmp_path: Path, code: int) -> None:
    usercore.open(url).close()

    def register() -> str:
        core = usercore.open(url)
        refuse(LOCKS, code)
        with pytest.raises(Unavailable) as refused:
            core.registration.register("ann@example.com")
        return str(refused.value.reason)

    assert f"{tmp_path}/store.db-lock" in in_child(register)
