"""A pytest plugin that writes a report of the contract cases that a storage passed.

Use it by ``-p usercore.testing.report --usercore-report=FILE``. The file is JSON: ``cases`` has for each the
``storage`` (the class that binds the contract), the ``id`` (``Contract.test_name``, which stays the same from release
to release) and the ``outcome``: ``passed`` or ``failed``. ``left_out`` has a sentence for each storage that lacks a
feature: which, and the cases that need it.
"""

import json
from pathlib import Path
from typing import Final

import pytest

from usercore.testing import Contract
from usercore.testing.plugin import LEFT_OUT, RULE_MARK

_PROPERTY: Final = "usercore_case"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--usercore-report", type=Path, help="write the outcome of the storage contract here, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Know the contracts' marks, and report if asked; among several processes the one that hears of all cases does."""
    config.addinivalue_line("markers", RULE_MARK)
    file = config.getoption("--usercore-report")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(file))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set each case's id, which is part of the report of its run."""
    for item in items:
        if isinstance(item, pytest.Function) and item.cls is not None and issubclass(item.cls, Contract):
            item.user_properties.append((_PROPERTY, f"{item.cls.__name__} {case_id(item)}"))


def case_id(item: pytest.Function) -> str:
    """Return the id of a case: its contract, its name and its parameters."""
    name = getattr(item, "originalname", item.name)
    contract = next(base for base in item.cls.__mro__ if name in vars(base))
    return f"{contract.__name__}.{item.name}"


class Report:
    """Collects outcomes and writes them when the session ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._outcomes: dict[str, str] = {}
        self._left_out: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a phase; a case passed if none of its phases failed."""
        case = dict(report.user_properties).get(_PROPERTY)
        if case is not None and (report.failed or report.when == "call"):
            self._outcomes[str(case)] = report.outcome
        if report.when == "call":
            self._left_out += [str(text) for name, text in report.user_properties if name == LEFT_OUT]

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        cases = [
            dict(zip(("storage", "id"), case.split(" ", 1), strict=True), outcome=outcome)
            for case, outcome in sorted(self._outcomes.items())
        ]
        self._file.write_text(
            json.dumps({"cases": cases, "left_out": self._left_out}, indent=1) + "\n", encoding="utf-8"
        )
