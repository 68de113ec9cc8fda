"""How Sphinx makes a site of the pages: ``make site``. Its navigation is made of the lists in ``docs/index.md``."""

import posixpath
import re
from typing import Final

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "usercore"
author = "the usercore contributors"
copyright = author  # noqa: A001 - the name that Sphinx reads
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "benchmarks/*.md", "docs/*.md", "docs/**/*.md"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "usercore"
html_copy_source = False
html_show_sphinx = False

_HEADING: Final = re.compile(r"^(#{2,3}) (.+)$")
_LINK: Final = re.compile(r"^- \[[^\]]+\]\(([^)]+)\.md\)")


def setup(app: Sphinx) -> None:
    """Register what adds the navigation.

    Diagrams are shown as their text: what draws them would be loaded from another host.
    """
    app.add_lexer("mermaid", TextLexer)
    app.connect("source-read", add_navigation)


def add_navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """Append to the index a hidden tree of pages for each of its headings, so that the lists are kept in one place."""
    if name != root_doc:
        return
    trees: dict[str, list[str]] = {}
    heading = "Start"
    for line in source[0].splitlines():
        if found := _HEADING.match(line):
            heading = found[2]
        elif found := _LINK.match(line):
            page = posixpath.normpath(posixpath.join(posixpath.dirname(name), found[1]))
            trees.setdefault(heading, []).append(f"/{page}")
    source[0] += "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in trees.items()
    )
