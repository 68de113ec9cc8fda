"""Errors name the reason: the form of a URL, the folder, the file, the system's reason."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

import usercore
from tests.faults.fork_helpers import NOBODY
from tests.sqlite.test_process_lock import another_process_holds_the_lock
from usercore import Busy, StorageError, Unavailable
from usercore_storage import backup
from usercore_storage.sqlite.process_lock import ProcessLock
from usercore_storage.sqlite.wal_owner import side_of

FORM: Final = "sqlite:///relative.db or sqlite:////absolute.db"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder where files created by mistake do no harm."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    yield
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://:memory:", "sqlite:///%3Amemory%3A", "sqlite://"])
def test_sqlites_own_urls_of_memory_are_refused_and_ours_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="memory://"):
        usercore.open(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://people.db",
        "sqlite://host/people.db",
        "sqlite://[/people.db",
        "sqlite:///people.db#part",
        "sqlite:///people.db?shared",
        "sqlite:///people.db?shared=0",
        "sqlite:///people.db?shared=1&shared=1",
        "sqlite:///people.db?mode=ro",
        "sqlite:///a?b.db",
        "sqlite:///a%00b.db",
    ],
)
def test_a_url_of_another_form_is_refused_and_the_form_is_shown(url: str) -> None:
    with pytest.raises(ValueError, match=FORM):
        usercore.open(url)


def test_a_refused_url_is_not_repeated() -> None:
    for url in ("sqlite://ann:hunter2@host/people.db", "sqlite:///people.db?hunter2", "sqlite://[hunter2/people.db"):
        with pytest.raises(ValueError, match=FORM) as refused:
            usercore.open(url)
        assert "hunter2" not in str(refused.value)


def reason_of(use: Callable[[], Any]) -> str:
    with pytest.raises(StorageError) as refused:
        use()
    assert refused.value.reason is not None
    return refused.value.reason


def test_a_relative_path_without_a_working_directory_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usercore.open(f"sqlite:///{tmp_path}/people.db").close()
    gone = tmp_path / "gone"
    gone.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(gone)
        gone.rmdir()
        assert reason_of(lambda: usercore.open("sqlite:///people.db")) == "No such file or directory"
        assert reason_of(lambda: backup(f"sqlite:///{tmp_path}/people.db", "copy.db")) == "No such file or directory"


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_: int, __: int) -> None:
        raise OSError(code, "made by a test")

    with usercore.open(f"sqlite:///{tmp_path}/people.db") as core:
        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", refuse)
            reason = reason_of(lambda: core.registration.register("ann@example.com"))
        assert reason == f"{os.strerror(code)}: '{tmp_path}/people.db-lock'"
        core.registration.register("ann@example.com")


@pytest.mark.rule("ERR")
def test_a_lock_that_fails_while_waiting_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = fcntl.flock

    def refuse_to_wait(handle: int, how: int) -> None:
        if how == fcntl.LOCK_EX:
            raise OSError(errno.ENOLCK, "made by a test")
        lock(handle, how)

    path = tmp_path / "people.db"
    path.touch()
    with closing(ProcessLock(path)) as process_lock, another_process_holds_the_lock(path):
        monkeypatch.setattr(fcntl, "flock", refuse_to_wait)
        with pytest.raises(Unavailable, match="locks"):
            process_lock.run(lambda: None, max_wait=60)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("call", ["pread", "pwrite", "ftruncate"])
def test_an_unreadable_or_read_only_side_file_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "made by a test")

    path = tmp_path / "people.db"
    path.touch()
    with closing(ProcessLock(path)) as lock, monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        for use in (lock.remember, lock.remembers) if call == "pread" else (lock.remember,):
            assert reason_of(partial(use, b"record")) == f"{os.strerror(errno.ENOSPC)}: '{path}-lock'"


def test_busy_names_what_the_writer_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.touch()
    with (
        closing(ProcessLock(path)) as lock,
        another_process_holds_the_lock(path),
        pytest.raises(Busy, match="another process"),
    ):
        lock.run(lambda: None, max_wait=0.01)


def modes_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return owner, group and mode of each file."""
    found = {file.name: file.stat() for file in folder.glob("people.db*")}
    return {name: (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) for name, status in found.items()}


FILES: Final = {"people.db", "people.db-lock", "people.db-shm", "people.db-wal"}


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o666, 0o770])
def test_the_files_beside_a_store_have_its_mode_whatever_the_mask(tmp_path: Path, mode: int, mask: int) -> None:
    path = tmp_path / "people.db"
    path.touch()
    path.chmod(mode)
    before = os.umask(mask)
    try:
        with usercore.open(f"sqlite:///{path}") as core:
            core.registration.register("ann@example.com")
            modes = {name: found & 0o666 for name, (_, _, found) in modes_of(tmp_path).items()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(FILES, mode & 0o666)


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("has_side_file", [False, True])
def test_files_that_root_makes_beside_a_store_belong_to_its_owner(tmp_path: Path, *, has_side_file: bool) -> None:
    path = tmp_path / "people.db"
    path.touch()
    path.chmod(0o660)
    with suppress(PermissionError):  # only root gives files away
        os.chown(path, NOBODY, NOBODY)
    owner, group = path.stat().st_uid, path.stat().st_gid
    if has_side_file:  # as an earlier usercore made it
        side_of(path).touch(0o600)
    with usercore.open(f"sqlite:///{path}") as core:
        core.registration.register("ann@example.com")
        assert modes_of(tmp_path) == dict.fromkeys(FILES, (owner, group, 0o660))
