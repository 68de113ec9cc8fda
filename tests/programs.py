"""Programs of Debian's packages that tests need: where one is not installed, the tests are left out with a notice.

``USERCORE_REQUIRE_CURL=1`` and the like require them, as CI does.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import pytest


@attrs.frozen
class Programs:
    """Programs that are used together. Tests have the mark ``needs_<name>``."""

    name: str
    commands: Sequence[str]
    packages: str

    @property
    def are_there(self) -> bool:
        """Whether all are installed."""
        return all(map(shutil.which, self.commands))

    @property
    def are_required(self) -> bool:
        """Whether the environment requires them."""
        return os.environ.get(f"USERCORE_REQUIRE_{self.name.upper()}") == "1"


ALL: Final = (
    Programs("curl", ["curl"], "curl"),
    Programs("chromium", ["chromium", "chromedriver"], "chromium chromium-driver"),
)


def check_required() -> None:
    """Check that the programs that the environment requires are installed.

    Raises:
        pytest.UsageError: some are not.
    """
    for one in ALL:
        if one.are_required and not one.are_there:
            raise pytest.UsageError(f"tests need {one.name}: apt-get install {one.packages}")


def have_programs(item: pytest.Item) -> bool:
    """Return whether all programs that a test needs are installed."""
    return all(one.are_there for one in ALL if item.get_closest_marker(f"needs_{one.name}") is not None)


def notices() -> Iterator[str]:
    """Iterate over a sentence for each of the programs that are not installed."""
    for one in ALL:
        if not one.are_there:
            yield f"Without {one.name} the tests that use it were left out: apt-get install {one.packages}"
