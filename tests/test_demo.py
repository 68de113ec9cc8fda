"""The demo says what it is expected to say, and leaves a store for ordinary tools."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from examples import demo


def test_the_demo_plays_as_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(tmp_path / "demo.db") == 0
    assert "NOT REFUSED" not in capsys.readouterr().out
    with closing(sqlite3.connect(tmp_path / "demo.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_another_outcome_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.Demo, "play", lambda _: iter(["one line"]))
    monkeypatch.setattr(demo, "EXPECTED", tmp_path / "other.expected")
    (tmp_path / "other.expected").write_text("something else")
    assert demo.main(tmp_path / "demo.db") == 1
    assert "something else" in capsys.readouterr().err
