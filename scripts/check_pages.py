"""Check the types of the Python blocks of README and docs pages, by mypy strict: ``python -m scripts.check_pages``."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.pages import ROOT, blocks_of, pages


def source_of(page: Path) -> str:
    """Return the blocks of a page as one module, in which each line has the number that it has in the page."""
    lines: list[str] = []
    for block in blocks_of(page):
        if block.language == "python":
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.text.splitlines()
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check all pages; return the exit status of mypy."""
    with TemporaryDirectory() as folder:
        for page in pages():
            module = Path(folder) / f"{'_'.join(page.with_suffix('').parts).replace('-', '_').lower()}.py"
            module.write_text(source_of(page), encoding="utf-8")
        files = sorted(map(str, Path(folder).iterdir()))
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", *files]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
