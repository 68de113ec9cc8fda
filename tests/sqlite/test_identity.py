"""A store's file must stay the one at its path, under one name: otherwise nothing is acknowledged."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import usercore
from tests.faults.fork_helpers import in_child
from tests.faults.moves import MOVES, Move, add_a_hard_link, delete, rename
from tests.faults.processes import hear, started
from tests.sqlite.note_writer import NoteWriter, kinds, note
from usercore import Email, StorageError, StoreMoved, UserCore
from usercore_storage import backup, check
from usercore_storage.sqlite.files import location_of
from usercore_storage.sqlite.identity import READ_CHECK_SECONDS, RECORD_BYTES, StoreFile, store_id_of
from usercore_storage.sqlite.wal_owner import side_of, wal_of
from usercore_storage.sqlite.writer import Writer

moves = pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store in a folder of its own."""
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "store.db"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def core(path: Path) -> Iterator[UserCore]:
    """Return a store with an open writer and a reader."""
    with usercore.open(url_of(path)) as core:
        core.registration.register("ann@example.com")
        yield core


@pytest.mark.rule("ERR")
@moves
def test_a_write_after_the_file_moved_is_refused_and_so_are_all_later_calls(
    core: UserCore, path: Path, move: Move
) -> None:
    move(path)
    for _ in range(2):
        with pytest.raises(StoreMoved, match=r"open it again"):
            core.registration.register("bob@example.com")
        with pytest.raises(StoreMoved):
            core.users.find(Email("ann@example.com"))


@pytest.mark.rule("ERR")
def test_a_file_that_came_back_is_usable_only_after_reopening(core: UserCore, path: Path) -> None:
    rename(path)
    with pytest.raises(StoreMoved):
        core.registration.register("bob@example.com")
    path.with_name("renamed.db").rename(path)
    with pytest.raises(StoreMoved):
        core.registration.register("bob@example.com")
    core.close()
    with usercore.open(url_of(path)) as again:
        assert again.users.find(Email("ann@example.com")) is not None


@pytest.mark.rule("ERR")
@moves
def test_no_unit_of_threads_is_acknowledged_when_the_file_moves_during_its_group(path: Path, move: Move) -> None:
    path.touch()
    with closing(Writer(path)) as writer:
        note_writer = NoteWriter(writer)
        note_writer.at_commit = lambda: move(path)
        assert kinds(note_writer.group(note("a"), note("b"), note("c"))) == [StoreMoved] * 3
        with pytest.raises(StoreMoved):
            note_writer.write(note("d"))
        assert note_writer.found() == ["a", "b", "c"], "they were in the file already, and no unit was reported so"


@pytest.mark.rule("ERR")
@moves
def test_acknowledged_units_are_in_the_moved_file(core: UserCore, path: Path, move: Move) -> None:
    held = os.open(path, os.O_RDONLY)
    wal = os.open(path.with_name("store.db-wal"), os.O_RDONLY)

    def write(thread: int) -> list[str]:
        reported: list[str] = []
        while True:
            email = f"user{thread}.{len(reported)}@example.com"
            try:
                core.registration.register(email)
            except StoreMoved:
                return reported
            reported.append(email)

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, thread) for thread in range(4)]
        while core.users.find(Email("user0.3@example.com")) is None:
            pass
        move(path)
        reported = [email for one in writing for email in one.result()]
    twin = path.parent.parent / "twin.db"
    twin.write_bytes(Path(f"/proc/self/fd/{held}").read_bytes())
    twin.with_name("twin.db-wal").write_bytes(Path(f"/proc/self/fd/{wal}").read_bytes())
    os.close(held)
    os.close(wal)
    with closing(sqlite3.connect(twin)) as connection:
        stored = {email for (email,) in connection.execute("SELECT email FROM usercore_users")}
    assert set(reported) <= stored


@pytest.mark.rule("ERR")
def test_closing_a_store_that_moved_leaves_the_wal_of_the_store_at_its_path(path: Path) -> None:
    with usercore.open(url_of(path)) as core:
        core.registration.register("ann@example.com")
        for name in ("store.db-wal", "store.db-shm", "store.db"):
            (path.parent / name).rename(path.parent / f"old-{name}")
        with started("write", url_of(path), "child") as child:  # killed, so that its last writes are in the WAL
            email = hear(child).split()[2]
    with usercore.open(url_of(path)) as core:
        assert core.users.find(Email(email)) is not None
        assert core.users.find(Email("ann@example.com")) is None


@pytest.mark.rule("ERR")
def test_a_file_with_a_second_hard_link_is_not_opened(core: UserCore, path: Path) -> None:
    core.close()
    add_a_hard_link(path)
    for use in (usercore.open, check, lambda url: backup(url, path.with_name("copy.db"))):
        for name in ("store.db", "second.db"):
            with pytest.raises(StoreMoved, match="2 hard links"):
                use(url_of(path.with_name(name)))
    assert not path.with_name("copy.db").exists()
    path.with_name("second.db").unlink()
    usercore.open(url_of(path)).close()


@pytest.mark.rule("ERR")
@pytest.mark.needs_mount
def test_a_file_that_is_mounted_alone_is_not_opened(core: UserCore, path: Path) -> None:
    alone = path.parent.parent / "a lone\\mount.db"
    alone.touch()
    subprocess.run(["mount", "--bind", path, alone], check=True)  # noqa: S607 - found by root
    try:
        with pytest.raises(StoreMoved, match="mount its folder"):
            usercore.open(url_of(alone))
        core.registration.register("bob@example.com")
    finally:
        subprocess.run(["umount", alone], check=True)  # noqa: S607 - as above
    usercore.open(f"sqlite:///{path.parent.parent}/a lone%5Cmount.db").close()


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_check_and_a_copy_of_a_file_that_moves_meanwhile_are_refused(core: UserCore, path: Path, moment: str) -> None:
    copy = path.with_name("copy.db")
    core.close()
    if moment == "before":
        delete(path)
        for use in (check, lambda url: backup(url, copy)):
            with pytest.raises(StorageError, match="No such file"):
                use(url_of(path))
    else:
        with pytest.raises(StoreMoved):
            backup(url_of(path), copy, on_progress=lambda *_: rename(path))
    assert not copy.exists()


@pytest.mark.rule("ERR")
def test_paths_to_one_file_are_one_store_with_one_side_file(path: Path) -> None:
    link, folder = path.with_name("link.db"), path.parent.with_name("linked")
    link.symlink_to("store.db")
    folder.symlink_to(path.parent)
    places = [location_of(url_of(one)).path for one in (path, link, folder / "store.db", folder / "link.db")]
    assert places == [path] * 4
    with usercore.open(url_of(folder / "link.db")) as one, usercore.open(url_of(path)) as two:
        one.registration.register("ann@example.com")
        two.registration.register("bob@example.com")
        assert one.users.find(Email("bob@example.com")) is not None
    assert [file.name for file in path.parent.iterdir() if file.name.endswith("-lock")] == ["store.db-lock"]


@pytest.mark.rule("ERR")
def test_the_side_file_records_store_and_inode(core: UserCore, path: Path) -> None:
    record = side_of(path).read_bytes()
    assert len(record) == RECORD_BYTES
    store_id, *inodes = record.decode().split()
    assert list(map(int, inodes)) == [path.stat().st_ino, wal_of(path).stat().st_ino]
    with closing(sqlite3.connect(path)) as connection:
        ((secret,),) = connection.execute("SELECT secret FROM usercore_schema")
    assert store_id == store_id_of(secret)
    core.registration.register("bob@example.com")
    assert side_of(path).read_bytes() == record


@pytest.mark.rule("ERR")
def test_a_writer_notices_another_store_opened_at_its_path(core: UserCore, path: Path) -> None:
    other = path.with_name("other.db")
    with usercore.open(url_of(other)) as others:
        others.registration.register("guest@example.com")
    side_of(path).write_bytes(side_of(other).read_bytes())
    with pytest.raises(StoreMoved, match="another store"):
        core.registration.register("bob@example.com")
    core.close()
    with usercore.open(url_of(path)) as again:
        again.registration.register("bob@example.com")


@pytest.mark.rule("ERR")
def test_after_a_fork_a_file_with_another_store_is_refused(core: UserCore, path: Path) -> None:
    other = path.with_name("other.db")
    usercore.open(url_of(other)).close()

    def replace() -> str:
        path.write_bytes(other.read_bytes())  # the same inode, while no connection is open
        return "replaced"

    assert in_child(replace) == "replaced"
    with pytest.raises(StoreMoved, match="another store was copied into"):
        core.registration.register("bob@example.com")


def test_reads_notice_a_move_after_a_second(path: Path) -> None:
    now = [100.0]
    path.touch()
    file = StoreFile(path, clock=lambda: now[0])
    delete(path)
    now[0] += READ_CHECK_SECONDS * 0.9
    file.check_for_reads()
    now[0] += READ_CHECK_SECONDS * 0.2
    for _ in range(2):
        with pytest.raises(StoreMoved):
            file.check_for_reads()
    assert isinstance(file.difference(), StoreMoved)


def test_an_unreadable_path_does_not_count_as_a_move(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "made by a test")

    path.touch()
    file = StoreFile(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", refuse)
        with pytest.raises(StorageError, match="Permission denied") as refused:
            file.check()
    assert not isinstance(refused.value, StoreMoved)
    file.check()
