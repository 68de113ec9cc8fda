"""Checks of passwords and of how they are stored."""

from datetime import timedelta
from typing import Final

from usercore.compliance.checks import (
    Check,
    Verdict,
    all_at_least,
    all_at_most,
    asvs,
    nist,
    none_of,
    not_applicable,
    verdict,
)
from usercore.compliance.facts import Facts
from usercore.second_factors.model import RequiredFor

LONE_LENGTH: Final = 15
"""The least characters of a password that is the only factor. Source: NIST SP 800-63B-4, 3.1.1.2."""

LENGTH_BESIDE_FACTOR: Final = 8
"""The least characters of a password beside a second factor. Source: NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 6.2.1."""

LONGEST_BYTES: Final = 256
"""Bytes of 64 characters, each of which may take four. Source: NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 6.2.9."""

LEAST_GUESSES: Final = 1_000_000
"""Guesses below which zxcvbn's score is 0 or 1, and all of the 3,000 most common passwords are. Source: zxcvbn."""

COSTS: Final = ((47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5))
"""KiB and passes of argon2id, each pair enough. Source: OWASP Password Storage Cheat Sheet."""

INITIAL_LIFETIME: Final = timedelta(days=14)
"""The longest that a generated password is accepted. Source: spec R6; OWASP ASVS 6.4.1 names no number."""


def _length(facts: Facts) -> Verdict:
    policy = facts.policy.passwords
    if facts.policy.second_factors.required_for is RequiredFor.ALL:
        least = min(policy.min_characters, policy.min_characters_with_second_factor)
        return all_at_least({"characters beside a second factor:": least}, LENGTH_BESIDE_FACTOR)
    return all_at_least({"characters of the only factor:": policy.min_characters}, LONE_LENGTH)


def _cost(facts: Facts) -> Verdict:
    if facts.host is not None and facts.host.has_own_hasher:
        return not_applicable("the host's own hasher computes the hashes")
    profile = facts.policy.passwords.profile
    return verdict(
        f"argon2id with {profile.memory_kib:,} KiB, passes: {profile.passes}",
        f"at least {', or '.join(f'{memory:,} KiB, passes: {passes}' for memory, passes in COSTS)}",
        passed=any(profile.memory_kib >= memory and profile.passes >= passes for memory, passes in COSTS),
    )


def _breached(facts: Facts) -> Verdict:
    if facts.host is None:
        return not_applicable("the host's password checks are not known here")
    return all_at_least({"password checks of the host:": facts.host.password_checks}, 1)


def _generated(facts: Facts) -> Verdict:
    policy = facts.policy.passwords
    is_long = policy.generated_characters >= policy.min_characters
    return verdict(
        f"{policy.generated_characters} characters, accepted for {policy.generated_lifetime.days} days",
        f"at least {policy.min_characters} characters, at most {INITIAL_LIFETIME.days} days",
        passed=is_long and policy.generated_lifetime <= INITIAL_LIFETIME,
    )


CHECKS: Final = (
    Check(
        id="password_length",
        title="new passwords are long enough",
        clauses=(*nist("3.1.1.2"), *asvs("6.2.1")),
        judge=_length,
        fields=("passwords.min_characters", "passwords.min_characters_with_second_factor"),
    ),
    Check(
        id="password_maximum",
        title="passwords may have 64 characters, whatever they are",
        clauses=(*nist("3.1.1.2"), *asvs("6.2.9")),
        judge=lambda facts: all_at_least({"bytes:": facts.policy.passwords.max_bytes}, LONGEST_BYTES),
        fields=("passwords.max_bytes",),
    ),
    Check(
        id="common_passwords",
        title="common and easily guessed passwords are refused",
        clauses=(*nist("3.1.1.2"), *asvs("6.2.4")),
        judge=lambda facts: all_at_least({"guesses:": facts.policy.passwords.min_guesses}, LEAST_GUESSES),
        fields=("passwords.min_guesses",),
    ),
    Check(
        id="breached_passwords",
        title="the host compares new passwords with those of known breaches",
        clauses=(*nist("3.1.1.2"), *asvs("6.2.12")),
        judge=_breached,
    ),
    Check(
        id="generated_passwords",
        title="generated passwords are as long as chosen ones, and soon expire",
        clauses=asvs("6.4.1"),
        judge=_generated,
        fields=("passwords.generated_characters", "passwords.generated_lifetime"),
    ),
    Check(
        id="hash_cost",
        title="computing the hash of a password is costly enough",
        clauses=(*nist("3.1.1.2"), *asvs("11.4.2")),
        judge=_cost,
        fields=("passwords.profile.memory_kib", "passwords.profile.passes"),
    ),
    Check(
        id="pepper",
        title="hashes also depend on a key that is not in the store",
        clauses=nist("3.1.1.2"),
        judge=lambda facts: all_at_least({"peppers:": len(facts.policy.passwords.peppers)}, 1),
        fields=("passwords.peppers",),
    ),
    Check(
        id="imported_digests",
        title="no imported password is verified by a digest that is cheap to compute",
        clauses=(*nist("3.1.1.2"), *asvs("11.4.2")),
        judge=lambda facts: verdict(
            "digests are verified" if facts.policy.passwords.imported_hashes.digests else "digests are refused",
            "digests are refused",
            passed=not facts.policy.passwords.imported_hashes.digests,
        ),
        fields=("passwords.imported_hashes.digests",),
    ),
    Check(
        id="outdated_hashes",
        title="stored hashes have the present profile and pepper",
        clauses=(*nist("3.1.1.2"), *asvs("11.4.2")),
        judge=lambda facts: none_of(
            facts.accounts.outdated_hashes, facts.accounts.passwords, "stored hashes", "are outdated"
        ),
    ),
    Check(
        id="unusable_hashes",
        title="stored hashes can be verified",
        clauses=nist("3.1.1.2"),
        judge=lambda facts: none_of(
            facts.accounts.unusable_hashes, facts.accounts.passwords, "stored hashes", "cannot be verified"
        ),
    ),
    Check(
        id="overdue_passwords",
        title="no temporary password that is still accepted became a lasting one",
        clauses=asvs("6.4.1"),
        judge=lambda facts: none_of(
            facts.accounts.overdue_passwords, facts.accounts.temporary_passwords, "temporary passwords", "are overdue"
        ),
    ),
    Check(
        id="reset_links",
        title="links that reset a password expire within a day",
        clauses=(*nist("4.2.1.2"), *asvs("6.4.3")),
        judge=lambda facts: all_at_most({"reset": facts.policy.links.reset_lifetime}, timedelta(hours=24)),
        fields=("links.reset_lifetime",),
    ),
)
