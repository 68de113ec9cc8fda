"""The pool: connections that threads acquire and release, and that no fork shares."""

import logging
from typing import Any, Final
from weakref import finalize

import attrs
import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.errors import translate_error
from usercore_storage.postgres.location import StoreLocation

CLOSING: Final = 1.0
"""Seconds to wait for each thread of a pool that is still open as the process ends: a thread may be connecting."""

# Failed attempts to connect are raised by the calls that wait for them. Without a handler, Python also prints them.
for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

_abandoned: Final[list[Any]] = []
"""Objects that a child must not touch: closing a connection there would end the parent's session, too."""


@attrs.define
class LastAttempt:
    """How the last attempt to connect failed, or None if it did not: the driver's pool tries in threads of its own."""

    failure: psycopg.Error | None = None

    def note(self, failure: psycopg.Error | None) -> None:
        """Note an attempt."""
        self.failure = failure


class Pool:
    """The connections of a process. They are opened when they are first needed."""

    def __init__(self, location: StoreLocation) -> None:
        """Create a pool for this location; it connects later."""
        self._location = location
        self._closed = False
        self._in_use: set[Connection] = set()
        self._last = LastAttempt()
        self._pool, self._at_exit = self._create_pool()

    def _create_pool(self) -> tuple[ConnectionPool[Raw], "finalize[..., Pool]"]:
        """Create a pool of the driver's, and the finalizer that closes it with this object or at exit.

        Its threads are daemons, which stop once CPython 3.13 shuts down: closing it later would wait for them in vain.
        """
        location = self._location
        pool: ConnectionPool[Raw] = ConnectionPool(
            location.conninfo,
            connection_class=Raw,
            kwargs=settings_of(location) | {"report": self._last.note},
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
            Busy: all are in use, and none was released in time; or the server accepts no further one.
            Unavailable: the server refused, or did not answer in time; or the pool is closed.
        """
        try:
            if self._pool.closed and not self._closed:
                self._pool.open()
            connection = self._pool.getconn(timeout=self._patience()).ours
        except PoolTimeout as error:
            raise self._reason_of_timeout() from error
        except PoolClosed as error:
            raise Unavailable("the store is closed") from error
        self._in_use.add(connection)
        return connection

    def _is_used_up(self) -> bool:
        return len(self._in_use) >= self._location.pool_max

    def _patience(self) -> int:
        return self._location.timeout if self._is_used_up() else self._location.longest_connecting

    def _reason_of_timeout(self) -> Exception:
        if self._is_used_up():
            seconds, most = self._location.timeout, self._location.pool_max
            return Busy(f"all connections (pool_max={most}) were in use for {seconds} seconds")
        if self._last.failure is not None:
            return translate_error(self._last.failure)
        return Unavailable(f"no connection to the server within {self._location.longest_connecting} seconds")

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
