"""Checks of second factors, passkeys, and the users who need them."""

from datetime import timedelta
from typing import Final

from usercore.compliance.checks import (
    Check,
    Verdict,
    all_at_most,
    asvs,
    nist,
    none_of,
    not_applicable,
    verdict,
)
from usercore.compliance.facts import Facts
from usercore.second_factors.model import RequiredFor

CODE_WINDOW: Final = 1
"""Steps before and after the present one. Source: RFC 6238, 5.2 recommends one at most."""

NEITHER: Final = "have neither a second factor nor a passkey"

CHALLENGE_LIFETIME: Final = timedelta(minutes=10)
"""Source: OWASP ASVS 6.5.5."""


def _required(facts: Facts) -> Verdict:
    required = facts.policy.second_factors.required_for
    return verdict(f"required for {required}", f"required for {RequiredFor.ALL}", passed=required is RequiredFor.ALL)


def _required_for_privileged(facts: Facts) -> Verdict:
    required = facts.policy.second_factors.required_for
    expected = f"required for {RequiredFor.PRIVILEGED} or {RequiredFor.ALL}"
    return verdict(f"required for {required}", expected, passed=required is not RequiredFor.NONE)


def _phishing_resistant(facts: Facts) -> Verdict:
    party = facts.policy.passkeys.relying_party
    found = "no relying party" if party is None else f"passkeys of {party.id}"
    return verdict(found, "a relying party", passed=party is not None)


def _remembered(facts: Facts) -> Verdict:
    return all_at_most({"a device is remembered for": facts.policy.second_factors.remember_device_for}, timedelta(0))


def _keys(facts: Facts) -> Verdict:
    counts = facts.accounts
    if counts.factors:
        return none_of(counts.factors_without_key, counts.factors, "second factors", "cannot be decrypted")
    keys = len(facts.policy.second_factors.keys)
    return not_applicable(f"no second factors; keys: {keys}")


CHECKS: Final = (
    Check(
        id="second_factor_required",
        title="all users need a second factor",
        clauses=(*nist("2.2.1"), *asvs("6.3.3")),
        judge=_required,
        fields=("second_factors.required_for", "second_factors.required_in"),
    ),
    Check(
        id="privileged_second_factor_required",
        title="privileged users need a second factor",
        clauses=(*nist("2.2.1"), *asvs("6.3.3")),
        judge=_required_for_privileged,
        fields=("second_factors.required_for",),
    ),
    Check(
        id="admins_with_factor",
        title="every admin has a second factor or a passkey",
        clauses=(*nist("2.2.1"), *asvs("6.3.3")),
        judge=lambda facts: none_of(facts.accounts.unprotected_admins, facts.accounts.admins, "admins", NEITHER),
    ),
    Check(
        id="privileged_with_factor",
        title="every privileged user has a second factor or a passkey",
        clauses=(*nist("2.2.1"), *asvs("6.3.3")),
        judge=lambda facts: none_of(
            facts.accounts.unprotected_privileged, facts.accounts.privileged, "privileged users", NEITHER
        ),
    ),
    Check(
        id="phishing_resistance",
        title="users can sign in by a way that resists phishing",
        clauses=(*nist("2.2.2", "3.2.5"), *asvs("6.3.3")),
        judge=_phishing_resistant,
        fields=("passkeys.relying_party",),
    ),
    Check(
        id="code_window",
        title="a code is accepted in its own time step and its neighbours only",
        clauses=asvs("6.5.5"),
        judge=lambda facts: all_at_most({"steps each side:": facts.policy.second_factors.window}, CODE_WINDOW),
        fields=("second_factors.window",),
    ),
    Check(
        id="challenge_lifetime",
        title="the second step of a sign-in follows the first within minutes",
        clauses=asvs("6.5.5"),
        judge=lambda facts: all_at_most(
            {
                "second factors": facts.policy.second_factors.challenge_lifetime,
                "passkeys": facts.policy.challenges.lifetime,
            },
            CHALLENGE_LIFETIME,
        ),
        fields=("second_factors.challenge_lifetime", "challenges.lifetime"),
    ),
    Check(
        id="remembered_devices",
        title="no remembered device replaces a second factor",
        clauses=nist("5.1"),
        judge=_remembered,
        fields=("second_factors.remember_device_for",),
    ),
    Check(
        id="factor_keys",
        title="the policy has the keys that decrypt the secrets of second factors",
        clauses=nist("3.1.4.2"),
        judge=_keys,
        fields=("second_factors.keys",),
    ),
)
