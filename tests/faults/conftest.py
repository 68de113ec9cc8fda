"""Stores of each kind, with rows in every table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import can_mount
from tests.faults.filled_stores import both
from tests.samples import FilledStore


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with a notice, tests that need a disk of their own if none can be mounted."""
    needing = [item for item in items if item.get_closest_marker("needs_mount")]
    if needing and not can_mount():
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
