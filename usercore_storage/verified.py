"""The contract, bound to the scratch store of ``usercore_storage.verify``. pytest runs this file in its own process."""

import os
from collections.abc import Iterator

import pytest

from usercore.opening import open_storage
from usercore.storage import FEATURES, Storage
from usercore.testing import StorageContract
from usercore_storage.verifying import URL, empty


def _lacking() -> frozenset[str]:
    """Return the features that the server does not have."""
    storage = open_storage(os.environ[URL])
    storage.close()
    return FEATURES - storage.features


class TestStore(StorageContract, without=_lacking()):
    """Every case that the server must pass, each on an empty store."""

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        """Return an empty store."""
        url = os.environ[URL]
        empty(url)
        storage = open_storage(url)
        yield storage
        storage.close()
