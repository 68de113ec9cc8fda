"""Clauses, the results of checks, and what only the storage of a URL knows."""

from enum import StrEnum

from usercore.kernel.entity import entity
from usercore.kernel.values import frozen


class Standard(StrEnum):
    """The standards whose clauses are checked."""

    NIST = "NIST SP 800-63B-4"
    ASVS = "OWASP ASVS 5.0.0"


@frozen
class Clause:
    """A clause of a standard, by its number."""

    standard: Standard
    number: str

    def __str__(self) -> str:
        """Return the short name of the standard, and the number."""
        return f"{self.standard.name} {self.number}"


class ComplianceOutcome(StrEnum):
    """How a check ended. ``NOT_APPLICABLE`` also stands for what could not be known, and for what was left out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@entity
class ComplianceResult:
    """The result of a check: its clauses, how it ended, and as evidence what was found and what was expected.

    ``found`` has numbers and names of settings, and no personal data. Of a check that is not applicable, it says why.
    """

    check: str
    title: str
    clauses: tuple[Clause, ...]
    outcome: ComplianceOutcome
    found: str
    expected: str


@entity
class ComplianceReport:
    """The results of all checks. ``users`` were examined; all active users if ``is_complete``."""

    results: tuple[ComplianceResult, ...]
    users: int
    is_complete: bool

    @property
    def failed(self) -> tuple[ComplianceResult, ...]:
        """The results of the checks that failed."""
        return tuple(one for one in self.results if one.outcome is ComplianceOutcome.FAILED)


@frozen(kw_only=True)
class StoreAccess:
    """Who could read a store beside its owner, as ``usercore_storage.access(url)`` finds it.

    ``files`` are the names and modes of the files of a store. ``tls_mode`` is libpq's ``sslmode`` of a connection that
    leaves the machine, else None.
    """

    files: tuple[tuple[str, int], ...] = ()
    tls_mode: str | None = None
