"""A store is opened by the scheme of its URL: our own storages come first, then those that are installed."""

from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from importlib.metadata import distribution
from pathlib import Path

import pytest

import usercore
from usercore.opening import _OURS, GROUP
from usercore_storage import backup, check

OTHERS = """
from usercore_storage.memory import open_storage as open_memory

def open_storage(url):
    return open_memory("memory://")

def refuse(url):
    raise AssertionError("another storage is opened in place of ours")
"""


@pytest.fixture
def _others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install another storage, which also claims a scheme of ours."""
    (tmp_path / "others.py").write_text(OTHERS)
    info = tmp_path / "others-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: others\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nothers = others:open_storage\nmemory = others:refuse\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    invalidate_caches()


def test_our_own_storages_are_the_entry_points_of_this_package() -> None:
    ours = distribution("usercore").entry_points.select(group=GROUP)
    assert {one.name: one.value for one in ours} == {name: f"{module}:open_storage" for name, module in _OURS.items()}


@pytest.mark.usefixtures("_others")
def test_an_installed_storage_is_found_by_its_scheme_and_cannot_replace_a_built_in_one() -> None:
    for url in ("others://", "memory://"):
        with usercore.open(url) as core:
            assert core.context.tenant_key == "main"


def test_an_unknown_scheme_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"^no storage for 'oracle': the URL must begin with memory://, postgresql://, sqlite://$"
    ):
        usercore.open("oracle://people")


NO_URLS = [
    "",
    "oracle",
    "memory",
    "://people",
    "host=db.example user=crm password=s3cret dbname=people",
    "postgresql:/crm:s3cret@db.example/people",
    "postgres:crm:s3cret@db.example/people",
    "crm:s3cret@db.example://people",
]


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("text", NO_URLS)
def test_a_malformed_url_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^not the URL of a storage: the URL must begin with memory://, postgresql://, sqlite://$"
    ):
        usercore.open(text)


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("text", NO_URLS)
@pytest.mark.parametrize("use", [check, lambda url: backup(url, "copy.db")], ids=["check", "backup"])
def test_check_and_backup_refuse_a_malformed_url_without_showing_it(text: str, use: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///.*, not text of another form$") as refusal:
        use(text)
    assert "s3cret" not in str(refusal.value)
