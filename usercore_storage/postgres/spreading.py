"""Spread a store over the nodes of Citus, table by table."""

from collections.abc import Callable
from typing import Final

from usercore.kernel.errors import Unsupported
from usercore.kernel.units import run_until_stored
from usercore_storage.postgres.connections import Connection
from usercore_storage.postgres.distribution import SPREADABLE, distribution_of, left_to_spread, removal_of
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import BEGIN, LOCK, TAKE_ADVISORY_LOCK, migrate
from usercore_storage.postgres.storage import connected

Progress = Callable[[int], object]

_PROPAGATES: Final = "SELECT current_setting('citus.propagate_set_commands', true), quote_ident(current_database())"


def spread_store(url: str, *, shards: int, on_progress: Progress | None) -> tuple[str, ...]:
    """Spread a store of ``postgresql://...``, and return the tables that were not spread before.

    Raises:
        ValueError: the URL has another form.
        Unsupported: the server is not Citus, or the URL asks for another isolation than it has.
        StorageError: the server refused.
    """
    with connected(location_of(url)) as connection:
        profile = connection.profile
        if not profile.commits_by_shard:
            raise Unsupported(f"{profile.name} has no nodes to spread tables over; Citus has")
        profile.check_isolation(connection.location.asked_isolation)
        migrate(connection)
        connection.allow_long_statements()
        _propagate_settings(connection)
        done: list[str] = []
        for name in left_to_spread(connection):
            if run_until_stored(lambda name=name: _spread(connection, name, shards)):  # type: ignore[misc]  # the default binds it
                done.append(name)
            if on_progress is not None:
                on_progress(len(done))
        for name in SPREADABLE:
            connection.command(removal_of(name))
        return tuple(done)


def _propagate_settings(connection: Connection) -> None:
    """Have the limits of a unit's waits sent to the nodes, in sessions that begin later."""
    ((now, database),) = connection(_PROPAGATES)
    if now != "local":
        connection.command(f"ALTER DATABASE {database} SET citus.propagate_set_commands = 'local'")


def _spread(connection: Connection, name: str, shards: int) -> bool:
    """Spread one table in a transaction of its own, unless another call or a migration has done so."""
    try:
        connection.command(BEGIN)
        connection(TAKE_ADVISORY_LOCK, (LOCK,))
        is_left = name in left_to_spread(connection)
        if is_left:
            connection.command(distribution_of(name, shards=shards))
        connection.commit()
    finally:
        connection.roll_back()
    return is_left
