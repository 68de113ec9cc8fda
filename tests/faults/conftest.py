"""Stores of each kind, with rows in every table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.filled_stores import both
from tests.samples import FilledStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a store that does not exist yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def filled_stores(tmp_path: Path) -> Iterator[list[FilledStore]]:
    """Return a full store of each kind."""
    with both(tmp_path) as filled_stores:
        yield filled_stores
