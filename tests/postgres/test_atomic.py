"""Several calls as one, on PostgreSQL, whichever isolation it has."""

from collections.abc import Iterator

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.storages.atomic import AtomicCases
from usercore.storage import Storage
from usercore_storage import postgres
from usercore_storage.sql import tables


class PostgresCases(AtomicCases):
    """Inherited for each isolation level."""

    options = ""

    @pytest.fixture
    def storage(self, server: Server, emptied: str) -> Iterator[Storage]:
        self.url = server.url(emptied)
        storage = postgres.open_storage(self.url + self.options)
        yield storage
        storage.close()

    def dump(self, _: Storage, /) -> object:
        with psycopg.connect(self.url) as connection:
            return {
                table.name: sorted(map(repr, connection.execute(f"SELECT * FROM {table.name}").fetchall()))  # noqa: S608 - a name of ours
                for table in tables.ALL
            }


class TestReadCommitted(PostgresCases):
    pass


@pytest.mark.thorough
class TestSerializable(PostgresCases):
    options = "?isolation=serializable"
