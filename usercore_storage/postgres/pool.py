"""The pool: connections that threads take and give back, and that no fork shares."""

from typing import Any, Final

from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.location import StoreLocation

_abandoned: Final[list[Any]] = []
"""What a child must not touch: closing a connection there would end the parent's session, too."""


class Pool:
    """The connections of a process. They are opened when they are first needed."""

    def __init__(self, location: StoreLocation) -> None:
        """Connect to this location."""
        self._place = location
        self._closed = False
        self._taken: set[Connection] = set()
        self._pool = self._made()

    def _made(self) -> ConnectionPool[Raw]:
        location = self._place
        return ConnectionPool(
            location.conninfo,
            connection_class=Raw,
            kwargs=settings_of(location),
            configure=set_up,
            min_size=location.pool_min,
            max_size=location.pool_max,
            timeout=location.timeout,
            reconnect_timeout=location.timeout,
            open=False,
        )

    def take(self) -> Connection:
        """Take a connection.

        Raises:
            Busy: all are taken, and none came back in time.
            Unavailable: the server did not answer in time, or the pool is closed.
        """
        try:
            if self._pool.closed and not self._closed:
                self._pool.open()
            connection = self._pool.getconn().ours
        except PoolTimeout as error:
            raise (Busy if len(self._taken) >= self._place.pool_max else Unavailable) from error
        except PoolClosed as error:
            raise Unavailable from error
        self._taken.add(connection)
        return connection

    def release(self, connection: Connection) -> None:
        """Give a connection back, with whatever is still open taken back."""
        if connection not in self._taken:
            return  # taken by the parent of this process
        try:
            connection.roll_back()
        finally:
            self._taken.discard(connection)
            self._pool.putconn(connection.raw)

    def close(self) -> None:
        """Close the connections, those that are taken when they come back. Closing again does nothing."""
        self._closed = True
        self._pool.close()

    def reset_after_fork(self) -> None:
        """Leave the parent's connections alone in a forked child, and open others there."""
        _abandoned.append((self._pool, self._taken))
        for connection in self._taken:
            connection.abandon()
        self._taken = set()
        self._pool = self._made()
