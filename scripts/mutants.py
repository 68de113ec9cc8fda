"""Break one rule of the specification after the other, and check that its marked tests fail.

``tests/mutants/K3.toml`` breaks rule K3, and ``K3-reuse.toml`` breaks it in another way: in a copy of the checkout,
``replace`` replaces ``find`` in ``file``, and those of ``tests`` that are marked with the rule are run. They must fail,
and not because they cannot be collected. Prints each mutant with its outcome and the seconds it took; ends with status
1 if one survived.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import attrs

from scripts.reference import ROOT

FOLDER: Final = ROOT / "tests" / "mutants"
NOT_COPIED: Final = (".git", ".venvs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist")
TESTS_FAILED: Final = 1
"""The exit status of pytest if tests ran and some failed; every other one says that the mutant proves nothing."""


@attrs.frozen(kw_only=True)
class Mutant:
    """A change that breaks a rule, and the files with the tests that must see it."""

    name: str
    file: str
    find: str
    replace: str
    tests: Sequence[str]

    @property
    def rule(self) -> str:
        """The rule that is broken."""
        return self.name.partition("-")[0]


def read_mutants(folder: Path = FOLDER) -> Iterator[Mutant]:
    """Read the mutants of a folder, by rule."""
    for path in sorted(folder.glob("*.toml")):
        yield Mutant(name=path.stem, **tomllib.loads(path.read_text("utf-8")))


@contextmanager
def applied(root: Path, mutant: Mutant) -> Iterator[None]:
    """Change the copy for a while.

    Raises:
        ValueError: the text is not there exactly once.
    """
    file = root / mutant.file
    before = file.read_text("utf-8")
    if before.count(mutant.find) != 1:
        msg = f"{mutant.name}: {mutant.file} has {before.count(mutant.find)} times {mutant.find!r}"
        raise ValueError(msg)
    file.write_text(before.replace(mutant.find, mutant.replace), "utf-8")
    try:
        yield
    finally:
        file.write_text(before, "utf-8")


def survives(root: Path, mutant: Mutant) -> str | None:
    """Run the tests of a mutant in a copy; return what they printed if they do not fail."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "--rule", mutant.rule]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "USERCORE_WITHOUT_POSTGRES": "1", "PYTHONPATH": "."}
    with applied(root, mutant):
        done = subprocess.run(
            [*command, *mutant.tests], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
    return None if done.returncode == TESTS_FAILED else done.stdout + done.stderr


def main() -> None:
    """Try all mutants, or those of the rules on the command line, on every processor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", nargs="*", help="the rules to break; without any, all that have a mutant")
    wanted = parser.parse_args().rules
    mutants = [mutant for mutant in read_mutants() if not wanted or mutant.rule in wanted]
    copies: SimpleQueue[Path] = SimpleQueue()
    survivors = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for number in range(os.cpu_count() or 1):
            target = Path(folder) / str(number)
            copies.put(shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_COPIED)))

        def attempt(mutant: Mutant) -> tuple[float, str | None]:
            started, copy = time.monotonic(), copies.get()
            try:
                outcome = survives(copy, mutant)
            finally:
                copies.put(copy)
            return time.monotonic() - started, outcome

        for mutant, (seconds, outcome) in zip(mutants, pool.map(attempt, mutants), strict=True):
            print(f"{mutant.name:12} {'is noticed' if outcome is None else 'SURVIVES'} ({seconds:.1f} s)", flush=True)
            if outcome is not None:
                survivors.append(f"{mutant.name} survives {', '.join(mutant.tests)}:\n{outcome[-2000:]}")
    if survivors:
        sys.exit("\n".join(survivors))


if __name__ == "__main__":
    main()
