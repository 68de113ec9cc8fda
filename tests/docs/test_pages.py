"""The code on the pages works, and their links are valid."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, pages, run_page, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def has_code(page: Path) -> bool:
    return any(block.language in {"python", "console"} for block in blocks_of(page))


def prose_of(page: Path) -> str:
    """Return a page without its code, in which brackets are not links and hashes not headings."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose_of(page)))
    return {heading.strip().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(prose_of(page)):
        target, _, anchor = link.partition("#")
        if target.startswith("https://"):
            continue
        file = (ROOT / page.parent / target).resolve() if target else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors_of(file.relative_to(ROOT))):
            yield link


@pytest.mark.parametrize("page", [page for page in pages() if has_code(page)], ids=str)
def test_the_code_of_a_page_has_the_output_that_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for outcome in run_page(page):
        assert outcome.printed == outcome.expected, f"{page}:{outcome.line} {outcome.errors}"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_the_links_of_a_page_are_valid(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.parent.name in {"how-to", "tutorial"} or page.name == "README.md"],
    ids=str,
)
def test_how_to_and_tutorial_pages_contain_code(page: Path) -> None:
    assert has_code(page)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_a_page_can_be_reached_from_the_index(page: Path) -> None:
    seen, waiting = set[Path](), [Path("README.md")]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        targets = (link.partition("#")[0] for link in LINK.findall(prose_of(here)))
        files = ((ROOT / here.parent / target).resolve() for target in targets if target.endswith(".md"))
        waiting += [file.relative_to(ROOT) for file in files if file.is_relative_to(ROOT) and file.exists()]
    assert page in seen
