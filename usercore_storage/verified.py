"""The contract, bound to the scratch store of ``usercore_storage.verify``. pytest runs this file in its own process."""

import os
from collections.abc import Iterator

import pytest

from usercore.opening import open_storage
from usercore.storage import Storage
from usercore.testing import StorageContract
from usercore_storage.verifying import URL, empty


class TestStore(StorageContract):
    """Every case, each on an empty store."""

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        """Return an empty store."""
        url = os.environ[URL]
        empty(url)
        storage = open_storage(url)
        yield storage
        storage.close()
