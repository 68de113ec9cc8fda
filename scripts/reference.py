"""Helpers of the scripts that make references: tables in Markdown, and files that are either written or compared."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def asked_to_check(purpose: str | None) -> bool:
    """Parse the command line: return whether the file is only compared."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not up to date")
    return bool(parser.parse_args().check)


def publish(name: str, text: str, *, check: bool) -> None:
    """Write the reference, or compare it with the file and end with status 1 if they differ."""
    file = FOLDER / name
    if not check:
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != text:
        sys.exit(f"{file.relative_to(ROOT)} is not up to date: run `make docs`")
