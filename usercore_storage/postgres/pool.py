"""The pool: connections that threads acquire and release, and that no fork shares."""

from typing import Any, Final
from weakref import finalize

from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from usercore.kernel.errors import Busy, StorageError, Unavailable
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.location import StoreLocation

CLOSING: Final = 1.0
"""Seconds to wait for each thread of a pool that is still open as the process ends: a thread may be connecting."""

_abandoned: Final[list[Any]] = []
"""Objects that a child must not touch: closing a connection there would end the parent's session, too."""


class Pool:
    """The connections of a process. They are opened when they are first needed."""

    def __init__(self, location: StoreLocation) -> None:
        """Create a pool for this location; it connects later."""
        self._location = location
        self._closed = False
        self._in_use: set[Connection] = set()
        self._pool, self._at_exit = self._create_pool()

    def _create_pool(self) -> tuple[ConnectionPool[Raw], "finalize[..., Pool]"]:
        """Create a pool of the driver's, and the finalizer that closes it with this object or at exit.

        Its threads are daemons, which stop once CPython 3.13 shuts down: closing it later would wait for them in vain.
        """
        location = self._location
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

    def acquire(self) -> Connection:
        """Acquire a connection.

        Raises:
            Busy: all are in use, and none was released in time.
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
        self._in_use.add(connection)
        return connection

    def _reason_of_timeout(self) -> StorageError:
        seconds, most = self._location.timeout, self._location.pool_max
        if len(self._in_use) >= most:
            return Busy(f"all connections (pool_max={most}) were in use for {seconds} seconds")
        return Unavailable(f"no connection to the server within {seconds} seconds")

    def release(self, connection: Connection) -> None:
        """Roll back what is open on a connection, and release it."""
        if connection not in self._in_use:
            return  # acquired by the parent of this process
        try:
            connection.roll_back()
        finally:
            self._in_use.discard(connection)
            self._pool.putconn(connection.raw)

    def close(self) -> None:
        """Close the connections; those in use are closed on release. Closing it again does nothing."""
        self._closed = True
        self._pool.close()

    def reset_after_fork(self) -> None:
        """Abandon the parent's connections in a forked child, and open others there."""
        _abandoned.append((self._pool, self._in_use))
        for connection in self._in_use:
            connection.abandon()
        self._in_use = set()
        self._at_exit.detach()  # it would end the parent's sessions
        self._pool, self._at_exit = self._create_pool()
