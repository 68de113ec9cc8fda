"""Prove that no registration of a capability can be forgotten: a check fails and names each that is left out.

Works on a copy of the checkout in a temporary folder. The capability is meta, because it has everything that one can
have. Prints what was left out, the place, and the seconds of the processor until a check said so.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from scripts.reference import ROOT

LONGEST: Final = 10.0
"""Seconds of the processor in which a check must have failed; those of the clock depend on what else runs."""

LOOKING: Final = ("-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", "--show-capture=no")
REGISTRATIONS: Final = (*LOOKING, "tests/architecture/test_registrations.py")
NOT_COPIED: Final = (".git", ".venvs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist")


@attrs.frozen
class Place:
    """A registration: the file, what is left out of it (all of it without a pattern), and what must be named."""

    what: str
    file: str
    pattern: str | None
    named: str
    check: Sequence[str] = REGISTRATIONS


PLACES: Final = (
    Place("layer of the import rules", "pyproject.toml", r" \| \(meta\)", "pyproject.toml: run `make docs`"),
    Place(
        "descriptor in the catalogue", "usercore/storage/__init__.py", r"\n    META,", "CATALOGUE lacks usercore/meta"
    ),
    Place("slice in the unit", "usercore/storage/__init__.py", r"\n    MetaUnit,", "Unit lacks MetaUnit"),
    Place(
        "slice in the descriptor", "usercore/meta/capability.py", r"\n    unit=MetaUnit,", "usercore/meta/capability.py"
    ),
    Place(
        "kinds in the descriptor", "usercore/meta/capability.py", r"\n    kinds=KINDS,", "kinds lacks ['meta.deleted'"
    ),
    Place(
        "a kind among the kinds", "usercore/meta/model.py", r"(?<=KINDS: Final = \(SET,) DELETED", "['meta.deleted']"
    ),
    Place(
        "policy in the descriptor", "usercore/meta/capability.py", r"\n    policies=.*", "usercore/meta/capability.py"
    ),
    Place("policy in the policy", "usercore/composition/policy.py", r"\n    meta: .*", "Policy lacks ['MetaPolicy']"),
    Place(
        "clause of a policy's field",
        "usercore/compliance/unjudged.py",
        r'\n        "meta.max_bytes",',
        "['meta.max_bytes']",
    ),
    Place("public name in the descriptor", "usercore/meta/capability.py", r'"MetaRule", ', "public lacks ['MetaRule']"),
    Place("public name", "usercore/__init__.py", r'\n    "MetaRule",', "usercore/__init__.py: run `make docs`"),
    Place(
        "service of the core",
        "usercore/core.py",
        r"(?s)    @cached_property\n    def meta\(.*?(?=    @cached_property)",
        "UserCore has no attribute for",
    ),
    Place(
        "repository in memory", "usercore_storage/memory/unit.py", r"\n        self.meta = .*", "MemoryUnit lacks meta"
    ),
    Place("repository in SQL", "usercore_storage/sql/unit.py", r"\n        self.meta = .*", "SqlUnit lacks meta"),
    Place("contract", "usercore/testing/contracts/meta.py", None, "no case is about unit.meta"),
    Place(
        "rows in the filled store of the tests",
        "tests/meta/samples.py",
        r"\n    fill=fill,",
        "['usercore_meta']",
    ),
    Place("samples of the tests", "tests/meta/samples.py", None, "tests/meta/samples.py: add it for core.meta"),
    Place(
        "sample of a parameter",
        "tests/product_access/samples.py",
        r'\n        "product_ids": .*',
        "tests/product_access/samples.py: SAMPLES has no value for products.",
    ),
    Place(
        "reason why rows stay after an undo",
        "tests/meta/samples.py",
        r"(?s)\n    kept_by_undo=\{.*?\},",
        "ENDED_BY_UNDO does not end StoredMeta",
        (*LOOKING, "tests/email_change/test_undo.py"),
    ),
    Place("page", "docs/how-to/store-values-of-users.md", None, "no page uses core.meta in several ways"),
    Place(
        "owner of the rows",
        "usercore/meta/model.py",
        r'(?<=entity=StoredMeta,\n        erasure=Erasure.REMOVES,\n        user=)"user_id"',
        "usercore_meta",
        (*LOOKING, "tests/storages/test_tables.py", "-k", "declares_every_column"),
    ),
    Place(
        "table in SQLite's step",
        "usercore_storage/sqlite/steps/0001.sql",
        r"CREATE TABLE usercore_meta [^;]*;\n",
        "usercore_storage/sqlite/steps/0001.sql",
        ("-m", "scripts.make_step", "--check"),
    ),
    Place(
        "table in PostgreSQL's step",
        "usercore_storage/postgres/steps/0001.sql",
        r"CREATE TABLE usercore_meta [^;]*;\n",
        "usercore_storage/postgres/steps/0001.sql",
        ("-m", "scripts.make_step", "--check"),
    ),
    Place(
        "case of isolation",
        "tests/meta/samples.py",
        r"\n    calls=.*",
        "tests/meta/samples.py: calls has no case for meta.key_users",
        (*LOOKING, "tests/services/test_isolation.py", "-k", "every_call_is_tested"),
    ),
    Place(
        "kind that a call records",
        "usercore/meta/service.py",
        r"\n            unit.record\(Change\(kind=DELETED.*",
        "meta.delete must record a Change",
        (*LOOKING, "tests/services/test_changes.py", "-k", "meta"),
    ),
    Place("folder in the layout", "ARCHITECTURE.md", r" meta/", "ARCHITECTURE.md: run `make docs`"),
    Place(
        "port in the page about storages",
        "docs/how-to/write-a-storage.md",
        r"\n\| `usercore/meta/ports.py` .*",
        "docs/how-to/write-a-storage.md: run `make docs`",
    ),
    Place("line of the glossary", "docs/glossary.md", r"\n\| `MetaRule` .*", "docs/glossary.md: run `make docs`"),
    Place("link to the page", "docs/index.md", r"\n.*store-values-of-users.*", "docs/index.md: run `make docs`"),
)


@contextmanager
def left_out(root: Path, place: Place) -> Iterator[None]:
    """Leave a registration out of the copy for a while.

    Raises:
        ValueError: it is not there, so that leaving it out would prove nothing.
    """
    file = root / place.file
    before = file.read_text("utf-8")
    after, count = ("", 1) if place.pattern is None else re.subn(place.pattern, _nothing(place), before)
    if not count:
        msg = f"{place.file} has no {place.what} to leave out: {place.pattern}"
        raise ValueError(msg)
    file.write_text(after, "utf-8") if place.pattern is not None else file.unlink()
    try:
        yield
    finally:
        file.write_text(before, "utf-8")


def _nothing(place: Place) -> Callable[[re.Match[str]], str]:
    """Return what replaces a registration: an owner becomes None, everything else goes."""
    return lambda _: "None" if place.what == "owner of the rows" else ""


def check(root: Path, place: Place) -> tuple[float, str]:
    """Run the check of a place in the copy; return its seconds, and what is wrong with its outcome, or nothing."""
    started = _seconds_of_children()
    done = subprocess.run(
        [sys.executable, *place.check], cwd=root, env=_environment(), capture_output=True, text=True, check=False
    )
    seconds = _seconds_of_children() - started
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return seconds, "nothing failed"
    if place.named not in said:
        return seconds, f"the failure does not name {place.named!r}:\n{said[-2000:]}"
    return seconds, "" if seconds <= LONGEST else f"it took more than {LONGEST:.0f} s"


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "USERCORE_WITHOUT_POSTGRES": "1", "PYTHONPATH": "."}


def main() -> None:
    """Leave out each registration; end with status 1 if a check did not see it."""
    problems = []
    print("| left out | place | seconds |\n|---|---|--:|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(ROOT, Path(folder) / "copy", ignore=shutil.ignore_patterns(*NOT_COPIED)))
        for place in PLACES:
            with left_out(root, place):
                seconds, problem = check(root, place)
            print(f"| {place.what} | `{place.file}` | {seconds:.1f} |", flush=True)
            if problem:
                problems.append(f"{place.what} ({place.file}): {problem}")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
