"""Shared by all tests: the number of Hypothesis examples, and readable assertions in the shipped contracts.

``USERCORE_HYPOTHESIS_PROFILE`` chooses among ``dev``, ``ci`` and ``nightly``; without it CI gets ``ci``.
"""

import re
import sys
from functools import cache
from typing import Final

import pytest
from hypothesis import settings

from tests.faults.disks import can_mount
from tests.faults.refused_calls import can_refuse
from tests.profiles import IS_NIGHTLY, IS_THOROUGH, PROFILE
from tests.programs import check_required, have_programs, notices
from usercore.testing.plugin import LEFT_OUT

pytest.register_assert_rewrite("usercore.testing")
pytest_plugins = ["tests.fixtures"]


NEEDS: Final = {"needs_mount": cache(can_mount), "needs_filter": cache(can_refuse)}
"""By marker, whether a test can have here what it needs."""

# No deadline: a busy machine is no error. No database: a run must not depend on data of an earlier one.
settings.register_profile("dev", max_examples=25, deadline=None, print_blob=True, database=None)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=100, derandomize=True)
settings.register_profile("faults", settings.get_profile("ci"))
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that run the tests of one capability or of one rule."""
    parser.addoption("--capability", metavar="NAME", help="run only what is about this capability, on all storages")
    parser.addoption("--rule", metavar="ID", help="run only what is marked as a proof of this rule")


def pytest_configure() -> None:
    """Check that what the environment requires is there."""
    check_required()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what the profile leaves out, what is not asked for, and what needs something that is not there."""
    name, rule = config.getoption("--capability"), config.getoption("--rule")
    others = {
        item
        for item in items
        if (not IS_THOROUGH and item.get_closest_marker("thorough") is not None)
        or (not IS_NIGHTLY and item.get_closest_marker("nightly") is not None)
        or (name is not None and not is_about(name, item))
        or (rule is not None and not proves(rule, item))
    }
    needing = {item for item in set(items) - others if not has_what_it_needs(item)}
    if left_out := others | needing:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def has_what_it_needs(item: pytest.Item) -> bool:
    """Return whether the disks, failing calls and programs that a test needs can be had here."""
    return have_programs(item) and all(
        is_possible() for marker, is_possible in NEEDS.items() if item.get_closest_marker(marker)
    )


def proves(rule: str, item: pytest.Item) -> bool:
    """Return whether a test is marked as a proof of a rule."""
    return any(rule in mark.args for mark in item.iter_markers("rule"))


def is_about(name: str, item: pytest.Item) -> bool:
    """Return whether a test is about a capability: by its file or parameter, its contract or its state machine."""
    file = item.path.relative_to(item.config.rootpath)
    if name in file.parts or re.fullmatch(rf"test_{name}(_\w+)?", file.stem):
        return True
    callspec = getattr(item, "callspec", None)
    if callspec is not None and re.search(rf"\b(usercore_)?{name}\b", callspec.id):
        return True
    subjects = [one for one in getattr(callspec, "params", {}).values() if isinstance(one, type)]
    cls, case = getattr(item, "cls", None), getattr(item, "originalname", item.name)
    subjects += [base for base in getattr(cls, "__mro__", ()) if case in vars(base)]
    return any(uses(one.__module__, name) for one in subjects)


def uses(module: str, name: str) -> bool:
    """Return whether a shipped contract or state machine is about a capability: it imports from its package."""
    if not module.startswith("usercore.testing."):
        return False
    values = vars(sys.modules[module]).values()
    return any(str(getattr(value, "__module__", "")).startswith(f"usercore.{name}.") for value in values)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests measured, and on how many storages the contract ran."""
    passed = terminalreporter.stats.get("passed", [])
    for figures in (value for report in passed for name, value in report.user_properties if name == "figures"):
        terminalreporter.write_line(figures)
    for sentence in (value for report in passed for name, value in report.user_properties if name == LEFT_OUT):
        terminalreporter.write_line(sentence)
    for sentence in notices():
        terminalreporter.write_line(sentence)
    nodes = [report.nodeid for report in passed]
    storages = {node.split("::")[1].removeprefix("Test") for node in nodes if "/test_contracts.py::Test" in node}
    if storages:
        names = ", ".join(sorted(storages))
        terminalreporter.write_line(f"The contract ran on {len(storages)} storages: {names}.")
    if not IS_THOROUGH:
        terminalreporter.write_line(
            "100 examples a property, services on SQLite, SERIALIZABLE and PgBouncer: make test-thorough, as CI does."
        )
