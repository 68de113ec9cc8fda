"""What a page must be to be accessible and safe, found in its HTML."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset({"meta", "link", "input", "br"})
"""Elements without an end. Source: HTML, 13.1.2."""

LABELLED: Final = frozenset({"input", "select", "textarea"})


class Page(HTMLParser):
    """The elements of a page in their order, each with its attributes, and its text."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(body.decode())
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]


def problems_of(page: Page) -> Iterator[str]:
    """Yield what is wrong with a page."""
    if page.unbalanced:
        yield f"unbalanced {page.unbalanced}"
    if page.tags.count("h1") != 1 or page.tags.count("main") != 1:
        yield "not one h1 and one main"
    yield from _unsafe(page)
    yield from _unlabelled(page)
    yield from _headings(page)
    if page.tags.count("table") != page.tags.count("caption"):
        yield "a table without caption"
    yield from (f"th without scope {one}" for one in page.all("th") if "scope" not in one)
    ids = [one["id"] for _, one in page.elements if "id" in one]
    if len(ids) != len(set(ids)):
        yield f"ids that repeat: {sorted(one for one in ids if ids.count(one) > 1)}"


def _unsafe(page: Page) -> Iterator[str]:
    for tag, attributes in page.elements:
        if tag in {"script", "style", "base", "iframe", "object"}:
            yield f"element {tag}"
        yield from (f"attribute {name}" for name in attributes if name == "style" or name.startswith("on"))
    for form in page.all("form"):
        if form["method"] not in {"get", "post"}:
            yield f"form {form}"
    tokens = [one for one in page.all("input") if one.get("name") == "csrf"]
    if len(tokens) != len([form for form in page.all("form") if form["method"] == "post"]):
        yield "a form without CSRF token"


def _unlabelled(page: Page) -> Iterator[str]:
    targets = {one["for"] for one in page.all("label")}
    for tag, attributes in page.elements:
        needs = tag in LABELLED and attributes.get("type") != "hidden"
        if needs and attributes.get("id") not in targets and not attributes.get("aria-label"):
            yield f"unlabelled {tag} {attributes}"


def _headings(page: Page) -> Iterator[str]:
    levels = [int(tag[1]) for tag in page.tags if tag in {"h1", "h2", "h3", "h4"}]
    if any(after > before + 1 for before, after in zip([0, *levels], levels, strict=False)):
        yield f"headings {levels}"
