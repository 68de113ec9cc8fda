"""Stores of each kind, with rows in every table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import can_mount
from tests.faults.filled_stores import both
from tests.faults.refused_calls import can_refuse
from tests.samples import FilledStore


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with a notice, tests that need a disk of their own or failing calls where those cannot be had."""
    for marker, is_possible in (("needs_mount", can_mount), ("needs_filter", can_refuse)):
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing and not is_possible():
            items[:] = [item for item in items if item not in needing]
            config.hook.pytest_deselected(items=needing)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a store that does not exist yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def filled_stores(tmp_path: Path) -> Iterator[list[FilledStore]]:
    """Return a full store of each kind."""
    with both(tmp_path) as filled_stores:
        yield filled_stores
