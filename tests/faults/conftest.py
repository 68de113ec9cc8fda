"""Stores of each kind, with something of everything in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.worlds import World, both


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Name a store that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[list[World]]:
    """Give a full store of each kind."""
    with both(tmp_path) as worlds:
        yield worlds
