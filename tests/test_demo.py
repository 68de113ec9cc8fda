"""The demo prints what it is expected to print, and leaves a store for ordinary tools."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from examples.demo import runner


def test_the_demo_plays_as_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(tmp_path / "demo.db") == 0
    assert "NOT REFUSED" not in capsys.readouterr().out
    with closing(sqlite3.connect(tmp_path / "demo.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_another_outcome_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PARTS", [lambda _: iter(["one line"])])
    monkeypatch.setattr(runner, "EXPECTED", tmp_path / "other.expected")
    (tmp_path / "other.expected").write_text("something else")
    assert runner.main(tmp_path / "demo.db") == 1
    assert "something else" in capsys.readouterr().err
