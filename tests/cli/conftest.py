"""A store in a file for commands."""

from pathlib import Path

import pytest

import usercore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make an empty store, which commands use unless --store names another one."""
    url = f"sqlite:///{tmp_path}/people.db"
    usercore.open(url).close()
    monkeypatch.setenv("USERCORE_STORE", url)
    monkeypatch.setenv("USERCORE_OPERATOR", "Ann")
    return url
