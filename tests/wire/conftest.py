"""Applications that speak the APIs of other systems.

Without curl the tests that need it are left out with a notice, unless ``USERCORE_REQUIRE_CURL=1`` requires them, as CI
does.
"""

import os
from pathlib import Path

import pytest

from tests.wire.server import has_curl

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that need curl out if it is missing; fail if it is required."""
    if has_curl():
        return
    ours = [item for item in items if HERE in item.path.parents and item.path.stem.endswith("_by_curl")]
    if ours and os.environ.get("USERCORE_REQUIRE_CURL") == "1":
        raise pytest.UsageError("tests/wire needs curl: apt-get install curl")
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=ours)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the package whose absence left tests out."""
    if not has_curl():
        terminalreporter.write_line("Without curl the tests that use it were left out: apt-get install curl")
