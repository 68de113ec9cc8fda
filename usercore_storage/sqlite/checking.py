"""Check a store in a file: the file as SQLite sees it, the schema, the rows. Nothing is changed."""

import sqlite3
from contextlib import closing
from typing import Final

from usercore.kernel.errors import Corrupt
from usercore_storage.check_report import Finding, FindingKind, Findings, Report
from usercore_storage.sql.checking import check_tables
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.schema import VERSIONS, TableSchema, TableSchemas
from usercore_storage.sqlite.connections import Statements
from usercore_storage.sqlite.files import inspect, location_of
from usercore_storage.sqlite.forks import between_forks
from usercore_storage.sqlite.migrations import STEPS, VERSION, statements_of
from usercore_storage.sqlite.snapshot_reader import SnapshotReader

_TABLES: Final = "SELECT name, type, wr, strict FROM pragma_table_list WHERE name GLOB 'usercore_*' AND schema = 'main'"
_COLUMNS: Final = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)'
_PARTS: Final = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('index', 'trigger')"


def check_store(url: str) -> Report:
    """Check ``sqlite:///file.db`` and return its problems.

    Raises:
        ValueError: the URL has another form.
        StorageError: it cannot be checked as a store; its subclasses say why.
    """
    location = location_of(url)
    with between_forks():
        is_behind = inspect(location)
    findings = Findings()
    with closing(SnapshotReader(location.path)) as reader:
        _check_file(reader, findings)
        if is_behind:
            problem = f"it is older than {VERSION}, or there is nothing yet: opening the store makes what it lacks"
            findings.add(FindingKind.SCHEMA, VERSIONS, problem)
            return findings.report()
        found = reader.query(schemas_in)
        check_tables(reader.query, expected=schemas_of_steps(), found=found, version=VERSION, findings=findings)
    return findings.report()


def _check_file(reader: SnapshotReader, findings: Findings) -> None:
    for check in (_engine_findings, _reference_findings, _mode_findings):
        try:
            findings.extend(reader.query(check))
        except Corrupt:
            findings.add(FindingKind.DAMAGE, "", "the file is damaged so that SQLite cannot check it")


def _engine_findings(run: Executor) -> list[Finding]:
    lines = [line for (text,) in run("PRAGMA integrity_check") for line in text.splitlines()]
    problems = [line for line in lines if line != "ok" and not line.startswith("***")]
    return [Finding(kind=FindingKind.DAMAGE, table="", problem=problem) for problem in problems]


def _reference_findings(run: Executor) -> list[Finding]:
    """Find rows of the host whose foreign keys lead nowhere; usercore's tables have none."""
    return [
        Finding(kind=FindingKind.ORPHAN, table=table, key=f"rowid={row}", problem=f"its row of {parent} is not there")
        for table, row, parent, _ in run("PRAGMA foreign_key_check")
    ]


def _mode_findings(run: Executor) -> list[Finding]:
    ((mode,),) = run("PRAGMA journal_mode")
    problem = f"the journal mode is {mode}, not wal: opening the store sets it"
    return [] if mode == "wal" else [Finding(kind=FindingKind.DAMAGE, table="", problem=problem)]


def schemas_in(run: Executor) -> TableSchemas:
    """Return the schemas of usercore's tables by name."""
    return {name: _schema_of(run, name, options) for name, *options in run(_TABLES)}


def _schema_of(run: Executor, table: str, options: list[object]) -> TableSchema:
    columns = {name: repr(made) for name, *made in run(_COLUMNS, (table,))}
    parts = {name: " ".join((text or "").split()) for name, text in run(_PARTS, (table,))}
    return TableSchema(columns, parts, repr(options))


def schemas_of_steps() -> TableSchemas:
    """Return the schemas that the shipped steps create, from a database in memory."""
    with closing(sqlite3.connect(":memory:")) as raw:
        run = Statements(raw)
        for step in STEPS:
            for statement in statements_of(step):
                run(statement)
        return schemas_in(run)
