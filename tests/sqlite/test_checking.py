"""Check a store in a file: the findings, and that nothing is changed, whatever is wrong with it."""

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usercore
from tests.faults.fork_helpers import in_child
from tests.storages.checking import CheckedStore, CheckingCases
from usercore import Corrupt, ForeignFile, StorageError, Unavailable
from usercore_storage import FindingKind, backup, check, copy
from usercore_storage.sql.tables import ALL, RATE_LIMITS
from usercore_storage.sqlite import files
from usercore_storage.sqlite.connections import Statements
from usercore_storage.sqlite.snapshot_reader import SnapshotReader

NOISE: Final = random.Random(1).randbytes(4096)  # noqa: S311 - the same in each run


class SqliteEngine(CheckedStore):
    """A file that changes only by the test's own statements."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = self.writable_url = f"sqlite:///{path}"

    def run(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(script)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(question).fetchall()


@pytest.fixture
def engine(full: Path, path: Path) -> SqliteEngine:
    """Return a full store that may be damaged."""
    shutil.copyfile(full, path)
    return SqliteEngine(path)


def state_of(folder: Path) -> dict[str, bytes]:
    """Return all files, with all their bytes."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


class TestSqliteChecking(CheckingCases):
    @pytest.fixture
    def engine(self, full: Path, path: Path) -> Iterator[CheckedStore]:
        shutil.copyfile(full, path)
        yield SqliteEngine(path)
        before = state_of(path.parent)
        with suppress(StorageError):
            check(f"sqlite:///{path}")
        assert state_of(path.parent) == before


def problems_in(engine: SqliteEngine, kind: FindingKind) -> list[str]:
    return [finding.problem for finding in check(engine.url).findings if finding.kind is kind]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("UPDATE usercore_users SET is_institution = 2", "is_institution cannot be read"),
        ("UPDATE usercore_users SET note = CAST(x'ff' AS TEXT)", "note has another type"),
        (
            "UPDATE usercore_users SET supplied_uuid = upper('8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11')",
            "supplied_uuid cannot",
        ),
    ],
)
def test_a_value_that_only_this_engine_takes_is_found(engine: SqliteEngine, script: str, problem: str) -> None:
    engine.run(script)
    assert problem in problems_in(engine, FindingKind.UNREADABLE)[0]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (
            "CREATE TRIGGER spy AFTER UPDATE ON usercore_users BEGIN SELECT 1; END",
            "no such index or trigger is known: spy",
        ),
        (
            "ALTER TABLE usercore_rate_limits RENAME TO x; CREATE TABLE usercore_rate_limits AS SELECT * FROM x",
            "the table has other options",
        ),
        ("INSERT INTO usercore_schema SELECT * FROM usercore_schema", "the version is not 1, once"),
        ("UPDATE usercore_schema SET secret = x''", "there is no secret of 32 bytes"),
    ],
)
def test_a_schema_that_only_this_engine_takes_is_found(engine: SqliteEngine, script: str, problem: str) -> None:
    engine.run(script)
    assert problem in problems_in(engine, FindingKind.SCHEMA)


def test_an_undecodable_key_ends_the_check_of_its_table(engine: SqliteEngine) -> None:
    engine.run("UPDATE usercore_deliveries SET subscriber = subscriber || CAST(x'ff' AS TEXT)")
    assert problems_in(engine, FindingKind.DAMAGE) == ["it cannot be read to its end"]


def test_dangling_foreign_keys_of_the_host_are_found(engine: SqliteEngine) -> None:
    engine.run("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a); INSERT INTO b VALUES (1)")
    (finding,) = check(engine.url).findings
    assert (finding.table, finding.key, finding.problem) == ("b", "rowid=1", "its row of a is not there")


def test_another_journal_mode_is_found(engine: SqliteEngine) -> None:
    engine.run("PRAGMA journal_mode = DELETE")
    assert problems_in(engine, FindingKind.DAMAGE) == ["the journal mode is delete, not wal: opening the store sets it"]


@pytest.mark.rule("ERR")
def test_noise_in_any_page_is_found(full: Path, tmp_path: Path) -> None:
    whole = full.read_bytes()
    for start in range(0, len(whole), 4096):
        path = tmp_path / f"{start}.db"
        path.write_bytes(whole[:start] + NOISE + whole[start + 4096 :])
        assert said_of(path) != "clean", start // 4096


def put_noise_into(engine: SqliteEngine, table: str) -> None:
    """Overwrite the root page of a table."""
    ((page,),) = engine.ask(f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")  # noqa: S608 - a table's name
    with engine.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(NOISE)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("table", [table.name for table in ALL])
def test_an_unreadable_table_is_named_and_the_others_are_checked(engine: SqliteEngine, table: str) -> None:
    engine.run("UPDATE usercore_rate_limits SET started_at = 9000000000000000000")
    put_noise_into(engine, table)
    found = check(engine.url).findings
    assert (FindingKind.DAMAGE, table, "it cannot be read to its end") in {(f.kind, f.table, f.problem) for f in found}
    assert (FindingKind.DAMAGE, "") in {(f.kind, f.table) for f in found}, "the engine has found it, too"
    assert ("usercore_rate_limits" in {f.table for f in found if f.kind is FindingKind.UNREADABLE}) == (
        table != RATE_LIMITS.name
    )


def test_a_table_of_the_hosts_that_cannot_be_read_is_damage(engine: SqliteEngine) -> None:
    engine.run("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a); INSERT INTO b VALUES (1)")
    put_noise_into(engine, "b")
    assert "the file is damaged so that SQLite cannot check it" in problems_in(engine, FindingKind.DAMAGE)


def said_of(path: Path) -> str:
    """Return the outcome of a check that must change nothing."""
    before = path.read_bytes()
    try:
        report = check(f"sqlite:///{path}")
        said = "clean" if report.is_clean else "findings"
    except StorageError as error:
        said = error.code
    assert path.read_bytes() == before
    return said


@pytest.mark.rule("ERR")
@given(data=st.data())
def test_a_check_of_any_flipped_byte_ends_and_changes_nothing(full: Path, data: st.DataObject) -> None:
    whole = bytearray(full.read_bytes())
    place = data.draw(st.one_of(st.integers(0, 99), st.integers(0, len(whole) - 1)))
    whole[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(whole)
        said_of(path)
        assert {file.name for file in path.parent.iterdir()} <= {"store.db", "store.db-wal", "store.db-shm"}


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("call", [check, usercore.open])
def test_a_name_in_the_schema_that_is_not_utf_8_is_damage(
    full: Path, path: Path, call: Callable[[str], object]
) -> None:
    for table in ALL:
        path.write_bytes(full.read_bytes())
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            renamed = "UPDATE sqlite_schema SET name = CAST(CAST(name AS BLOB) || x'f5' AS TEXT) WHERE name = ?"
            assert connection.execute(renamed, (table.name,)).rowcount == 1
        with pytest.raises(Corrupt):
            call(f"sqlite:///{path}")


@pytest.mark.rule("ERR")
def test_a_truncated_store_is_damaged(full: Path, path: Path) -> None:
    path.write_bytes(full.read_bytes()[:-4096])
    assert said_of(path) == Corrupt.code


def test_a_missing_file_is_not_created(path: Path) -> None:
    for name in ("store.db", "missing/store.db"):
        with pytest.raises(Unavailable):
            check(f"sqlite:///{path.parent / name}")
    assert list(path.parent.iterdir()) == []


@pytest.mark.rule("ERR")
def test_a_file_of_another_program_is_refused(path: Path) -> None:
    SqliteEngine(path).run("CREATE TABLE people (name)")
    assert said_of(path) == ForeignFile.code


def test_an_empty_file_and_an_older_store_are_reported_and_not_changed(
    engine: SqliteEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "VERSION", 2)
    before = state_of(path.parent)
    (behind,) = check(engine.url).findings
    assert (behind.kind, behind.table) == (FindingKind.SCHEMA, "usercore_schema")
    assert state_of(path.parent) == before
    path.write_bytes(b"")
    assert "usercore_schema" in {finding.table for finding in check(engine.url).findings}
    assert path.read_bytes() == b""


@pytest.mark.rule("ERR")
def test_a_hot_journal_is_left_for_opening_the_store(full: Path, tmp_path: Path) -> None:
    def write_until_killed() -> str:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; CREATE TABLE rest (x)")
        connection.executemany("INSERT INTO rest VALUES (?)", [("x" * 1000,)] * 100)
        os.kill(os.getpid(), signal.SIGKILL)
        return "survived"

    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "store.db"
    shutil.copyfile(full, path)
    assert in_child(write_until_killed) == ""
    before, url = state_of(path.parent), f"sqlite:///{path}"
    uses = check, partial(backup, path=tmp_path / "backup.db"), partial(copy, to_url=f"sqlite:///{tmp_path}/other.db")
    for use in uses:
        with pytest.raises(Unavailable, match="opening the store rolls it back") as refused:
            use(url)
        assert type(refused.value) is Unavailable
    assert state_of(path.parent) == before
    usercore.open(url).close()
    assert said_of(path) == "clean"


def test_a_killed_writers_wal_is_read_and_kept(engine: SqliteEngine, path: Path) -> None:
    def write_until_killed() -> str:
        core = usercore.open(engine.url)
        core.registration.register("late@example.com")
        os.kill(os.getpid(), signal.SIGKILL)
        return "survived"

    rows = check(engine.url).rows
    assert in_child(write_until_killed) == ""
    wal = path.with_name("store.db-wal")
    before = path.read_bytes(), wal.read_bytes()
    report = check(engine.url)
    assert report.is_clean
    assert report.rows > rows
    assert (path.read_bytes(), wal.read_bytes()) == before


def test_memory_use_does_not_grow_with_the_store(engine: SqliteEngine) -> None:
    def peak_with(rows: int) -> int:
        engine.run(
            "DELETE FROM usercore_actions; INSERT INTO usercore_actions (user_id, id, tenant_id, action, at, actor)"  # noqa: S608 - a number
            f" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
            " SELECT -i, i, 2, 'called', i, 'host' FROM n"
        )
        tracemalloc.start()
        assert check(engine.url).is_clean
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_with(10)  # imports and compiles everything once
    assert peak_with(20_000) < 1.5 * peak_with(2_000)


def fork_beside() -> threading.Thread:
    """Start a thread that forks; the fork waits until the reader pauses."""
    thread = threading.Thread(target=in_child, args=(lambda: "forked",))
    thread.start()
    return thread


@pytest.mark.usefixtures("engine")
def test_a_fork_does_not_wait_for_a_long_query(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    forks: list[threading.Thread] = []

    def query(run: Statements) -> str:
        if forks:
            return "looked again"
        forks.append(fork_beside())
        run(endless)
        return "never"

    with closing(SnapshotReader(path)) as reader:
        assert reader.query(query) == "looked again"
    forks[0].join()


@pytest.mark.parametrize("url", ["memory://", "nothing://", "store.db", "sqlite://store.db", "sqlite:///"])
def test_what_cannot_be_checked_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"check|URL"):
        check(url)


@pytest.mark.parametrize("url", [None, 7, b"sqlite:///store.db", Path("store.db")])
def test_a_url_must_be_text(url: Any) -> None:
    with pytest.raises(TypeError):
        check(url)
