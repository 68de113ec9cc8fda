"""Stores of each kind, with something of everything in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import can_mount
from tests.faults.worlds import World, both


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and say so, what needs a disk of its own where none can be mounted."""
    needing = [item for item in items if item.get_closest_marker("needs_mount")]
    if needing and not can_mount():
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Name a store that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[list[World]]:
    """Give a full store of each kind."""
    with both(tmp_path) as worlds:
        yield worlds
