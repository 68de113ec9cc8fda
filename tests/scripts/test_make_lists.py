"""The maker of lists completes what a new capability adds to them."""

import re

import pytest

from scripts.make_lists import LISTS, by_module
from scripts.reference import ROOT


@pytest.mark.parametrize(
    ("file", "removed", "added"),
    [
        ("usercore/__init__.py", r"    from usercore\.meta\.model import .*\n", None),
        ("usercore/__init__.py", r'    "MetaRule",\n', None),
        ("usercore/__init__.py", r"    FirebaseKey,\n", None),
        ("pyproject.toml", r" \| \(meta\)", None),
        ("ARCHITECTURE.md", r" meta/", None),
        ("docs/how-to/write-a-storage.md", r"\| `usercore/meta/ports.py` .*\n", None),
        (
            "docs/glossary.md",
            r"\| `KeyUser` .*\n",
            "| `KeyUser` | - | a user who has a key, with the value and whether it is public |\n",
        ),
        ("docs/index.md", r"- \[Give roles\].*\n", "- [Give roles](how-to/give-roles.md)\n"),
        ("docs/index.md", r"- \[0001: .*\n", "- [0001: The library is synchronous](adr/0001-sync.md)\n"),
    ],
)
def test_what_is_missing_is_added(file: str, removed: str, added: str | None) -> None:
    text = (ROOT / file).read_text("utf-8")
    without, count = re.subn(removed, "", text)
    assert count == 1
    completed = LISTS[file](without)
    assert completed == text if added is None else added in completed


@pytest.mark.parametrize("file", LISTS)
def test_a_complete_list_stays_as_it_is(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert LISTS[file](text) == text


def test_what_people_wrote_is_kept() -> None:
    line = "| `KeyUser` | a term | our own words |"
    changed = re.sub(r"\| `KeyUser` .*", line, (ROOT / "docs/glossary.md").read_text("utf-8"))
    assert LISTS["docs/glossary.md"](changed) == changed


def test_a_class_that_is_gone_is_removed() -> None:
    text = (ROOT / "docs/glossary.md").read_text("utf-8")
    assert LISTS["docs/glossary.md"](text.replace("| `KeyUser` ", "| `Gone` | - | gone |\n| `KeyUser` ")) == text


def test_a_public_name_that_no_module_defines_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"usercore/meta/capability.py: public has Gone"):
        by_module("meta", ["MetaRule", "Gone"])
