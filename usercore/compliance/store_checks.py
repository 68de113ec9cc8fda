"""Checks of the store: who can read it, and whether what is past its retention is removed."""

from datetime import timedelta
from typing import Final

from usercore.compliance.checks import Check, Verdict, all_at_most, asvs, nist, not_applicable, verdict, written
from usercore.compliance.facts import Facts

OTHERS: Final = 0o077
"""The bits of a file's mode that give access to users other than its owner."""

ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})
"""The modes in which libpq never falls back to a connection without TLS. Source: libpq, ``sslmode``."""

OVERDUE: Final = timedelta(days=2)
"""How much longer than their retention rows may be stored: clean-up runs daily. Source: usercore."""

UNKNOWN_LOGINS: Final = timedelta(days=30)
"""Source: spec K8; a password may have been typed into the wrong field."""


def _files(facts: Facts) -> Verdict:
    if facts.store is None or not facts.store.files:
        return not_applicable("no files of the store are known here")
    found = ", ".join(f"{name} {mode:04o}" for name, mode in facts.store.files)
    return verdict(found, "for the owner only", passed=not any(mode & OTHERS for _, mode in facts.store.files))


def _tls(facts: Facts, accepted: frozenset[str]) -> Verdict:
    if facts.store is None or facts.store.tls_mode is None:
        return not_applicable("no connection of the store leaves the machine, as far as is known here")
    mode = facts.store.tls_mode
    return verdict(f"sslmode={mode}", f"sslmode={' or '.join(sorted(accepted))}", passed=mode in accepted)


def _cleaned(facts: Facts) -> Verdict:
    retention, oldest = facts.policy.retention, facts.oldest
    ages = {
        "attempt": (oldest.attempt, retention.attempts),
        "registration attempt": (oldest.registration_attempt, retention.attempts),
        "completed delivery": (oldest.completed_delivery, retention.deliveries),
    }
    stored = {name: (facts.now - at, kept) for name, (at, kept) in ages.items() if at is not None}
    if not stored:
        return not_applicable("no rows that have a retention")
    found = [f"{name} {age.days:,} days old, kept {written(kept)}" for name, (age, kept) in stored.items()]
    passed = all(age <= kept + OVERDUE for age, kept in stored.values())
    return verdict(f"oldest {'; '.join(found)}", f"at most {OVERDUE.days} days older than kept", passed=passed)


CHECKS: Final = (
    Check(
        id="store_files",
        title="only their owner can read the files of the store",
        clauses=(*nist("3.1.4.2"), *asvs("14.2.4", "16.4.2")),
        judge=_files,
    ),
    Check(
        id="store_encryption",
        title="the connection to the database is encrypted",
        clauses=asvs("12.3.1"),
        judge=lambda facts: _tls(facts, ENCRYPTED),
    ),
    Check(
        id="store_identity",
        title="the connection to the database verifies the server",
        clauses=asvs("12.3.2"),
        judge=lambda facts: _tls(facts, frozenset({"verify-full"})),
    ),
    Check(
        id="cleanup",
        title="rows are removed when their retention ends",
        clauses=(*nist("2.4.2"), *asvs("14.2.7")),
        judge=_cleaned,
        fields=("retention.attempts", "retention.deliveries"),
    ),
    Check(
        id="unknown_logins",
        title="logins that no user has are soon forgotten",
        clauses=asvs("16.2.5"),
        judge=lambda facts: all_at_most({"kept for": facts.policy.retention.unknown_logins}, UNKNOWN_LOGINS),
        fields=("retention.unknown_logins",),
    ),
)
