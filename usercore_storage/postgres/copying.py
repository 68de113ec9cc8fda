"""A PostgreSQL store as source or target of a copy."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from usercore.kernel.errors import Busy, NewerSchema, StorageError, Unavailable
from usercore.kernel.units import run_until_stored
from usercore_storage.copies.rows import parts_of_key
from usercore_storage.copies.side import CHANGES, CLOSE, CLOSED, NOTE, STATE, CopyStatements, Side, indexes_of
from usercore_storage.postgres.connections import Connection
from usercore_storage.postgres.deadlines import begin_check_of
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import TYPES, VERSION, found_in, migrate, options_of
from usercore_storage.postgres.storage import connected
from usercore_storage.postgres.two_phase import PREPARE_ON_ALL
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

T = TypeVar("T")

_TABLES: Final = ", ".join(table.name for table in ALL)
_LOCK: Final = f"LOCK TABLE {_TABLES} IN SHARE ROW EXCLUSIVE MODE"
_EXISTS: Final = f"SELECT 1 FROM pg_class WHERE oid = to_regclass('{STATE}')"
_SCHEMA: Final = (
    "SELECT quote_ident(n.nspname) FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace"
    " WHERE t.oid = to_regclass('usercore_users')"
)
_WRITERS: Final = (
    "SELECT a.pid, a.application_name, a.state, (extract(epoch FROM now() - a.xact_start))::bigint"
    " FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND a.pid IN (SELECT l.pid FROM pg_locks AS l"
    " JOIN pg_class AS t ON t.oid = l.relation WHERE l.granted AND l.mode = 'RowExclusiveLock'"
    " AND t.relname LIKE 'usercore\\_%') ORDER BY a.xact_start LIMIT 10"
)


def _key_of(table: Table[Any], row: str) -> str:
    text = f"encode(convert_to({row}.{{0}}, 'UTF8'), 'hex')"
    return parts_of_key(table, {"integer": f"{row}.{{0}}::text", "text": text, "blob": f"encode({row}.{{0}}, 'hex')"})


def _note_of(table: Table[Any], schema: str) -> str:
    """Return the statements that log the changes of a table.

    The function has the rights of the role that copies: the roles of writers may have none on the log.
    """
    key = [", ".join(f"{row}.{name}" for name in table.key) for row in ("OLD", "NEW")]
    insert = f"INSERT INTO {CHANGES} (name, key) VALUES ('{table.name}'"
    return (
        f"CREATE FUNCTION {NOTE}_{table.name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = {schema}, pg_catalog, pg_temp AS $$ BEGIN"
        f" IF TG_OP <> 'DELETE' THEN {insert}, {_key_of(table, 'NEW')}); END IF;"
        f" IF TG_OP = 'DELETE' THEN {insert}, {_key_of(table, 'OLD')});"
        f" ELSIF TG_OP = 'UPDATE' THEN IF ({key[0]}) IS DISTINCT FROM ({key[1]}) THEN"
        f" {insert}, {_key_of(table, 'OLD')}); END IF; END IF;"
        " RETURN NULL; END $$;"
        f"CREATE TRIGGER {NOTE} AFTER INSERT OR UPDATE OR DELETE ON {table.name}"
        f" FOR EACH ROW EXECUTE FUNCTION {NOTE}_{table.name}()"
    )


_REFUSAL: Final = (
    f"CREATE FUNCTION {CLOSE}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    f" RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction', MESSAGE = '{CLOSED}'; END $$"
)


def _statements_in(schema: str) -> CopyStatements:
    stop_logging = (
        *(f"DROP FUNCTION IF EXISTS {NOTE}_{table.name}() CASCADE" for table in ALL),
        f"DROP TABLE IF EXISTS {CHANGES}",
    )
    reopen = f"DROP FUNCTION IF EXISTS {CLOSE}() CASCADE"
    columns = "no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, key text NOT NULL"
    return CopyStatements(
        log_changes=(
            *stop_logging,
            f"CREATE TABLE {CHANGES} ({columns})",
            *(_note_of(table, schema) for table in ALL),
        ),
        stop_logging=stop_logging,
        close=(reopen, _REFUSAL, *map(_close_of, ALL)),
        reopen=(reopen,),
        make_indexes=(*indexes_of(TYPES, options_of), f"ANALYZE {_TABLES}"),
    )


def _close_of(table: Table[Any]) -> str:
    return f"CREATE TRIGGER {CLOSE} BEFORE INSERT OR UPDATE OR DELETE ON {table.name} EXECUTE FUNCTION {CLOSE}()"


class PostgresSide(Side):
    """A database, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection to the database."""
        location = connection.location
        connection.allow_long_statements()
        self._connection = connection
        ((schema,),) = connection(_SCHEMA)
        self.statements = _statements_in(schema)
        self._begin_read = ";".join(begin_check_of(location))
        self._timeout = location.timeout
        self._begin = f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{location.timeout}s'"

    def read(self, query: Callable[[Executor], T], /) -> T:
        self._connection.command(self._begin_read)
        try:
            return query(self._connection)
        finally:
            self._connection.roll_back()

    def write(self, work: Callable[[Executor], T], /) -> T:
        return run_until_stored(lambda: self._write(work))

    def _write(self, work: Callable[[Executor], T]) -> T:
        try:
            self._connection.command(self._begin)
            result = work(self._connection)
            if self._connection.profile.commits_by_shard:
                self._connection(PREPARE_ON_ALL)
            self._connection.commit()
        finally:
            self._connection.roll_back()
        return result

    def script(self, statements: Sequence[str], /, *, alone: bool = False) -> None:
        text = ";".join([_LOCK, *statements] if alone else statements)
        try:
            self.write(lambda _: self._connection.command(text))
        except Busy as busy:
            raise self._explained(busy) from busy

    def _explained(self, busy: Busy) -> Busy:
        """Return the error with the transactions that hold locks of writers on usercore's tables."""
        with suppress(StorageError):
            writers = [
                f"process {pid} ({application or 'unnamed'}, {state}, open for {seconds} s)"
                for pid, application, state, seconds in self.read(lambda run: run(_WRITERS))
            ]
            if writers:
                return Busy(f"waited {self._timeout} s for other transactions to end: {', '.join(writers)}")
        return busy

    def has_mark(self) -> bool:
        return bool(self.read(lambda run: run(_EXISTS)))


@contextmanager
def source(url: str) -> Iterator[Side]:
    """Open a store that is to be copied, as ``check`` does: nothing is created or migrated.

    Raises:
        StorageError: there is no store of this schema; its subclasses say why.
    """
    with connected(location_of(url)) as connection:
        version, _ = found_in(connection)
        if version > VERSION:
            raise NewerSchema(version, VERSION)
        if version < VERSION:
            raise Unavailable(f"the database has no store of the schema {VERSION}; open it to migrate it")
        yield PostgresSide(connection)


@contextmanager
def target(url: str) -> Iterator[Side]:
    """Open a store that is to be filled; its tables are created if there are none.

    Raises:
        StorageError: there is another schema, or the database cannot be used; its subclasses say why.
    """
    with connected(location_of(url)) as connection:
        if not connection(_EXISTS):
            version, _ = found_in(connection)
            if 0 < version < VERSION:
                raise Unavailable(f"the database has not the schema {VERSION}; open the store to migrate it")
            migrate(connection)
        yield PostgresSide(connection)
