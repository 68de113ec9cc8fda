"""A store in a PostgreSQL database. Units run in parallel; a unit that lost a race or its connection runs again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import TypeVar

import attrs
import psycopg

from usercore.history.model import Entry
from usercore.kernel.errors import LostRace, RunAgain, StorageError, Unavailable, Unsupported
from usercore.kernel.forks import reset_in_child
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
from usercore.storage import CAPABILITIES, FEATURES, SNAPSHOT_READS, Unit
from usercore.storage.recording import UnitContext
from usercore_storage.postgres.connections import Connection, Raw, set_up, settings_of
from usercore_storage.postgres.deadlines import WITHOUT_WAITING
from usercore_storage.postgres.errors import Lost, translate_error
from usercore_storage.postgres.joined import joined
from usercore_storage.postgres.location import StoreLocation, location_of
from usercore_storage.postgres.migrations import migrate
from usercore_storage.postgres.pool import Pool
from usercore_storage.postgres.profiles import SERIALIZABLE, ServerProfile, profile_of
from usercore_storage.postgres.retries import retry_transaction
from usercore_storage.sql.joined import HostTransaction
from usercore_storage.sql.tables import ALL

T = TypeVar("T")


def open_storage(url: str) -> "PostgresStorage":
    """Open ``postgresql://...``; create the tables if they are missing.

    Raises:
        ValueError: the URL has another form.
        Unsupported: the server is older than 15, or has no such isolation, or only with half-kept units; or the
            database's encoding is not UTF-8.
        StorageError: the store cannot be used; its subclasses say why.
    """
    with connected(location_of(url)) as connection:
        location = connection.location
        location.profile.check_isolation(location.asked_isolation)
        return PostgresStorage(location, migrate(connection))


@contextmanager
def connected(location: StoreLocation) -> Iterator[Connection]:
    """Connect to a location for the duration of a ``with``, outside any pool.

    Call ``allow_long_statements`` before work that takes as long as a table is large.

    Raises:
        Unsupported: the server is older than 15, or the database's encoding is not UTF-8.
        LostRace: a query of the block contradicted another transaction, or the recovery of a standby.
        StorageError: the server refused, or did not answer.
    """
    try:
        raw = Raw.connect(location.conninfo, **settings_of(location))
    except psycopg.Error as error:
        raise translate_error(error) from error
    try:
        set_up(raw, location)
        profile = profile_of(raw.ours)
        _check_server(raw, profile)
        set_up(raw, attrs.evolve(location, profile=profile))
        yield raw.ours
    except Lost as lost:
        raise Unavailable(lost.reason) from lost
    except RunAgain as race:
        raise LostRace from race
    finally:
        raw.close()


def _check_server(raw: Raw, profile: ServerProfile) -> None:
    if raw.info.server_version < profile.oldest:
        raise Unsupported(f"usercore needs {profile.name} {profile.oldest // 10000} or newer")
    if raw.info.parameter_status("server_encoding") != "UTF8":
        raise Unsupported("usercore needs a database that keeps UTF-8: CREATE DATABASE ... ENCODING 'UTF8'")


class PostgresStorage:
    """Runs units in parallel on connections of a pool. Safe to share between threads and on both sides of a fork."""

    capabilities = CAPABILITIES

    def __init__(self, location: StoreLocation, secret: bytes) -> None:
        """Use this location, which has our tables and this secret."""
        self.secret = secret
        self.features = FEATURES if location.profile.has_snapshots else FEATURES - {SNAPSHOT_READS}
        self._location = location
        self._pool = Pool(location)
        self._max_losses = location.pool_max + 3
        self._inside: set[int] = set()
        reset_in_child(self)

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return units with this context; see ``Storage``."""
        return PostgresUnits(self, origin)

    def join(self, connection: object) -> HostTransaction:
        """Return units in the host's transaction; see ``Storage``."""
        return joined(connection, secret=self.secret, profile=self._location.profile)

    def run(self, run: Callable[[Connection, bool], T]) -> T:
        """Run a unit on a connection until it is committed; ``run`` is passed whether it runs again.

        Raises:
            RuntimeError: a unit is open in this thread already; with one connection left, it would wait for itself.
        """
        thread = get_ident()
        if thread in self._inside:
            msg = "a unit is open in this thread already; use that one"
            raise RuntimeError(msg)
        self._inside.add(thread)
        try:
            return retry_transaction(lambda again: self._on_connection(run, again), max_losses=self._max_losses)
        finally:
            self._inside.discard(thread)

    def _on_connection(self, run: Callable[[Connection, bool], T], again: bool) -> T:  # noqa: FBT001 - passed through
        connection = self._pool.acquire()
        try:
            return run(connection, again)
        finally:
            self._pool.release(connection)

    def purge(self, *, thorough: bool) -> None:
        """Rewrite all tables by VACUUM (FULL) if it is to be thorough; see ``Storage``.

        A plain VACUUM, which the server also runs by itself, frees space but leaves old bytes in it.
        """
        if thorough:
            with connected(self._location) as connection:
                connection.allow_long_statements()
                connection.command(f"VACUUM (FULL) {', '.join(table.name for table in ALL)}")

    def close(self) -> None:
        """Close; see ``Storage``."""
        self._pool.close()

    def reset_after_fork(self) -> None:
        """Use new connections in a forked child, where the parent's other threads do not exist."""
        self._pool.reset_after_fork()
        self._inside = set()


@frozen
class PostgresUnits(Units[Unit]):
    """Units with one context."""

    _store: PostgresStorage
    _origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._run(work)

    def write_at_once(self, work: Callable[[Unit], T]) -> T:
        return self._run(work, WITHOUT_WAITING)

    def _run(self, work: Callable[[Unit], T], *settings: str) -> T:
        result, entries = self._store.run(
            lambda connection, again: self._write(connection, work, *settings, again=again)
        )
        if entries and self._origin.observe is not None:
            self._origin.observe(entries)
        return result

    def _write(
        self, connection: Connection, work: Callable[[Unit], T], *settings: str, again: bool
    ) -> tuple[T, Sequence[Entry]]:
        transaction = connection.transaction
        unit = transaction.unit
        transaction.begin(*settings)
        unit.begin_transaction()
        # At SERIALIZABLE the server takes it for a contradiction if two units look for keys in one page of an index and
        # insert into it. A young store has no other pages.
        unit.begin(self._origin, optimistic=connection.location.isolation == SERIALIZABLE and not again)
        try:
            result = work(unit)
            unit.finish()
        except Exception as error:
            if unit.has_assumed and not isinstance(error, StorageError):
                raise RunAgain from error
            raise
        if unit.has_assumed:
            raise RunAgain
        transaction.commit()
        unit.committed()
        return result, unit.entries

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._store.run(lambda connection, again: self._read(connection, query, again=again))

    def _read(self, connection: Connection, query: Callable[[Unit], T], *, again: bool) -> T:
        return connection.lazy.read(query, self._origin, at_once=again)
