"""What a check finds: findings name rows by their keys, and never show what a person brought."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from usercore.kernel.values import frozen

MOST: Final = 100
"""Findings listed of one kind in one table; the rest are counted, so that memory stays flat. Source: usercore: as many
as SQLite lists of its own."""


class FindingKind(StrEnum):
    """What sort of thing is wrong."""

    DAMAGE = "damage"
    """The engine itself says so: pages, indexes, the journal mode."""

    SCHEMA = "schema"
    """A table, column, index or trigger is missing, too much or different, or the version is another."""

    UNREADABLE = "unreadable"
    """A row does not make its entity."""

    ORPHAN = "orphan"
    """A row belongs to something that is not there."""

    UNUSABLE = "unusable"
    """A password's hash cannot be verified: it is damaged, or demands more than the default policy allows.

    Hashes in another form are a host's own and not looked at.
    """

    MISMATCH = "mismatch"
    """Two places disagree: a user's identifiers and claims, a key and its digest, two tenants."""


@frozen(kw_only=True)
class Finding:
    """One thing that is wrong. ``key`` names the row, ``id=101``; it is empty where no single row is meant.

    Keys are ids, digests in hexadecimal digits and names of the host's subscribers.
    """

    kind: FindingKind
    table: str
    key: str = ""
    problem: str


@frozen(kw_only=True)
class Report:
    """What a check found, and how many ``rows`` it read. ``left_out`` findings are counted and not listed."""

    findings: tuple[Finding, ...]
    left_out: int
    rows: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class Findings:
    """Gathers findings, the first of each kind and table."""

    def __init__(self) -> None:
        """Begin with none."""
        self._listed: list[Finding] = []
        self._counts = Counter[tuple[FindingKind, str]]()
        self.rows = 0

    def add(self, kind: FindingKind, table: str, problem: str) -> None:
        """Note something that is about no single row."""
        self.extend([Finding(kind=kind, table=table, problem=problem)])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note findings."""
        for finding in findings:
            self._counts[finding.kind, finding.table] += 1
            if self._counts[finding.kind, finding.table] <= MOST:
                self._listed.append(finding)

    def report(self) -> Report:
        """Give what was noted."""
        left_out = self._counts.total() - len(self._listed)
        return Report(findings=tuple(self._listed), left_out=left_out, rows=self.rows)
