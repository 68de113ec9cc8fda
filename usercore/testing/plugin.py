"""A plug-in of pytest: fixtures with a core over fakes, and the mark of the contract's cases.

A host's ``conftest.py`` asks for it by ``pytest_plugins = ["usercore.testing.plugin"]``. It is no entry point of
pytest, which would load it in every environment that has usercore. It needs no Hypothesis.

PYTEST_DONT_REWRITE: ``usercore.testing.report`` may load this file before a host asks for it.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from usercore.composition.host import Host
from usercore.core import UserCore
from usercore.opening import open_storage
from usercore.testing.fakes import FakeClock, FakeHasher, FakeRandomness

LEFT_OUT: Final = "usercore_left_out"
"""The property of a case's report that names the cases which its storage does not have to pass."""

RULE_MARK: Final = "rule(id, ...): the rule of usercore's specification that a case proves"


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, so that ``--strict-markers`` accepts the contract."""
    config.addinivalue_line("markers", RULE_MARK)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the cases of the contract that a storage does not have to pass."""
    for report in terminalreporter.stats.get("passed", []):
        for text in (value for name, value in report.user_properties if name == LEFT_OUT):
            terminalreporter.write_line(text)


@pytest.fixture
def usercore_clock() -> FakeClock:
    """Return a clock that stands at noon until it is moved."""
    return FakeClock()


@pytest.fixture
def usercore_host(usercore_clock: FakeClock) -> Host:
    """Return what the core is given besides its storage. Override it to bring a policy, a mailer, gates or checks."""
    return Host(clock=usercore_clock, hasher=FakeHasher(), randomness=FakeRandomness())


@pytest.fixture
def usercore_core(usercore_host: Host) -> Iterator[UserCore]:
    """Return a core in memory, which is closed after the test."""
    with UserCore.over(open_storage("memory://"), usercore_host) as core:
        yield core
