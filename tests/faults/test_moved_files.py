"""The files of a store move while processes write: nothing more is acknowledged, and what was is whole."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import attrs
import pytest

import usercore
from tests.architecture.source import ROOT
from tests.faults import moves
from tests.faults.child import THREADS
from tests.faults.moves import MOVES, Move
from tests.faults.processes import Child, hear, started
from tests.faults.rounds import rounds
from usercore import Email, StoreMoved
from usercore_storage.sqlite.wal_owner import wal_of

WRITERS: Final = 2

Told = tuple[str, float]
"""An email, and when its registration was acknowledged."""


@attrs.frozen
class HeldFiles:
    """The store's file and its WAL, under whatever names."""

    store: int
    wal: int

    def emails(self, folder: Path) -> set[str]:
        """Return the emails of the users in the store, which must be whole."""
        twin = folder / "twin.db"
        twin.write_bytes(Path(f"/proc/self/fd/{self.store}").read_bytes())
        wal_of(twin).write_bytes(Path(f"/proc/self/fd/{self.wal}").read_bytes())
        return emails_in(twin)


@contextmanager
def held(path: Path) -> Iterator[HeldFiles]:
    store, wal = os.open(path, os.O_RDONLY), os.open(wal_of(path), os.O_RDONLY)
    yield HeldFiles(store, wal)
    os.close(store)
    os.close(wal)


def emails_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {email for (email,) in connection.execute("SELECT email FROM usercore_users")}


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of an empty store in a folder of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    usercore.open(url_of(folder / "store.db")).close()
    return folder / "store.db"


@contextmanager
def writing(path: Path, lines: int) -> Iterator[list[tuple[Child, list[Told]]]]:
    """Start writers, and hear so many acknowledgements of each."""
    with ExitStack() as stack:
        names = [f"writer{number}" for number in range(WRITERS)]
        children = [stack.enter_context(started("write_until_moved", url_of(path), name)) for name in names]
        yield [(child, [told(hear(child)) for _ in range(lines)]) for child in children]


def told(line: str) -> Told:
    email, at = line.split()
    return email, float(at)


def rest_of(child: Child) -> list[str]:
    """Return what a child prints until it ends; the last line of one that was killed may be cut off."""
    assert child.stdout is not None
    return child.stdout.read().split("\n")[:-1]


def lines_before() -> int:
    return random.Random().randrange(1, 60) if rounds(few=1) > 1 else 8  # noqa: S311 - no secret


each_move = pytest.mark.parametrize("move", MOVES if rounds(few=1) > 1 else MOVES[::3], ids=lambda move: move.__name__)


@pytest.mark.slow
@pytest.mark.rule("ERR")
@each_move
def test_nothing_more_is_acknowledged_when_the_files_move_and_what_was_is_whole(
    path: Path, tmp_path: Path, move: Move
) -> None:
    for _ in range(rounds(few=1, many=3)):
        with writing(path, lines_before()) as writers, held(path) as files:
            move(path)
            at = monotonic()
            for child, acknowledged in writers:
                lines = rest_of(child)
                assert lines.count("moved") == THREADS
                acknowledged += [told(line) for line in lines if line != "moved"]
                assert len([one for _, one in acknowledged if one > at]) <= THREADS, "calls that had been checked"
            stored = files.emails(tmp_path)
        assert {email for _, acknowledged in writers for email, _ in acknowledged} <= stored
        for file in tmp_path.rglob("*.db*"):
            file.unlink()
        path.parent.mkdir(exist_ok=True)
        usercore.open(url_of(path)).close()


def refuse(path: Path) -> None:
    with pytest.raises(StoreMoved):
        usercore.open(url_of(path))


KILLED: Final[dict[str, tuple[Move, Callable[[Path], None]]]] = {
    "replaced by a copy": (moves.replace_by_a_copy, refuse),
    "renamed, at its old path": (moves.rename, refuse),
    "renamed, at its new path": (moves.rename, lambda path: refuse(path.with_name("renamed.db"))),
    "deleted": (moves.delete, refuse),
    "all deleted": (moves.delete_all, lambda path: usercore.open(url_of(path)).close()),
    "a second hard link": (moves.add_a_hard_link, refuse),
}
"""What moves, and what happens to the next who opens it."""


@pytest.mark.slow
@pytest.mark.rule("ERR")
@pytest.mark.parametrize("name", KILLED if rounds(few=1) > 1 else ["replaced by a copy"])
def test_a_store_that_moved_and_whose_writers_were_killed_is_not_opened_with_anothers_wal(
    path: Path, tmp_path: Path, name: str
) -> None:
    move, open_it = KILLED[name]
    with writing(path, lines_before()) as writers, held(path) as files:
        move(path)
        for child, acknowledged in writers:
            child.kill()
            acknowledged += [told(line) for line in rest_of(child) if line != "moved"]
        open_it(path)
        stored = files.emails(tmp_path)
    assert {email for _, acknowledged in writers for email, _ in acknowledged} <= stored


@pytest.mark.slow
@pytest.mark.rule("ERR")
def test_a_store_that_was_renamed_without_its_wal_is_whole_again_when_it_is_renamed_back(path: Path) -> None:
    with writing(path, lines_before()) as writers:
        moves.rename(path)
        for child, _ in writers:
            child.kill()
    path.with_name("renamed.db").rename(path)
    with usercore.open(url_of(path)) as core:
        for _, acknowledged in writers:
            for email, _ in acknowledged:
                assert core.users.find(Email(email)) is not None


@pytest.mark.slow
@pytest.mark.rule("ERR")
@pytest.mark.needs_mount
def test_a_file_that_is_mounted_alone_in_a_container_is_not_opened_there(path: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.db"
    alone.touch()
    write = f"{sys.executable} -m tests.faults.child write_until_moved {url_of(alone)} guest"
    command = ["unshare", "-m", "sh", "-c", f"mount --bind {path} {alone} && exec {write}"]
    with writing(path, lines_before()) as writers:
        inside = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "mount its folder" in inside.stderr
        assert inside.stdout == ""
        for child, acknowledged in writers:
            child.kill()
            acknowledged += [told(line) for line in rest_of(child)]
    assert {email for _, acknowledged in writers for email, _ in acknowledged} <= emails_in(path)
