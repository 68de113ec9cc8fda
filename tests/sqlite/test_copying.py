"""Copy a store in a file into another file."""

import itertools
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import usercore
from tests.faults.fork_helpers import in_child
from tests.sqlite.test_checking import SqliteEngine
from tests.storages.copying import CopyingCases, Pair, dump
from usercore import Corrupt, ForeignFile, Unavailable
from usercore_storage import CopyProgress, CopyStep, copy, reopen
from usercore_storage.copies import copier
from usercore_storage.copies.side import Side
from usercore_storage.sqlite import copying, files
from usercore_storage.sqlite.copying import SqliteSide


class TestSqliteToSqlite(CopyingCases):
    @pytest.fixture
    def pair(self, full: Path, tmp_path: Path) -> Pair:
        shutil.copyfile(full, tmp_path / "source.db")
        numbers = itertools.count()

        def make() -> SqliteEngine:
            return SqliteEngine(tmp_path / f"{next(numbers)}.db")

        return Pair(SqliteEngine(tmp_path / "source.db"), make, make)

    @pytest.fixture
    def engines(self) -> set[type[Side]]:
        return {SqliteSide}


@pytest.fixture
def source(full: Path, path: Path) -> SqliteEngine:
    """Return a full store."""
    shutil.copyfile(full, path)
    return SqliteEngine(path)


@pytest.mark.parametrize("step", list(CopyStep))
def test_a_process_that_is_killed_in_a_step_leaves_a_copy_that_goes_on(
    source: SqliteEngine, tmp_path: Path, step: CopyStep
) -> None:
    target, before, numbers = SqliteEngine(tmp_path / "target.db"), dump(source), itertools.count()

    def end(progress: CopyProgress) -> None:
        if progress.step is CopyStep.COMPARE:
            with usercore.open(source.url) as core:
                core.groups.create(str(next(numbers)))
        if progress.step is step and 2 * progress.done >= progress.total:
            os.kill(os.getpid(), signal.SIGKILL)

    def copy_until_killed() -> str:
        copy(source.url, target.url, on_progress=end)
        return "survived"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copier, "PAGE", 40)
        patch.setattr(copier, "FEW", 2)
        assert in_child(copy_until_killed) == ""
    assert copy(source.url, target.url).is_finished
    assert dump(target) == dump(source)
    assert (dump(target) == before) == (step in {CopyStep.COPY, CopyStep.INDEX})


def test_a_copy_lets_forks_through(source: SqliteEngine, tmp_path: Path) -> None:
    target = SqliteEngine(tmp_path / "target.db")
    forked = dict[CopyStep, str]()

    def fork(progress: CopyProgress) -> None:
        if progress.step not in forked:
            forked[progress.step] = in_child(lambda: "forked")

    copy(source.url, target.url, on_progress=fork)
    assert forked == dict.fromkeys(set(CopyStep) - {CopyStep.CATCH_UP}, "forked")
    assert dump(target) == dump(source)


@pytest.mark.rule("ERR")
def test_a_text_that_is_not_utf_8_ends_the_copy(source: SqliteEngine, tmp_path: Path) -> None:
    source.run("UPDATE usercore_users SET note = CAST(x'ff' AS TEXT)")
    with pytest.raises(Corrupt, match="usercore_users"):
        copy(source.url, f"sqlite:///{tmp_path}/target.db")


@pytest.mark.rule("ERR")
def test_stores_of_another_schema_and_what_is_no_store_are_refused(
    source: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        copy(f"sqlite:///{tmp_path}/missing.db", f"sqlite:///{tmp_path}/target.db")
    SqliteEngine(tmp_path / "others.db").run("CREATE TABLE people (name)")
    with pytest.raises(ForeignFile):
        copy(source.url, f"sqlite:///{tmp_path}/others.db")
    for module in (files, copying):
        monkeypatch.setattr(module, "VERSION", 2)
    with pytest.raises(Unavailable, match="schema 2; open it to migrate it"):
        copy(source.url, f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(Unavailable, match="schema 2; open it to migrate it"), copying.target(source.url):
        pass
    assert not (tmp_path / "target.db").exists()
    assert not (tmp_path / "missing.db").exists()


@pytest.mark.parametrize("other", ["memory://", "nothing", "mysql://x/y"])
def test_only_files_and_databases_are_copied(source: SqliteEngine, tmp_path: Path, other: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        copy(other, f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(ValueError, match="postgresql://"):
        copy(source.url, other)
    with pytest.raises(ValueError, match="postgresql://"):
        reopen(other)


@pytest.mark.parametrize("url", [None, 7, b"sqlite:///store.db"])
def test_urls_are_text(source: SqliteEngine, url: Any) -> None:
    for call in (lambda: copy(url, source.url), lambda: copy(source.url, url), lambda: reopen(url)):
        with pytest.raises(TypeError):
            call()
