"""The pool: connections that threads take and give back, and that no fork shares."""

from typing import Any, Final
from weakref import finalize

from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from usercore.kernel.errors import Busy, StorageError, Unavailable
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.location import StoreLocation

CLOSING: Final = 1.0
"""Seconds to wait for each thread of a pool that is still open as the process ends: a thread may be connecting."""

_abandoned: Final[list[Any]] = []
"""What a child must not touch: closing a connection there would end the parent's session, too."""


class Pool:
    """The connections of a process. They are opened when they are first needed."""

    def __init__(self, location: StoreLocation) -> None:
        """Connect to this location."""
        self._place = location
        self._closed = False
        self._taken: set[Connection] = set()
        self._pool, self._at_exit = self._made()

    def _made(self) -> tuple[ConnectionPool[Raw], "finalize[..., Pool]"]:
        """Create a pool of the driver's, and what closes it when this one is gone or the process ends without closing.

        Its threads are daemons, which stand still once CPython 3.13 shuts down: then it would wait for them in vain.
        """
        location = self._place
        pool: ConnectionPool[Raw] = ConnectionPool(
            location.conninfo,
            connection_class=Raw,
            kwargs=settings_of(location),
            configure=lambda raw: set_up(raw, location),
            min_size=location.pool_min,
            max_size=location.pool_max,
            timeout=location.timeout,
            reconnect_timeout=location.timeout,
            open=False,
        )
        return pool, finalize(self, pool.close, timeout=CLOSING)

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
            raise self._reason_of_timeout() from error
        except PoolClosed as error:
            raise Unavailable("the store is closed") from error
        self._taken.add(connection)
        return connection

    def _reason_of_timeout(self) -> StorageError:
        seconds, most = self._place.timeout, self._place.pool_max
        if len(self._taken) >= most:
            return Busy(f"all connections (pool_max={most}) were in use for {seconds} seconds")
        return Unavailable(f"no connection to the server within {seconds} seconds")

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
        self._at_exit.detach()  # it would end the parent's sessions
        self._pool, self._at_exit = self._made()
