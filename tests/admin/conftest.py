"""Tests of the admin page in a browser.

Without Chromium and its driver they are left out with a notice, unless ``USERCORE_REQUIRE_CHROMIUM=1`` requires them,
as CI does.
"""

import os
from pathlib import Path

import pytest

from tests.admin.chromium import programs

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that need Chromium out if it is missing; fail if it is required."""
    if programs() is not None:
        return
    ours = [item for item in items if HERE in item.path.parents and item.path.stem.endswith("_in_chromium")]
    if ours and os.environ.get("USERCORE_REQUIRE_CHROMIUM") == "1":
        raise pytest.UsageError("tests/admin needs Chromium: apt-get install chromium chromium-driver")
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=ours)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the packages whose absence left tests out."""
    if programs() is None:
        terminalreporter.write_line(
            "Without Chromium the tests that use it were left out: apt-get install chromium chromium-driver"
        )
