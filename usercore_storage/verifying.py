"""Verify a server: ``usercore_storage.verify(url)`` runs the contract of storages in a schema or a file of its own."""

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from usercore.kernel.errors import StorageError
from usercore.kernel.urls import scheme_of
from usercore.kernel.values import frozen

URL: Final = "USERCORE_VERIFY_URL"
"""The variable of the environment with the URL of the scratch store, which may have a password: no argument has it."""

_RAN: Final = frozenset({0, 1, 5})
"""The statuses of pytest after cases passed, some failed, or none was selected. Source: pytest, Exit codes."""

_ENGINES: Final = {"sqlite": "usercore_storage.sqlite.scratch", "postgresql": "usercore_storage.postgres.scratch"}


@frozen(kw_only=True)
class VerifyReport:
    """How many cases of the contract passed, the ids of those that failed, and what pytest printed about them.

    ``left_out`` has a sentence about the cases that the server does not have to pass, such as those that need one
    snapshot of a whole cluster.
    """

    passed: int
    failed: tuple[str, ...]
    output: str
    left_out: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether cases ran, and none failed."""
        return self.passed > 0 and not self.failed


def verify(url: str, *, only: str | None = None) -> VerifyReport:
    """Run the contract that every storage passes against the server of a URL, and report which cases failed.

    In a PostgreSQL database a schema of a random name is created, and dropped at the end; a SQLite file gets a folder
    beside it, so that its disk is used. The store itself is not opened. ``only`` is an expression that selects cases by
    their names, as in ``pytest -k``.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store.
        ImportError: the extra ``testing``, or the engine's driver, is not installed.
        StorageError: the scratch store cannot be made or removed, or the cases did not run.
    """
    scheme = scheme_of(url)
    if scheme not in _ENGINES:
        found = scheme or "text of another form"
        raise ValueError(f"a server that can be verified is sqlite:///... or postgresql://..., not {found}")
    if not (find_spec("pytest") and find_spec("hypothesis")):
        raise ImportError("verifying needs pytest and Hypothesis: pip install '.[testing]' from a checkout of usercore")
    scratch: AbstractContextManager[str] = import_module(_ENGINES[scheme]).scratch(url)
    with TemporaryDirectory() as folder, scratch as scratch_url:
        return _run(scratch_url, Path(folder), only)


def empty(url: str) -> None:
    """Remove all rows of a scratch store."""
    import_module(_ENGINES[scheme_of(url)]).empty(url)


def _run(url: str, folder: Path, only: str | None) -> VerifyReport:
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider"]
    command += ["-p", "usercore.testing.report", f"--usercore-report={report}", *([] if only is None else ["-k", only])]
    done = subprocess.run(  # noqa: S603 - this Python, with arguments of our own
        [*command, str(Path(__file__).with_name("verified.py"))],
        env=os.environ | {URL: url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in _RAN or not report.exists():
        raise StorageError("the cases of the contract did not run")
    written = json.loads(report.read_text("utf-8"))
    cases = written["cases"]
    failed = tuple(case["id"] for case in cases if case["outcome"] != "passed")
    return VerifyReport(
        passed=len(cases) - len(failed),
        failed=failed,
        output=done.stdout if failed else "",
        left_out=tuple(written["left_out"]),
    )
