"""PostgreSQL satisfies the contract at every isolation level; at lower ones the row locks suffice."""

from collections.abc import Iterator

import pytest

from scripts.postgres_server import Server
from tests.postgres.pooler import url_through
from usercore.storage import Storage
from usercore.testing import StorageContract
from usercore_storage import postgres


@pytest.mark.thorough
class TestPostgresSerializable(StorageContract):
    @pytest.fixture
    def storage(self, server: Server, emptied: str) -> Iterator[Storage]:
        storage = postgres.open_storage(f"{server.url(emptied)}?isolation=serializable")
        yield storage
        storage.close()


class TestPostgresReadCommitted(StorageContract):
    @pytest.fixture
    def storage(self, server: Server, emptied: str) -> Iterator[Storage]:
        storage = postgres.open_storage(server.url(emptied))  # the default
        yield storage
        storage.close()


@pytest.mark.thorough
class TestPostgresThroughPgBouncer(StorageContract):
    @pytest.fixture
    def storage(self, pooler: int, emptied: str) -> Iterator[Storage]:
        storage = postgres.open_storage(url_through(pooler, emptied))
        yield storage
        storage.close()
