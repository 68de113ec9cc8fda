"""What a check is: data with a pure function from facts to a verdict, and the verdicts that most checks need."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

from usercore.compliance.facts import Facts
from usercore.compliance.model import Clause, ComplianceOutcome, Standard
from usercore.kernel.values import frozen

N = TypeVar("N", int, timedelta)

_UNITS: Final = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


@frozen
class Verdict:
    """How a check ends, and its evidence."""

    outcome: ComplianceOutcome
    found: str
    expected: str


@frozen(kw_only=True)
class Check:
    """A check: its id, in our own words what is checked, its clauses, and the fields of the policy that it judges."""

    id: str
    title: str
    clauses: tuple[Clause, ...]
    judge: Callable[[Facts], Verdict]
    fields: tuple[str, ...] = ()
    """Paths from ``Policy``, such as ``passwords.max_bytes``."""


def nist(*numbers: str) -> tuple[Clause, ...]:
    """Return clauses of NIST SP 800-63B-4."""
    return tuple(Clause(Standard.NIST, number) for number in numbers)


def asvs(*numbers: str) -> tuple[Clause, ...]:
    """Return clauses of OWASP ASVS."""
    return tuple(Clause(Standard.ASVS, number) for number in numbers)


def verdict(found: str, expected: str, *, passed: bool) -> Verdict:
    """Return a verdict."""
    return Verdict(ComplianceOutcome.PASSED if passed else ComplianceOutcome.FAILED, found, expected)


def not_applicable(reason: str) -> Verdict:
    """Return the verdict of a check that has nothing to judge."""
    return Verdict(ComplianceOutcome.NOT_APPLICABLE, reason, "")


def all_at_most(values: Mapping[str, N], most: N) -> Verdict:
    """Return the verdict about values, by what they are, none of which may be greater."""
    return verdict(_listed(values), f"at most {written(most)}", passed=all(value <= most for value in values.values()))


def all_at_least(values: Mapping[str, N], least: N) -> Verdict:
    """Return the verdict about values, by what they are, none of which may be smaller."""
    passed = all(value >= least for value in values.values())
    return verdict(_listed(values), f"at least {written(least)}", passed=passed)


def none_of(count: int, total: int, things: str, fault: str) -> Verdict:
    """Return the verdict about things none of which should have a fault; not applicable if there are no such things."""
    if not total:
        return not_applicable(f"no {things}")
    return verdict(f"{count:,} of {total:,} {things} {fault}", "none", passed=count == 0)


def _listed(values: Mapping[str, N]) -> str:
    return ", ".join(f"{name} {written(value)}".strip() for name, value in values.items())


def written(value: int | timedelta) -> str:
    """Write a number or a duration for readers."""
    if isinstance(value, int):
        return f"{value:,}"
    for name, unit in _UNITS:
        if value and not value % unit:
            number = value // unit
            return f"{number:,} {name}{'s' * (number != 1)}"
    return f"{value.total_seconds():g} second{'s' * (value != timedelta(seconds=1))}"
