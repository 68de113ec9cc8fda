"""A backup of a store in use: complete, of one instant, private, and either present or absent."""

import errno
import os
import shutil
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.filled_stores import build
from tests.faults.fork_helpers import in_child
from tests.faults.test_full_disk import no_longer_files
from tests.samples import FilledStore
from tests.sqlite.fixtures.make import FOLDER
from usercore import Corrupt, ForeignFile, Host, StorageError, Unavailable, UserCore
from usercore_storage import backup, check, sqlite
from usercore_storage.sqlite import SqliteStorage, backups, files, forks


@pytest.fixture
def filled(store: SqliteStorage) -> FilledStore:
    """Return a full store that stays open."""
    return build(store)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of a file that does not exist yet, in a folder of its own."""
    folder = tmp_path / "copies"
    folder.mkdir()
    return folder / "copy.db"


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy page by page, so that much happens in between."""
    monkeypatch.setattr(backups, "PAGES", 1)


def rows_of(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.mark.usefixtures("filled")
def test_a_copy_is_the_store_as_it_is(path: Path, target: Path) -> None:
    backup(url_of(path), target)
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    assert check(url_of(target)).is_clean
    assert rows_of(target) == rows_of(path)


def test_opening_a_copy_restores_it(filled: FilledStore, path: Path, target: Path) -> None:
    backup(url_of(path), str(target))
    with closing(sqlite.open_storage(url_of(target))) as copied, closing(sqlite.open_storage(url_of(path))) as store:
        assert copied.secret == store.secret
    with UserCore.over(sqlite.open_storage(url_of(target)), Host(clock=filled.clock)) as core:
        assert core.sign_in.identify(filled.access_token).user.id == filled.ann.id
        core.users.update(filled.ann.id, first_name="Anna")
    assert filled.core.users.get(filled.ann.id).first_name == "Ann"


@pytest.mark.usefixtures("filled")
def test_only_its_owner_can_read_a_copy(path: Path, target: Path) -> None:
    before = os.umask(0)
    try:
        modes = set[int]()
        backup(
            url_of(path), target, on_progress=lambda *_: modes.update(mode_of(one) for one in target.parent.iterdir())
        )
        assert modes | {mode_of(target)} == {0o600}
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("small_steps")
def test_progress_is_reported_for_each_page_until_all_are_done(filled: FilledStore, path: Path, target: Path) -> None:
    heard: list[tuple[int, int]] = []

    def hear(done: int, total: int) -> None:
        heard.append((done, total))
        filled.core.users.update(filled.ann.id, note="changed " * len(heard))  # by itself, the backup would begin again

    before = rows_of(path)
    backup(url_of(path), target, on_progress=hear)
    total = heard[0][1]
    assert heard == [(number, total) for number in range(1, total + 1)]
    assert rows_of(target) == before


@pytest.mark.usefixtures("small_steps")
def test_a_busy_writer_neither_delays_the_backup_nor_waits_for_it(
    filled: FilledStore, path: Path, target: Path
) -> None:
    written, enough, steps = [0], threading.Event(), [0]

    def register() -> None:
        while not enough.is_set():
            filled.core.registration.register(f"u{written[0]}@example.com", external_id=str(written[0]))
            written[0] += 1

    def hear(done: int, total: int) -> None:
        steps[0] += 1
        seen = written[0]
        while written[0] < seen + 2 and writer.is_alive():  # two commits between two pages
            pass
        assert steps[0] <= total, done

    writer = threading.Thread(target=register)
    writer.start()
    try:
        backup(url_of(path), target, on_progress=hear)
    finally:
        enough.set()
        writer.join()
    assert written[0] >= 2 * steps[0] > 20
    assert check(url_of(target)).is_clean
    assert len(rows_of(target)) < len(rows_of(path))


class Stopped(BaseException):
    """Not caught by ``except Exception``, as an interrupt."""


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, Stopped])
@pytest.mark.usefixtures("filled", "small_steps")
def test_a_stopped_backup_leaves_no_file(error: type[BaseException], path: Path, target: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise error

    with pytest.raises(error):
        backup(url_of(path), target, on_progress=stop)
    assert list(target.parent.iterdir()) == []
    backup(url_of(path), target)
    assert check(url_of(target)).is_clean


@pytest.mark.usefixtures("filled")
def test_a_killed_backup_leaves_no_file_at_the_target(path: Path, target: Path) -> None:
    def copy_until_killed() -> str:
        backup(url_of(path), target, on_progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        return "survived"

    assert in_child(copy_until_killed) == ""
    assert [file.suffix for file in target.parent.iterdir()] == [".part"]


@pytest.mark.rule("ERR")
@pytest.mark.usefixtures("filled")
def test_a_full_disk_is_reported_and_leaves_no_file(path: Path, target: Path) -> None:
    with no_longer_files(8192), pytest.raises(StorageError):
        backup(url_of(path), target)
    assert list(target.parent.iterdir()) == []


@pytest.fixture(params=["a file", "a folder", "a link that leads nowhere", "the store itself"])
def occupied(request: pytest.FixtureRequest, path: Path, target: Path) -> Path:
    """Return a path that exists already."""
    if request.param == "a file":
        target.write_bytes(b"mine")
    elif request.param == "a folder":
        target.mkdir()
    elif request.param == "a link that leads nowhere":
        target.symlink_to("nowhere")
    return path if request.param == "the store itself" else target


@pytest.mark.usefixtures("filled")
def test_an_existing_target_is_not_overwritten(path: Path, occupied: Path) -> None:
    before = occupied.lstat()
    with pytest.raises(FileExistsError):
        backup(url_of(path), occupied, on_progress=lambda *_: pytest.fail("it was copied for nothing"))
    assert occupied.lstat() == before


@pytest.mark.usefixtures("filled")
def test_a_target_created_meanwhile_is_not_overwritten(path: Path, target: Path) -> None:
    with pytest.raises(FileExistsError):
        backup(url_of(path), target, on_progress=lambda *_: target.write_bytes(b"mine"))
    assert target.read_bytes() == b"mine"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("filled")
def test_the_copy_is_synced_before_it_is_linked(path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, link = os.fsync, os.link

    def note_sync(handle: int) -> None:
        done.append("folder" if os.path.samestat(os.fstat(handle), target.parent.stat()) else "copy")
        sync(handle)

    def note_link(old: Path, new: Path) -> None:
        done.append("name")
        link(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "link", note_link)
    backup(url_of(path), target)
    assert done == ["copy", "name", "folder"]


@pytest.mark.rule("ERR")
@pytest.mark.usefixtures("filled")
def test_a_file_system_without_hard_links_is_reported_and_no_file_remains(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(old: Path, new: Path) -> None:
        raise PermissionError(errno.EPERM, "no hard links", str(old), None, str(new))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(Unavailable):
        backup(url_of(path), target)
    assert list(target.parent.iterdir()) == []


def fork_beside() -> threading.Thread:
    """Start a thread that forks; the fork waits until the reader pauses."""
    thread = threading.Thread(target=in_child, args=(lambda: "forked",))
    thread.start()
    return thread


@pytest.mark.usefixtures("small_steps")
def test_a_fork_interrupts_a_backup_which_then_starts_over(filled: FilledStore, path: Path, target: Path) -> None:
    heard, forking = list[int](), list[threading.Thread]()

    def hear(done: int, _: int) -> None:
        heard.append(done)
        assert [file.suffix for file in target.parent.iterdir()] == [".part"]
        if not forking:
            forking.append(fork_beside())
            while not any(
                barrier.is_shut and threading.get_ident() in barrier._inside for barrier in list(forks._barriers)
            ):
                pass  # until the fork waits for this copy

    backup(url_of(path), target, on_progress=hear)
    forking[0].join()
    assert heard.count(1) == 2
    assert check(url_of(target)).is_clean
    filled.core.users.update(filled.ann.id, first_name="Anna")


def test_a_backup_does_not_change_the_store(filled: FilledStore, path: Path, target: Path) -> None:
    filled.core.close()
    before = path.read_bytes()
    backup(url_of(path), target)
    assert path.read_bytes() == before
    assert not {file.name for file in path.parent.iterdir()} & {"store.db-wal", "store.db-shm"}


@pytest.mark.rule("ERR")
def test_what_is_no_store_is_not_copied(tmp_path: Path, target: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "garbage").write_bytes(b"hello filled\n" * 1000)
    (tmp_path / "empty").touch()
    with closing(sqlite3.connect(tmp_path / "others")) as connection:
        connection.execute("CREATE TABLE people (name)")
    cases = {"missing": Unavailable, "folder": Unavailable, "garbage": Corrupt, "others": ForeignFile}
    for name, error in (cases | {"empty": Unavailable}).items():
        with pytest.raises(error):
            backup(url_of(tmp_path / name), target)
    assert list(target.parent.iterdir()) == []
    assert not (tmp_path / "missing").exists()


@pytest.mark.rule("ERR")
@pytest.mark.usefixtures("filled")
def test_a_copy_cannot_be_made_where_there_is_no_folder(path: Path, target: Path) -> None:
    with pytest.raises(StorageError):
        backup(url_of(path), target.parent / "missing" / "copy.db")


def test_a_store_of_an_older_schema_is_copied_as_it_is(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(FOLDER / "0001.db", path)
    monkeypatch.setattr(files, "VERSION", 2)
    backup(url_of(path), target)
    assert rows_of(target) == rows_of(path)


@pytest.mark.parametrize(
    ("url", "hint"),
    [("postgresql://x/y", "pg_dump"), ("memory://", "sqlite"), ("nothing", "sqlite"), ("sqlite:", "sqlite")],
)
def test_only_a_file_can_be_copied(url: str, hint: str, target: Path) -> None:
    with pytest.raises(ValueError, match=hint):
        backup(url, target)


@pytest.mark.parametrize("url", [None, 7, b"sqlite:///store.db"])
def test_a_url_must_be_text(url: Any, target: Path) -> None:
    with pytest.raises(TypeError):
        backup(url, target)
