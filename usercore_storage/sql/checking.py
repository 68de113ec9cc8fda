"""Check the rows of a store, for every SQL engine: each table page by page, each page in one snapshot.

One transaction for everything would hold back the cleanup of old row versions for minutes. It is not needed, because a
page is read together with everything that it is compared with.
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
    references_missing,
    texts_missing,
    unusable_hashes,
)
from usercore_storage.sql.schema import VERSIONS, TableSchemas, can_be_read, differences
from usercore_storage.sql.strict_rows import READERS, Unreadable
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.tables import ALL, CREDENTIALS, DELIVERIES

T = TypeVar("T")

SIZE: Final = 512
"""Rows of a page, and the most keys of one lookup."""

SECRET_BYTES: Final = 32

_LEAST: Final = {"integer": -(2**63), "text": "", "blob": b""}


class SnapshotQuery(Protocol):
    """Runs a function on one snapshot of a store; it may run again."""

    @abstractmethod
    def __call__(self, query: Callable[[Executor], T], /) -> T:
        """Run the function and return its result.

        Raises:
            StorageError: the store could not be read.
        """


def _page_of(table: Table[Any]) -> str:
    columns = ", ".join(column.name for column in (*table.extra, *table.columns))
    key = ", ".join(table.key)
    after_key = f"({key}) > ({marks(len(table.key))})" if len(table.key) > 1 else f"{key} > ?"
    return f"SELECT {columns} FROM {table.name} WHERE {after_key} ORDER BY {key} LIMIT ?"


PAGES: Final = {table.name: _page_of(table) for table in ALL}
VERSION_ROWS: Final = "SELECT version, secret FROM usercore_schema"


@frozen
class RowPage:
    """The findings of a page, its number of rows and the key of its last row, which is None at the end of the table."""

    findings: list[Finding]
    rows: int
    last: Row | None


def check_tables(
    query: SnapshotQuery, *, expected: TableSchemas, found: TableSchemas, version: int, findings: Findings
) -> None:
    """Check the schema, then the rows if every column that is read exists.

    Raises:
        StorageError: the store could not be read for another reason than damage.
    """
    findings.extend(differences(expected, found))
    findings.extend(query(lambda run: _version_findings(run, version)))
    if can_be_read(expected, found):
        for table in ALL:
            try:
                _check_table(query, table, findings)
            except (Corrupt, UnicodeEncodeError):  # an undecodable key cannot be used as the next cursor
                findings.add(FindingKind.DAMAGE, table.name, "it cannot be read to its end")


def _version_findings(run: Executor, version: int) -> list[Finding]:
    rows = run(VERSION_ROWS)
    problems = []
    if [found for found, _ in rows] != [version]:
        problems.append(f"the version is not {version}, once")
    if [len(secret) for _, secret in rows if isinstance(secret, bytes)] != [SECRET_BYTES]:
        problems.append(f"there is no secret of {SECRET_BYTES} bytes")
    return [Finding(kind=FindingKind.SCHEMA, table=VERSIONS, problem=problem) for problem in problems]


def least_key(table: Table[Any]) -> Row:
    """Return a key before all that the table has: the first page comes after it."""
    kinds = {column.name: column.codec.column for column in (*table.extra, *table.columns)}
    return tuple(_LEAST[kinds[name]] for name in table.key)


def _check_table(query: SnapshotQuery, table: Table[Any], findings: Findings) -> None:
    after: Row | None = least_key(table)
    while after is not None:
        page = query(_page_query(table, after))
        findings.extend(page.findings)
        findings.rows += page.rows
        after = page.last


def _page_query(table: Table[Any], after: Row) -> Callable[[Executor], RowPage]:
    return lambda run: _check_page(run, table, after)


def _check_page(run: Executor, table: Table[Any], after: Row) -> RowPage:
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
    findings += references_missing(run, table, readable)
    findings += texts_missing(run, table, readable)
    findings += mismatches_in(run, table, readable)
    if table is CREDENTIALS:
        findings += unusable_hashes(readable)
    if table is DELIVERIES:
        findings += deliveries_without_entry(run, after, last)
    return RowPage(findings, len(rows), last)
