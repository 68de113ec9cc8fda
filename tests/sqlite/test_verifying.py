"""Run the contract against the disk of a file, and refuse what cannot be verified."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest

from usercore import StorageError, Unavailable
from usercore_storage import verify, verifying


@pytest.mark.slow
def test_cases_are_selected_and_nothing_is_left(tmp_path: Path) -> None:
    report = verify(f"sqlite:///{tmp_path}/store.db", only="TestStore and missing_meta")
    assert (report.passed > 0) == report.is_passed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.rule("ERR")
@pytest.mark.slow
def test_an_expression_that_selects_no_case_passes_nothing(tmp_path: Path) -> None:
    report = verify(f"sqlite:///{tmp_path}/store.db", only="nothing_of_this_name")
    assert not report.is_passed
    with pytest.raises(StorageError, match="did not run"):
        verify(f"sqlite:///{tmp_path}/store.db", only="not an expression (")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.rule("ERR")
def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        verify(f"sqlite:///{tmp_path}/missing/store.db")


@pytest.mark.parametrize("url", ["memory://", "nothing", "mysql://x/y"])
def test_only_files_and_servers_are_verified(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        verify(url)


def test_the_extra_is_named_if_pytest_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name == "pytest" else find_spec(name)

    monkeypatch.setattr(verifying, "find_spec", find)
    with pytest.raises(ImportError, match=r"\[testing\]"):
        verify("sqlite:///store.db")
