"""The report of a check. Findings name rows by their keys and never show personal data."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from usercore.kernel.values import frozen

MOST: Final = 100
"""Findings listed for each kind in each table; further ones are only counted, so that memory use stays bounded. Source:
usercore: as many as SQLite's own integrity check lists."""


class FindingKind(StrEnum):
    """The kind of a problem."""

    DAMAGE = "damage"
    """The engine itself reports damage: pages, indexes, the journal mode."""

    SCHEMA = "schema"
    """A table, column, index or trigger is missing, unexpected or different, or the version is another."""

    UNREADABLE = "unreadable"
    """A row cannot be read as its entity."""

    ORPHAN = "orphan"
    """A row refers to something that does not exist."""

    UNUSABLE = "unusable"
    """A password's hash cannot be verified: it is damaged, or demands more than the default policy allows.

    Hashes in another form are a host's own and not looked at.
    """

    MISMATCH = "mismatch"
    """Two records disagree: a user's identifiers and claims, a key and its digest, two tenants."""


@frozen(kw_only=True)
class Finding:
    """One problem. ``key`` names the row, as in ``id=101``; it is empty if no single row is meant.

    Keys are ids, digests in hexadecimal digits and names of the host's subscribers.
    """

    kind: FindingKind
    table: str
    key: str = ""
    problem: str


@frozen(kw_only=True)
class Report:
    """The findings of a check and the number of ``rows`` read; ``left_out`` findings are counted but not listed."""

    findings: tuple[Finding, ...]
    left_out: int
    rows: int

    @property
    def is_clean(self) -> bool:
        """Whether the check found no problem."""
        return not self.findings


class Findings:
    """Collects findings and lists the first of each kind and table."""

    def __init__(self) -> None:
        """Create an empty collection."""
        self._listed: list[Finding] = []
        self._counts = Counter[tuple[FindingKind, str]]()
        self.rows = 0

    def add(self, kind: FindingKind, table: str, problem: str) -> None:
        """Add a finding that concerns no single row."""
        self.extend([Finding(kind=kind, table=table, problem=problem)])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            self._counts[finding.kind, finding.table] += 1
            if self._counts[finding.kind, finding.table] <= MOST:
                self._listed.append(finding)

    def report(self) -> Report:
        """Return the report of all findings so far."""
        left_out = self._counts.total() - len(self._listed)
        return Report(findings=tuple(self._listed), left_out=left_out, rows=self.rows)
