"""The WAL of a busy store, with threads that read in one process and threads that write in another, stays bounded."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.processes import Child, hear, started
from tests.faults.rounds import rounds
from usercore_storage.sqlite.connections import WAL_LIMIT
from usercore_storage.sqlite.wal_owner import wal_of

LINES: Final = 40
"""Units that are acknowledged in a round: they write about two megabytes."""

CYCLE: Final = 50
STAYS: Final = range(10, 20)
"""The rounds of a cycle in which a reader stays."""

SETTLES: Final = range(10, 35)
"""Those in which it stays, or the WAL has not yet grown by the limit since: truncating it is not tried before."""


def hear_lines(child: Child) -> int:
    return sum(hear(child) != "" for _ in range(LINES))


@pytest.mark.slow
def test_the_wal_of_a_busy_store_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    url, sizes, heard, count = f"sqlite:///{path}", [0], 0, rounds(few=1)
    usercore.open(url).close()
    with (
        started("write", url, "a") as writing,
        started("read", url) as reading,
        closing(sqlite3.connect(path, isolation_level=None)) as staying,
    ):
        assert hear(reading) == "ready"
        for number in range(count):
            if number % CYCLE == STAYS.start:
                staying.execute("BEGIN")
                staying.execute("SELECT count(*) FROM usercore_users").fetchall()
            elif number % CYCLE == STAYS.stop:
                staying.execute("ROLLBACK")
            heard += hear_lines(writing)
            if number % CYCLE not in SETTLES:
                sizes.append(wal_of(path).stat().st_size)
    assert heard == count * LINES
    assert max(sizes) < 2 * WAL_LIMIT
