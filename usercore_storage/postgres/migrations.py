"""Migrate the schema step by step. A step is frozen once it is released: its text never changes.

Many processes may open a new database at once: an advisory lock, or a lock on the row with the version, lets one after
the other check and apply a step. Where each DDL statement has a transaction of its own, several may apply a step at the
same time: its statements do nothing the second time.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from psycopg.errors import DuplicateObject, DuplicateTable

from usercore.kernel.errors import Corrupt, NewerSchema, RunAgain, StorageError
from usercore.kernel.randomness import system_randomness
from usercore.kernel.units import run_until_stored
from usercore_storage.postgres.connections import Connection
from usercore_storage.postgres.distribution import distributions
from usercore_storage.postgres.profiles import COLLATION, MigrationLock, ddl_of
from usercore_storage.sql import tables
from usercore_storage.sql.steps import steps_beside
from usercore_storage.sql.table import Table

TYPES: Final[Mapping[str, str]] = {
    "integer": "bigint",
    "boolean": "boolean",
    "text": f"text{COLLATION}",
    "tuple": f"text{COLLATION}",
    "blob": "bytea",
}
"""The types of columns in the steps; ``ddl_of`` writes them as a server takes them."""

STEPS: Final = steps_beside(__file__)
VERSION: Final = len(STEPS)
"""The schema version that this usercore knows."""

LOCK: Final = 0x75636F72
"""``ucor``: the number of the advisory lock that serializes migrations."""

BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '60s'"
"""Each statement sees what was committed before it, so also what others did while this one waited for the lock."""

TAKE_ADVISORY_LOCK: Final = "SELECT pg_advisory_xact_lock(?)"
_TAKE_ROW_LOCK: Final = "SELECT id FROM usercore_schema WHERE id = 1 FOR UPDATE"

_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS usercore_schema"
    " (version bigint NOT NULL, secret bytea NOT NULL, id bigint PRIMARY KEY DEFAULT 1)"
)
_FIRST_ROW: Final = "INSERT INTO usercore_schema (version, secret) VALUES (0, ?) ON CONFLICT (id) DO NOTHING"

_EXISTS: Final = "SELECT 1 FROM pg_class WHERE oid = to_regclass('usercore_schema')"
"""By way of the catalogue, because reading it makes the session see tables created since its last lookup."""

_HAS_TABLES: Final = f"SELECT 1 FROM pg_class WHERE oid = to_regclass('{tables.ALL[0].name}')"


FILL_FACTORS: Final[Mapping[str, int]] = {tables.USERS.name: 90}
"""Percent of a page that new rows may fill. Each change of a user updates the row's ``change_no``, and an update whose
new version fits into the same page writes no index. Source: usercore: 90 % of the first updates of 2,000 users did so
at 100, and all at 90; the table grew by 7 %."""


def options_of(table: Table[Any]) -> str:
    """Return the options of a table."""
    factor = FILL_FACTORS.get(table.name)
    return "" if factor is None else f" WITH (fillfactor = {factor})"


def migrate(connection: Connection, *, steps: Sequence[str] | None = None) -> bytes:
    """Migrate the store to this schema, each step in a transaction, and return its secret. Safe to run again.

    ``steps`` are the texts of the shipped steps unless others are passed.

    Raises:
        NewerSchema: a newer usercore made it.
        Corrupt: it has usercore's tables, but no version.
        StorageError: the server refused.
    """
    version, secret = found_in(connection)
    if version == VERSION and steps is None:
        return secret
    known = list(map(text_of, STEPS)) if steps is None else steps
    connection.allow_long_statements()
    while version < len(known):
        run_until_stored(lambda: _apply_step(connection, known))
        version, secret = found_in(connection)
    if version > len(known):
        raise NewerSchema(version, len(known))
    return secret


def found_in(connection: Connection) -> tuple[int, bytes]:
    """Return the version of the schema and the secret; 0 if there are no tables.

    Raises:
        Corrupt: there is no version, or there are several.
    """
    if not connection(_EXISTS):
        return 0, b""
    rows = connection("SELECT version, secret FROM usercore_schema")
    if not rows and not connection(_HAS_TABLES):
        return 0, b""  # where the first row needs a transaction of its own, its process ended before
    if len(rows) != 1:
        raise Corrupt("usercore_schema has no version, or several")
    return rows[0][0], rows[0][1]


def _apply_step(connection: Connection, steps: Sequence[str]) -> None:
    """Apply the next step, unless another process has done so meanwhile."""
    if connection.profile.lock is MigrationLock.ROW:
        _create_schema(connection)  # its row can be locked only after it was committed
    if connection.profile.is_ddl_alone:
        _apply_by_statements(connection, steps)
        return
    try:
        connection.command(BEGIN)
        if connection.profile.lock is MigrationLock.ROW:
            connection(_TAKE_ROW_LOCK)
        else:
            connection(TAKE_ADVISORY_LOCK, (LOCK,))
            _create_schema(connection)
        version, _ = found_in(connection)
        if version < len(steps):
            connection.command(";\n".join(ddl_of(steps[version], connection.profile)))
            if connection.profile.commits_by_shard:
                for statement in distributions(connection):
                    connection.command(statement)
            connection("UPDATE usercore_schema SET version = ?", (version + 1,))
        connection.commit()
    finally:
        connection.roll_back()


def _apply_by_statements(connection: Connection, steps: Sequence[str]) -> None:
    version, _ = found_in(connection)
    if version < len(steps):
        for statement in ddl_of(steps[version], connection.profile):
            _run_alone(connection, statement)
        connection("UPDATE usercore_schema SET version = ? WHERE version = ?", (version + 1, version))


def _run_alone(connection: Connection, statement: str) -> None:
    """Run a statement that does nothing if it was run before; again if another process runs it at the same moment."""

    def run() -> None:
        try:
            connection.command(statement)
        except StorageError as error:
            if isinstance(error.__cause__, DuplicateTable | DuplicateObject):
                raise RunAgain from error
            raise

    run_until_stored(run)


def _create_schema(connection: Connection) -> None:
    """Create the table with the version and the secret, and its row, unless they are there."""
    if found_in(connection)[1]:
        return
    _run_alone(connection, _CREATE)
    connection(_FIRST_ROW, (system_randomness(32),))


def text_of(step: str) -> str:
    """Return the text of a step."""
    return (files("usercore_storage.postgres") / "steps" / step).read_text("utf-8")
