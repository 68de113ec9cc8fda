"""The storage that `docs/how-to/write-a-storage.md` builds passes the contract, and writes its log."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.a_storage.logged import open_storage
from tests.docs.pages import ROOT, text_of
from usercore import Email, Taken, Unavailable, UserCore
from usercore.storage import Storage
from usercore.testing import StorageContract

PAGE = Path("docs/how-to/write-a-storage.md")


@pytest.mark.thorough
class TestLogged(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        storage = open_storage(f"logged+memory://#{tmp_path}/changes.jsonl")
        yield storage
        storage.close()


def kinds_in(log: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in log.read_text("utf-8").splitlines()]


def open_core(tmp_path: Path) -> UserCore:
    return UserCore.over(open_storage(f"logged+sqlite:///{tmp_path}/people.db#{tmp_path}/changes.jsonl"))


def test_each_stored_change_is_a_line(tmp_path: Path) -> None:
    with open_core(tmp_path) as core:
        ann = core.registration.register_external("ann@example.com", external_id="7").user
        with pytest.raises(Taken):
            core.registration.register_external("bob@example.com", external_id="7")
        core.users.update(ann.id, first_name="Ann")
    assert kinds_in(tmp_path / "changes.jsonl") == ["tenant.created"] * 2 + ["user.registered", "user.updated"]


def test_the_log_is_appended_to_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    for email in ("ann@example.com", "bob@example.com"):
        with open_core(tmp_path) as core:
            core.registration.register_external(email)
    log = tmp_path / "changes.jsonl"
    assert kinds_in(log)[2:] == ["user.registered"] * 2
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_has_no_personal_values(tmp_path: Path) -> None:
    with open_core(tmp_path) as core:
        core.registration.register_external("ann@example.com", first_name="Ann")
    assert "ann" not in (tmp_path / "changes.jsonl").read_text("utf-8").lower()


def test_a_change_is_stored_although_the_log_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "changes.jsonl"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_core(tmp_path) as core:
        os.close(reader)
        core.registration.register_external("ann@example.com")
        assert core.users.find(Email("ann@example.com")) is not None
    assert "1 changes are not in the log" in caplog.text


@pytest.mark.parametrize("url", ["logged+memory://", "logged+memory://#", "memory://#log", "logged+nothing://#log"])
def test_another_url_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="URL"):
        open_storage(url)
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_created_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        open_storage(f"logged+memory://#{tmp_path}/missing/changes.jsonl")


def test_the_page_shows_the_code_of_the_example_unchanged() -> None:
    code = (ROOT / "examples/a_storage/logged.py").read_text("utf-8")
    assert f"```python\n{code}```" in text_of(PAGE)
    binding = text_of(Path("tests/docs/test_a_storage.py")).partition("class TestLogged")[2].partition("\n\n\n")[0]
    assert f"class TestLogged{binding}" in text_of(PAGE)
