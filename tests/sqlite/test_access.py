"""Who could read the files of a store."""

from pathlib import Path

import pytest

import usercore
from usercore import StoreAccess
from usercore_storage import access


def test_the_modes_of_the_store_and_of_the_files_beside_it_are_found(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    url = f"sqlite:///{path}"
    (tmp_path / "people.db.txt").touch()
    with usercore.open(url) as core:
        core.registration.register("ann@example.com", sign_in=False)
        names = dict(access(url).files)
        assert names.keys() == {"people.db", "people.db-lock", "people.db-shm", "people.db-wal"}
        assert set(names.values()) == {0o600}
    path.chmod(0o664)
    assert dict(access(url).files)["people.db"] == 0o664


def test_a_store_that_does_not_exist_has_no_files(tmp_path: Path) -> None:
    assert access(f"sqlite:///{tmp_path}/missing/people.db") == StoreAccess()
    assert list(tmp_path.iterdir()) == []


def test_of_other_storages_nothing_is_known() -> None:
    assert access("memory://") == access("acme://people") == StoreAccess()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///people.db?mode=ro"])
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        access(url)
