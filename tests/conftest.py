"""What all tests share: how many examples Hypothesis tries, and readable assertions in the shipped contracts.

``USERCORE_HYPOTHESIS_PROFILE`` chooses among ``dev``, ``ci`` and ``nightly``; without it CI gets ``ci``.
"""

import os

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("usercore.testing")


def choose_profile() -> str:
    """Give the name of the profile that the environment asks for."""
    default = "ci" if os.environ.get("CI") == "true" else "dev"
    return os.environ.get("USERCORE_HYPOTHESIS_PROFILE", default)


# No deadline: a busy machine is no fault. No database: a run depends on nothing that an earlier one left.
settings.register_profile("dev", max_examples=25, deadline=None, print_blob=True, database=None)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=100, derandomize=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(choose_profile())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured, and say on how many storages the contract ran."""
    passed = terminalreporter.stats.get("passed", [])
    for figures in (value for report in passed for name, value in report.user_properties if name == "figures"):
        terminalreporter.write_line(figures)
    nodes = [report.nodeid for report in passed]
    storages = {node.split("::")[1].removeprefix("Test") for node in nodes if "/test_contracts.py::Test" in node}
    if storages:
        names = ", ".join(sorted(storages))
        terminalreporter.write_line(f"The contract ran on {len(storages)} storages: {names}.")
