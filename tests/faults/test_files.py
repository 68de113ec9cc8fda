"""Files that are no store, or of others, or not writable: the error that names it, and the unchanged file."""

import os
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.fork_helpers import in_child
from usercore import Corrupt, Email, ForeignFile, NewerSchema, ReadOnly, StorageError, Unavailable


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a store."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    with usercore.open(f"sqlite:///{path}") as core:
        core.registration.register("ann@example.com", note="long " * 3000)
    return path.read_bytes()


def check_refused(path: Path, error: type[StorageError]) -> StorageError:
    before = sha256(path.read_bytes()).digest()
    with pytest.raises(error) as refused:
        usercore.open(f"sqlite:///{path}")
    assert type(refused.value) is error
    assert sha256(path.read_bytes()).digest() == before
    return refused.value


def made_by(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


FOREIGN: Final = {
    "a table": "CREATE TABLE people (name)",
    "a view": "CREATE VIEW one AS SELECT 1",
    "another's mark": "PRAGMA application_id = 7; CREATE TABLE gone (x); DROP TABLE gone",
    "a table with a name like ours": "CREATE TABLE usercore_users (id)",
}


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("script", FOREIGN.values(), ids=list(FOREIGN))
def test_a_database_of_another_program_is_refused(script: str, tmp_path: Path) -> None:
    check_refused(made_by(tmp_path / "others.db", script), ForeignFile)


@pytest.mark.rule("ERR")
def test_a_database_of_another_program_can_be_shared_by_url(tmp_path: Path) -> None:
    path = made_by(tmp_path / "others.db", FOREIGN["a table"])
    with usercore.open(f"sqlite:///{path}?shared=1") as core:
        core.registration.register("ann@example.com")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_store_of_a_newer_usercore_is_refused(mode: str, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(whole)
    made_by(path, f"PRAGMA journal_mode = {mode}")
    made_by(path, "UPDATE usercore_schema SET version = 99")
    refused = check_refused(path, NewerSchema)
    assert str(refused) == "storage.newer_schema found=99 known=1"


@pytest.mark.rule("ERR")
@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE usercore_schema (version)",
        "CREATE TABLE usercore_schema (version); INSERT INTO usercore_schema VALUES ('one')",
        "CREATE TABLE usercore_schema (version); INSERT INTO usercore_schema VALUES (NULL)",
        "CREATE TABLE usercore_schema (version); INSERT INTO usercore_schema VALUES (0)",
    ],
)
def test_a_store_without_a_schema_version_is_refused(script: str, tmp_path: Path) -> None:
    check_refused(made_by(tmp_path / "store.db", script), Corrupt)


GARBAGE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "one byte": lambda _: b"\0",
    "a short text": lambda _: b"hello\n",
    "a long text": lambda _: b"hello filled\n" * 1000,
    "zeros": lambda _: bytes(8192),
    "randomness": lambda _: random.Random(1).randbytes(8192),  # noqa: S311 - the same in each run
    "only a header": lambda whole: whole[:100],
    "chance after the header": lambda whole: whole[:100] + random.Random(1).randbytes(8092),  # noqa: S311 - as above
    "chance instead of the schema": lambda whole: whole[:100] + bytes(3996) + whole[4096:],
}


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("damage", GARBAGE.values(), ids=list(GARBAGE))
def test_what_is_no_store_is_refused(damage: Callable[[bytes], bytes], whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "garbage.db"
    path.write_bytes(damage(whole))
    check_refused(path, Corrupt)


@pytest.mark.rule("ERR")
def test_a_store_truncated_anywhere_is_refused(whole: bytes, tmp_path: Path) -> None:
    randomness = random.Random(2)  # noqa: S311 - the same in each run
    ends = {
        1,
        99,
        511,
        512,
        4095,
        4096,
        8192,
        len(whole) - 4096,
        len(whole) - 1,
        *randomness.sample(range(len(whole)), 40),
    }
    for end in ends - {0}:
        path = tmp_path / f"cut{end}.db"
        path.write_bytes(whole[:end])
        check_refused(path, Corrupt)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with usercore.open(f"sqlite:///{path}") as core:
        core.registration.register("ann@example.com")


@pytest.mark.rule("ERR")
def test_a_path_that_is_no_file_is_refused_without_blocking(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing" / "store.db")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "nowhere", "pipe", "missing/store.db", "x" * 300):
        with pytest.raises(Unavailable):
            usercore.open(f"sqlite:///{tmp_path}/{name}")
    with pytest.raises(Unavailable):
        usercore.open("sqlite:////dev/null")


@pytest.fixture
def commons(whole: bytes) -> Iterator[Path]:
    """Return a folder that all users can enter and write to, with a store that all can use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "store.db").write_bytes(whole)
        (folder / "store.db").chmod(0o666)
        yield folder
        folder.chmod(0o777)


def opening(path: Path) -> str:
    """Return the outcome of opening a store and writing to it."""
    try:
        with usercore.open(f"sqlite:///{path}") as core:
            core.registration.register("bob@example.com")
    except StorageError as error:
        return error.code
    return "written"


@pytest.mark.rule("ERR")
def test_a_store_that_may_not_be_read_or_written_is_refused(commons: Path, whole: bytes) -> None:
    path = commons / "store.db"
    for file_mode, folder_mode, said in (
        (0o444, 0o777, ReadOnly.code),
        (0o666, 0o555, ReadOnly.code),
        (0o222, 0o777, Unavailable.code),
        (0o666, 0o444, Unavailable.code),
    ):
        path.chmod(file_mode)
        commons.chmod(folder_mode)
        assert in_child(lambda: opening(path), as_nobody=True) == said
        assert path.read_bytes() == whole
        commons.chmod(0o777)
    path.chmod(0o666)
    assert in_child(lambda: opening(path), as_nobody=True) == "written"


@pytest.mark.rule("ERR")
def test_a_store_cannot_be_created_in_a_read_only_folder(commons: Path) -> None:
    commons.chmod(0o555)
    assert in_child(lambda: opening(commons / "new.db"), as_nobody=True) == Unavailable.code
    assert not (commons / "new.db").exists()


@pytest.mark.rule("ERR")
def test_a_side_file_without_permission_is_a_storage_error(commons: Path, whole: bytes) -> None:
    (commons / "store.db-lock").mkdir()
    assert in_child(lambda: opening(commons / "store.db"), as_nobody=True) == Unavailable.code
    assert (commons / "store.db").read_bytes() == whole


def test_only_its_owner_may_read_a_store(tmp_path: Path) -> None:
    with usercore.open(f"sqlite:///{tmp_path}/store.db") as core:
        core.registration.register("ann@example.com")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.pop("store.db-wal") == 0o600
    assert set(modes.values()) == {0o600}


def test_two_urls_of_one_file_are_one_store(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    with usercore.open(f"sqlite:///{tmp_path}/store.db") as one, usercore.open(f"sqlite:///{tmp_path}/link.db") as two:
        one.registration.register("ann@example.com")
        two.registration.register("bob@example.com")
        assert one.users.find(Email("bob@example.com")) is not None
        assert two.users.find(Email("ann@example.com")) is not None
