"""Schemas: what tables consist of, in an engine's own words, and where one differs from what the steps create."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from usercore.kernel.values import frozen
from usercore_storage.check_report import Finding, FindingKind

VERSIONS: Final = "usercore_schema"
"""The table with one row that has the version and the secret. Every store has it; no entity describes it."""

OF_COPIES: Final = "usercore_copy"
"""How the names of tables and triggers begin that ``usercore_storage.copy`` makes in a source; they are no problem."""


@frozen
class TableSchema:
    """One table: its columns, its indexes and triggers by name, and its options, as the engine reports them."""

    columns: Mapping[str, str]
    parts: Mapping[str, str]
    options: str = ""


TableSchemas = Mapping[str, TableSchema]


def differences(expected: TableSchemas, found: TableSchemas) -> Iterator[Finding]:
    """Find what is missing, unexpected or different; other tables of the host are ignored."""
    for table in sorted(expected.keys() - found.keys()):
        yield _finding(table, "the table is missing")
    for table in sorted(_unexpected(found.keys() - expected.keys() - {VERSIONS})):
        yield _finding(table, "no such table is known")
    for table in sorted(expected.keys() & found.keys()):
        wanted, there = expected[table], found[table]
        yield from _compared(table, "column", wanted.columns, there.columns)
        yield from _compared(table, "index or trigger", wanted.parts, there.parts)
        if wanted.options != there.options:
            yield _finding(table, "the table has other options")


def can_be_read(expected: TableSchemas, found: TableSchemas) -> bool:
    """Return whether every column that usercore reads exists."""
    return all(
        table in found and shape.columns.keys() <= found[table].columns.keys() for table, shape in expected.items()
    )


def _unexpected(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.startswith(OF_COPIES)}


def _compared(table: str, what: str, wanted: Mapping[str, str], there: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(wanted.keys() | _unexpected(there.keys())):
        if name not in there:
            yield _finding(table, f"the {what} {name} is missing")
        elif name not in wanted:
            yield _finding(table, f"no such {what} is known: {name}")
        elif wanted[name] != there[name]:
            yield _finding(table, f"the {what} {name} is made otherwise")


def _finding(table: str, problem: str) -> Finding:
    return Finding(kind=FindingKind.SCHEMA, table=table, problem=problem)
