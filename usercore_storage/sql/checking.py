"""Checking the rows of a store, for every SQL engine: each table page by page, each page on one state of the store.

A newcomer would check everything in one transaction. It would hold back the clean-up of old versions for minutes, and
what a page is compared with is read together with it anyway.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from usercore.kernel.errors import Corrupt
from usercore.kernel.values import frozen
from usercore_storage.check_report import Finding, FindingKind, Findings
from usercore_storage.sql.executor import Executor, marks
from usercore_storage.sql.integrity import (
    Read,
    deliveries_without_entry,
    mismatches_in,
    orphans_in,
    texts_missing,
    unusable_hashes,
)
from usercore_storage.sql.schema import VERSIONS, TableSchemas, can_be_read, differences
from usercore_storage.sql.strict_rows import READERS, Unreadable
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.tables import ALL, CREDENTIALS, DELIVERIES

T = TypeVar("T")

SIZE: Final = 512
"""Rows of a page; the most keys of one look-up."""

SECRET_BYTES: Final = 32

_LEAST: Final = {"integer": -(2**63), "text": "", "blob": b""}


class SnapshotQuery(Protocol):
    """Lets a function look at one state of a store; it may run again."""

    @abstractmethod
    def __call__(self, query: Callable[[Executor], T], /) -> T:
        """Run the function and give what it gives.

        Raises:
            StorageError: the store could not be read.
        """


def _page_of(table: Table[Any]) -> str:
    columns = ", ".join(column.name for column in (*table.extra, *table.columns))
    key = ", ".join(table.key)
    behind = f"({key}) > ({marks(len(table.key))})" if len(table.key) > 1 else f"{key} > ?"
    return f"SELECT {columns} FROM {table.name} WHERE {behind} ORDER BY {key} LIMIT ?"


PAGES: Final = {table.name: _page_of(table) for table in ALL}
VERSION_ROWS: Final = "SELECT version, secret FROM usercore_schema"


@frozen
class RowPage:
    """What was found on a page, how many rows it had, and the key of the last one; None where the table ends."""

    findings: list[Finding]
    rows: int
    last: Row | None


def check_tables(
    query: SnapshotQuery, *, expected: TableSchemas, found: TableSchemas, version: int, findings: Findings
) -> None:
    """Check schema and rows; the rows only if every column that is read is there.

    Raises:
        StorageError: the store could not be read, and is not merely damaged.
    """
    findings.extend(differences(expected, found))
    findings.extend(query(lambda run: _version_findings(run, version)))
    if can_be_read(expected, found):
        for table in ALL:
            try:
                _check_table(query, table, findings)
            except (Corrupt, UnicodeEncodeError):  # text in a key that is no Unicode cannot be gone on from
                findings.add(FindingKind.DAMAGE, table.name, "it cannot be read to its end")


def _version_findings(run: Executor, version: int) -> list[Finding]:
    rows = run(VERSION_ROWS)
    problems = []
    if [found for found, _ in rows] != [version]:
        problems.append(f"the version is not {version}, once")
    if [len(secret) for _, secret in rows if isinstance(secret, bytes)] != [SECRET_BYTES]:
        problems.append(f"there is no secret of {SECRET_BYTES} bytes")
    return [Finding(kind=FindingKind.SCHEMA, table=VERSIONS, problem=problem) for problem in problems]


def _check_table(query: SnapshotQuery, table: Table[Any], findings: Findings) -> None:
    kinds = {column.name: column.codec.column for column in (*table.extra, *table.columns)}
    after: Row | None = tuple(_LEAST[kinds[name]] for name in table.key)
    while after is not None:
        page = query(_looking(table, after))
        findings.extend(page.findings)
        findings.rows += page.rows
        after = page.last


def _looking(table: Table[Any], after: Row) -> Callable[[Executor], RowPage]:
    return lambda run: _look_at(run, table, after)


def _look_at(run: Executor, table: Table[Any], after: Row) -> RowPage:
    rows = run(PAGES[table.name], (*after, SIZE))
    if not rows:
        return RowPage([], 0, None)
    reader, findings, readable = READERS[table.name], list[Finding](), list[Read]()
    for row in rows:
        try:
            readable.append((row, reader.read(row)))
        except Unreadable as fault:
            kind, key = FindingKind.UNREADABLE, reader.name_of(row)
            findings.append(Finding(kind=kind, table=table.name, key=key, problem=str(fault)))
    last = reader.key_of(rows[-1])
    findings += orphans_in(run, table, readable)
    findings += texts_missing(run, table, readable)
    findings += mismatches_in(run, table, readable)
    if table is CREDENTIALS:
        findings += unusable_hashes(readable)
    if table is DELIVERIES:
        findings += deliveries_without_entry(run, after, last)
    return RowPage(findings, len(rows), last)
