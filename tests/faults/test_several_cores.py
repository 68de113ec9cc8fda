"""Several cores on one file, in one process and in several."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import usercore
from tests.faults.filled_stores import POLICY
from tests.faults.processes import all_started, hear, tell
from usercore import Email, UserCore


def register(core: UserCore, *names: str) -> None:
    for name in names:
        core.registration.register(f"{name}@example.com")


def are_there(core: UserCore, *names: str) -> bool:
    return all(core.users.find(Email(f"{name}@example.com")) is not None for name in names)


@pytest.mark.rule("U3", "X2")
def test_opening_a_second_core_does_not_let_another_process_take_the_wal_of_the_first(url: str) -> None:
    first = usercore.open(url, policy=POLICY)
    register(first, "early")
    second = usercore.open(url, policy=POLICY)  # reads the file, and must not release its locks
    with all_started(1, "register", url) as (other,):
        tell(other, "other@example.com")
        assert hear(other) == "1"
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(60) == 0  # it closed, and would have removed the WAL if it believed to be alone
    register(first, "late1", "late2")
    with all_started(1, "register", url) as (reader,):
        for name in ("early", "other", "late1", "late2"):
            tell(reader, f"{name}@example.com")
            assert hear(reader) == "0", f"{name} is not there for others"
    first.close()
    second.close()


@pytest.mark.rule("U3")
def test_cores_of_one_process_read_each_others_rows(url: str) -> None:
    with usercore.open(url, policy=POLICY) as one, usercore.open(url, policy=POLICY) as two:
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(register, core, *(f"{name}{number}" for number in range(20)))
                for core, name in ((one, "a"), (two, "b"))
            ]
            for each in done:
                each.result()
        assert are_there(one, *(f"b{number}" for number in range(20)))
        assert are_there(two, *(f"a{number}" for number in range(20)))


@pytest.mark.rule("T1")
def test_a_store_opened_by_many_at_once_is_created_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with ThreadPoolExecutor(8) as pool:
        cores = list(pool.map(lambda _: usercore.open(url, policy=POLICY), range(8)))
    assert len({core._runtime.storage.secret for core in cores}) == 1
    for core in cores:
        assert [tenant.key for tenant in core.tenant("system").tenants.list().rows] == ["main", "system"]
        core.close()
