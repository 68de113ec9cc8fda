"""Check a store in a PostgreSQL database: the schema and the rows. The server checks its own files."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from usercore.kernel.errors import NewerSchema
from usercore_storage.check_report import FindingKind, Findings, Report
from usercore_storage.postgres.connections import Connection
from usercore_storage.postgres.deadlines import begin_check_of
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.migrations import TYPES, VERSION, found_in
from usercore_storage.postgres.profiles import COLLATION, ServerProfile
from usercore_storage.postgres.storage import connected
from usercore_storage.sql.checking import SnapshotQuery, check_tables
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.schema import VERSIONS, TableSchema, TableSchemas
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

T = TypeVar("T")

_BY_CODE_POINTS: Final = frozenset({"C", "default"})
"""Collations of columns, which are alike where the database's own is C."""

_OURS: Final = (
    "t.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('usercore_schema'))"
    " AND t.relname LIKE 'usercore\\_%' AND NOT t.relispartition"
)
_COLUMNS: Final = (
    "SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod), c.collname, a.attnotnull, a.atthasdef"
    " FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped"
    f" LEFT JOIN pg_collation AS c ON c.oid = a.attcollation WHERE t.relkind IN ('r', 'p', 'v', 'f') AND {_OURS}"
)
_INDEXES: Final = (
    "SELECT t.relname, i.relname, pg_get_indexdef(x.indexrelid), x.indisvalid FROM pg_index AS x"
    f" JOIN pg_class AS t ON t.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid WHERE {_OURS}"
)
_TRIGGERS: Final = (
    "SELECT t.relname, g.tgname FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = g.tgrelid"
    f" WHERE NOT g.tgisinternal AND {_OURS}"
)


def check_store(url: str) -> Report:
    """Check ``postgresql://...`` and return its problems.

    Raises:
        ValueError: the URL has another form.
        NewerSchema: a newer usercore made it.
        LostRace: a standby had to cancel a query.
        StorageError: it cannot be checked as a store; its subclasses say why.
    """
    findings = Findings()
    with connected(location_of(url)) as connection:
        version, _ = found_in(connection)
        if version > VERSION:
            raise NewerSchema(version, VERSION)
        if version < VERSION:
            problem = f"it is older than {VERSION}, or there is nothing yet: opening the store makes what it lacks"
            findings.add(FindingKind.SCHEMA, VERSIONS, problem)
            return findings.report()
        query, profile = _snapshot_query(connection), connection.profile
        found = query(lambda run: _schemas_in(run, profile))
        check_tables(query, expected=_schemas_of_tables(profile), found=found, version=VERSION, findings=findings)
    return findings.report()


def _snapshot_query(connection: Connection) -> SnapshotQuery:
    connection.allow_long_statements()
    begin = begin_check_of(connection.location)

    def query(query: Callable[[Executor], T], /) -> T:
        connection.together([(statement, ()) for statement in begin])
        try:
            return query(connection)
        finally:
            connection.roll_back()

    return query


def _schemas_in(run: Executor, profile: ServerProfile) -> TableSchemas:
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind, collation, is_needed, has_default in run(_COLUMNS):
        text = _collated(kind, collation, profile)
        made = f"{text}{' NOT NULL' if is_needed else ''}{' DEFAULT' if has_default else ''}"
        columns.setdefault(table, {})[name] = made
    parts: dict[str, dict[str, str]] = {table: {} for table in columns}
    for table, name, definition, is_valid in run(_INDEXES):
        parts[table][name] = _plain(definition) if is_valid else "invalid"
    for table, name in run(_TRIGGERS):
        parts[table][name] = "trigger"
    return {table: TableSchema(columns[table], parts[table]) for table in columns}


def _collated(kind: str, collation: str | None, profile: ServerProfile) -> str:
    if collation is None or (collation in _BY_CODE_POINTS and not profile.collation):
        return kind
    return f'{kind} COLLATE "{collation}"'


def _plain(definition: str) -> str:
    """Remove the schema's name and quotation marks, which newer servers may print differently."""
    return re.sub(r" ON (ONLY )?.*?(usercore_\w+) USING", r" ON \2 USING", definition.replace('"', ""), count=1)


def _schemas_of_tables(profile: ServerProfile) -> TableSchemas:
    """Return the schemas that the shipped steps create. A test compares the tables with the steps."""
    return {table.name: TableSchema(_columns_of(table, profile), _indexes_of(table)) for table in ALL}


def _columns_of(table: Table[Any], profile: ServerProfile) -> dict[str, str]:
    types = {kind: name.replace(COLLATION, profile.collation) for kind, name in TYPES.items()}
    return {
        column.name: f"{types[column.codec.column]}{'' if column.may_be_null else ' NOT NULL'}"
        for column in (*table.extra, *table.columns)
    }


def _indexes_of(table: Table[Any]) -> dict[str, str]:
    given = {f"{table.name}_pkey": f"UNIQUE ({', '.join(table.key)})"}
    given |= {f"{table.name}_{name}": definition for name, definition in table.indexes.items()}
    return {name: _index_of(table.name, name, definition) for name, definition in given.items()}


def _index_of(table: str, name: str, definition: str) -> str:
    """Return the definition of an index as the server prints it."""
    unique = "UNIQUE " if definition.startswith("UNIQUE ") else ""
    rest = re.sub(r"'\w+'", r"\g<0>::text", definition.removeprefix("UNIQUE "))
    return f"CREATE {unique}INDEX {name} ON {table} USING btree {rest}"
