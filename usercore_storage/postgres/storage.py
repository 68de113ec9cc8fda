"""A store in a PostgreSQL database. Units run in parallel; a unit that lost a race or its connection runs again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Final, TypeVar

import psycopg

from usercore.history.model import Entry
from usercore.kernel.forks import reset_in_child
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
from usercore.storage import CAPABILITIES, Unit
from usercore.storage.recording import UnitContext
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.deadlines import begin_of
from usercore_storage.postgres.errors import translate_error
from usercore_storage.postgres.joined import joined
from usercore_storage.postgres.location import StoreLocation, location_of
from usercore_storage.postgres.migrations import migrate
from usercore_storage.postgres.pool import Pool
from usercore_storage.postgres.retries import retry_transaction
from usercore_storage.sql.joined import HostTransaction

T = TypeVar("T")

OLDEST: Final = 150000
"""The oldest server that is tested, as it tells its version."""


def open_storage(url: str) -> "PostgresStorage":
    """Open ``postgresql://...``; make the tables if they are missing.

    Raises:
        ValueError: the URL has another form, the server is older than 15, or the database does not keep UTF-8.
        StorageError: the store cannot be used; its subclasses say why.
    """
    location = location_of(url)
    with connected(location) as connection:
        return PostgresStorage(location, migrate(connection))


@contextmanager
def connected(location: StoreLocation) -> Iterator[Connection]:
    """Connect to a location for a while, outside any pool.

    What takes as long as a table is large is done after ``allow_long_statements``.

    Raises:
        ValueError: the server is older than 15, or the database does not keep UTF-8.
        StorageError: the server refused, or did not answer.
    """
    try:
        raw = Raw.connect(location.conninfo, **settings_of(location))
    except psycopg.Error as error:
        raise translate_error(error) from error
    try:
        _check_server(raw)
        set_up(raw, location)
        yield raw.ours
    finally:
        raw.close()


def _check_server(raw: Raw) -> None:
    if raw.info.server_version < OLDEST:
        raise ValueError("usercore needs PostgreSQL 15 or newer")
    if raw.info.parameter_status("server_encoding") != "UTF8":
        raise ValueError("usercore needs a database that keeps UTF-8: CREATE DATABASE ... ENCODING 'UTF8'")


class PostgresStorage:
    """Units in parallel, on connections of a pool. Safe to share between threads, usable on both sides of a fork."""

    capabilities = CAPABILITIES

    def __init__(self, location: StoreLocation, secret: bytes) -> None:
        """Work at this location, which has our tables and this secret."""
        self.secret = secret
        self.begin = begin_of(location)
        self._pool = Pool(location)
        self._most_losses = location.pool_max + 3
        self._inside: set[int] = set()
        reset_in_child(self)

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Give units of this origin; see ``Storage``."""
        return PostgresUnits(self, origin)

    def join(self, connection: object) -> HostTransaction:
        """Give units in the host's transaction; see ``Storage``."""
        return joined(connection, secret=self.secret)

    def run(self, run: Callable[[Connection, bool], T]) -> T:
        """Run a unit on a connection until it is kept; it is told whether it runs again.

        Raises:
            RuntimeError: a unit is open in this thread already: with one connection left, it would wait for itself.
        """
        thread = get_ident()
        if thread in self._inside:
            msg = "a unit is open in this thread already; use that one"
            raise RuntimeError(msg)
        self._inside.add(thread)
        try:
            return retry_transaction(lambda again: self._on_connection(run, again), most_losses=self._most_losses)
        finally:
            self._inside.discard(thread)

    def _on_connection(self, run: Callable[[Connection, bool], T], again: bool) -> T:  # noqa: FBT001 - handed through
        connection = self._pool.take()
        try:
            return run(connection, again)
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        """Close; see ``Storage``."""
        self._pool.close()

    def reset_after_fork(self) -> None:
        """Work on connections of its own in a forked child, where the threads that were inside are not."""
        self._pool.reset_after_fork()
        self._inside = set()


@frozen
class PostgresUnits(Units[Unit]):
    """Units of one origin."""

    _store: PostgresStorage
    _origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        result, entries = self._store.run(lambda connection, _: self._keep(connection, work))
        if entries and self._origin.observe is not None:
            self._origin.observe(entries)
        return result

    def _keep(self, connection: Connection, work: Callable[[Unit], T]) -> tuple[T, Sequence[Entry]]:
        connection.command(self._store.begin)
        connection.unit.begin_transaction()
        connection.unit.begin(self._origin)
        result = work(connection.unit)
        connection.unit.finish()
        connection.commit()
        connection.unit.committed()
        return result, connection.unit.entries

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._store.run(lambda connection, again: self._look(connection, query, again=again))

    def _look(self, connection: Connection, query: Callable[[Unit], T], *, again: bool) -> T:
        glance = connection.glance
        glance.begin(self._origin, at_once=again)
        return query(glance.unit)
