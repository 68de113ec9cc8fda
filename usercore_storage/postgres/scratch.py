"""A schema of its own in a database, for a verification."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from usercore.kernel.randomness import system_randomness
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.spreading import spread_store
from usercore_storage.postgres.storage import connected, open_storage
from usercore_storage.sql.tables import ALL

SHARDS: Final = 8
"""Parts of the tables in a cluster: enough for different nodes, and few to create."""


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """Create a schema and yield the URL of a store in it; drop the schema in the end.

    Raises:
        ValueError: the URL has another form, or sets ``options`` of the session.
        StorageError: the schema cannot be created or dropped; its subclasses say why.
    """
    if "options=" in url:
        raise ValueError("a URL with options= cannot be verified: the schema is chosen by this option")
    name = f"usercore_verify_{system_randomness(8).hex()}"
    with connected(location_of(url)) as connection:
        connection.allow_long_statements()
        connection.command(f"CREATE SCHEMA {name}")
        try:
            scratch_url = f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3D{name}"
            open_storage(scratch_url).close()
            if connection.profile.commits_by_shard:
                spread_store(scratch_url, shards=SHARDS, on_progress=None)
            yield scratch_url
        finally:
            connection.command(f"DROP SCHEMA {name} CASCADE")


def empty(url: str) -> None:
    """Remove all rows.

    Raises:
        StorageError: the server refused.
    """
    with connected(location_of(url)) as connection:
        connection.command("; ".join(f"DELETE FROM {table.name}" for table in ALL))
