"""Files that cannot be used as a store."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import attrs
import pytest

import usercore
from tests.faults.fork_helpers import in_child
from tests.faults.refused_calls import LOCKS, refuse
from tests.storages.refusing import RefusedStore, RefusedStoreCases
from usercore import Corrupt, ForeignFile, NewerSchema, ReadOnly, StoreMoved, Unavailable

NEW: Final = "sqlite:///{folder}/new.db"
STORE: Final = "sqlite:///{folder}/store.db"


def change_mode(name: str, mode: int) -> Callable[[Path], object]:
    """Return what changes the mode of a file or a folder."""
    return lambda folder: (folder / name).chmod(mode)


def write(data: bytes) -> Callable[[Path], object]:
    """Return what replaces the contents of the store."""
    return lambda folder: (folder / "store.db").write_bytes(data)


def run_sql(script: str) -> Callable[[Path], object]:
    """Return what runs SQL in the store, by another program."""

    def execute(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "store.db")) as connection:
            connection.executescript(script)

    return execute


def make_foreign(folder: Path) -> None:
    write(b"")(folder)
    run_sql("CREATE TABLE people (name)")(folder)


def put_anothers_wal(folder: Path) -> None:
    (folder / "new.db-wal").write_bytes(b"pages of another file")


def truncate(folder: Path) -> None:
    os.truncate(folder / "store.db", (folder / "store.db").stat().st_size - 1)


@attrs.frozen
class Row:
    """What makes a file unusable, with the URL and the error."""

    url: str
    error: type[Exception]
    reason: str
    break_it: Callable[[Path], object] = lambda _: None
    prepare: Callable[[], object] = lambda: None


ROWS: Final = {
    "no folder": Row("sqlite:///{folder}/missing/new.db", Unavailable, "no such folder: '{folder}/missing'"),
    "a folder": Row("sqlite:///{folder}", Unavailable, "a folder is at '{folder}'"),
    "a folder without permission": Row(
        NEW, Unavailable, "Permission denied: '{folder}/new.db'", change_mode("", 0o555)
    ),
    "a folder that may not be entered": Row(STORE, Unavailable, "Permission denied", change_mode("", 0o444)),
    "a file that may not be read": Row(
        STORE, Unavailable, "'{folder}/store.db' may not be read", change_mode("store.db", 0o222)
    ),
    "a file that may not be written": Row(
        STORE, ReadOnly, "'{folder}/store.db' may not be written", change_mode("store.db", 0o444)
    ),
    "a file in a folder that may not be written": Row(
        STORE, ReadOnly, "files may not be made in '{folder}'", change_mode("", 0o555)
    ),
    "a side file without permission": Row(
        STORE,
        Unavailable,
        "Is a directory: '{folder}/store.db-lock'",
        lambda folder: (folder / "store.db-lock").mkdir(),
    ),
    "a pipe": Row(
        NEW, Unavailable, "no regular file is at '{folder}/new.db'", lambda folder: os.mkfifo(folder / "new.db")
    ),
    "a link to itself": Row(
        NEW, Unavailable, "no regular file is at", lambda folder: (folder / "new.db").symlink_to("new.db")
    ),
    "a long name": Row(f"sqlite:///{{folder}}/{'x' * 300}", Unavailable, "File name too long"),
    "no database": Row(
        STORE, Corrupt, "file is not a database (SQLITE_NOTADB): '{folder}/store.db'", write(b"hello filled\n" * 1000)
    ),
    "a short file": Row(STORE, Corrupt, "is shorter than any SQLite file", write(b"\0")),
    "a file that was cut off": Row(STORE, Corrupt, "was cut off within a page", truncate),
    "no version": Row(STORE, Corrupt, "usercore_schema has no version", run_sql("DELETE FROM usercore_schema")),
    "a newer schema": Row(STORE, NewerSchema, "found=99 known=1", run_sql("UPDATE usercore_schema SET version = 99")),
    "another program's": Row(STORE, ForeignFile, "with ?shared=1 it is shared", make_foreign),
    "two names": Row(
        STORE, StoreMoved, "has 2 hard links", lambda folder: os.link(folder / "store.db", folder / "second.db")
    ),
    "another file's WAL": Row(NEW, StoreMoved, "has the latest changes of another file", put_anothers_wal),
    "no locks": Row(STORE, Unavailable, os.strerror(errno.ENOLCK), prepare=lambda: refuse(LOCKS, errno.ENOLCK)),
    "an unknown option": Row(f"{STORE}?mode=ro", ValueError, "the URL has an unknown option"),
    "a host": Row("sqlite://ann:s3cret@host/people.db", ValueError, "a SQLite URL is sqlite:///relative.db"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty store."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    usercore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.needs_filter] * (name == "no locks")) for name in ROWS])
def refused(request: pytest.FixtureRequest, template: Path) -> Iterator[RefusedStore]:
    """Return a file that cannot be used, in a folder to which all users may write."""
    row = ROWS[request.param]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        folder, others = Path(one), Path(other)
        for path in (folder, others):
            path.chmod(0o777)
        shutil.copyfile(template, folder / "store.db")
        (folder / "store.db").chmod(0o666)
        row.break_it(folder)
        yield RefusedStore(
            url=row.url.format(folder=folder),
            error=row.error,
            reason=row.reason.format(folder=folder),
            folder=others,
            prepare=row.prepare,
        )
        folder.chmod(0o777)


class TestRefusedFiles(RefusedStoreCases):
    """Run in a child without the rights of root, to whom nothing is read-only."""

    def run(self, case: Callable[[], None]) -> None:
        def run_case() -> str:
            case()
            return ""

        problem = in_child(run_case, as_nobody=True)
        assert not problem, problem
