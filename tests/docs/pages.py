"""The pages of the documentation, and the code in them.

A page's blocks run in their order, in one namespace and one empty folder. What a ``python`` block prints is written
beside it, line by line, as ``# -> text``. A block that begins with ``python file=name.py`` is stored in that file. A
``console`` block has commands, ``$ python ...``, and below each what it prints, and ``(exit status 1)`` if it fails.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^```(\w*)(?: file=(\S+))?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"# -> ?(.*)$", re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@attrs.frozen
class Block:
    """A block of code on a page, the file that it is, if it is one, and its first line."""

    language: str
    file: str | None
    text: str
    line: int


@attrs.frozen
class Outcome:
    """The output of the block on this line, and the output on the page; ``errors`` helps to explain a difference."""

    line: int
    printed: list[str]
    expected: list[str]
    errors: str = ""


def pages() -> list[Path]:
    """Return all pages except the generated ones, relative to the checkout."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page.relative_to(ROOT) for page in found if page.parent.name != "reference")


def text_of(page: Path) -> str:
    """Read a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: Path) -> Iterator[Block]:
    """Return the page's blocks of code."""
    text = text_of(page)
    for match in FENCED.finditer(text):
        yield Block(match[1], match[2], match[3], text.count("\n", 0, match.start()) + 2)


def run_page(page: Path) -> Iterator[Outcome]:
    """Run the page's code in the current folder, and return the outcome of each block."""
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks_of(page):
        if block.file is not None:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            yield _run_python(page, block, names)
        elif block.language == "console":
            yield from _run_commands(block)


def _run_python(page: Path, block: Block, names: dict[str, object]) -> Outcome:
    lines_before = "\n" * (block.line - 1)  # so that a traceback shows the page's own line
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(lines_before + block.text, str(ROOT / page), "exec"), names)  # noqa: S102 - our own pages
    return Outcome(block.line, printed.getvalue().splitlines(), EXPECTED.findall(block.text))


def _run_commands(block: Block) -> Iterator[Outcome]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for command, expected in COMMAND.findall(block.text):
        program, *arguments = shlex.split(command)
        if program != "python":
            msg = f"only Python is run here: {command}"
            raise ValueError(msg)
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment
        )
        status = [f"(exit status {done.returncode})"] if done.returncode else []
        yield Outcome(block.line, [*done.stdout.splitlines(), *status], expected.splitlines(), done.stderr)
