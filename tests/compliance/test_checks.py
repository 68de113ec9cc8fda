"""Every check passes and fails at its edge, and judges fields that exist."""

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import (
    AccessTokenPolicy,
    AutologinTokenPolicy,
    ComplianceOutcome,
    HashProfile,
    ImportedHashes,
    LinkPolicy,
    Links,
    LoginTokenPolicy,
    MailPolicy,
    PasskeyPolicy,
    PasswordPolicy,
    Pepper,
    Policy,
    RegistrationPolicy,
    RelyingParty,
    RequiredFor,
    ResetPolicy,
    RetentionPolicy,
    RevocationPolicy,
    SecondFactorPolicy,
    StoreAccess,
    ThrottlePolicy,
)
from usercore.compliance.checks import written
from usercore.compliance.facts import AccountCounts, Facts, HostFacts
from usercore.compliance.rules import CHECKS, results_of
from usercore.second_factors.model import FactorKey
from usercore.storage.compliance import OldestRows
from usercore.testing.fakes import NOON

PASSED, FAILED, NOT_APPLICABLE = (
    ComplianceOutcome.PASSED,
    ComplianceOutcome.FAILED,
    ComplianceOutcome.NOT_APPLICABLE,
)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
KEY: Final = FactorKey(id="2026", key=bytes(32))
HOST: Final = HostFacts(has_mailer=True, has_own_hasher=False, password_checks=1)
NOTHING: Final = OldestRows(None, None, None)


def facts(
    accounts: AccountCounts | None = None,
    host: HostFacts | None = HOST,
    oldest: OldestRows = NOTHING,
    store: StoreAccess | None = None,
    **policy: Any,
) -> Facts:
    """Return facts: the default policy but for these parts, and no data."""
    return Facts(
        policy=Policy(**policy),
        accounts=accounts or AccountCounts(),
        oldest=oldest,
        now=NOON,
        host=host,
        store=store,
    )


def outcome_of(check: str, given: Facts) -> ComplianceOutcome:
    """Return how a check ends."""
    (result,) = (one for one in results_of(given) if one.check == check)
    return result.outcome


def passwords(**values: Any) -> Facts:
    """Return facts with this policy of passwords."""
    return facts(passwords=PasswordPolicy(**values))


def profile(memory_kib: int, passes: int) -> Facts:
    """Return facts with hashes of this cost."""
    made = HashProfile(name="own", memory_kib=memory_kib, passes=passes, lanes=1, source="a test")
    return passwords(profile=made)


def factors(**values: Any) -> Facts:
    """Return facts with this policy of second factors."""
    return facts(second_factors=SecondFactorPolicy(keys=(KEY,), **values))


def sessions(*, aal2: bool = False, **values: Any) -> Facts:
    """Return facts with this policy of sessions, and of second factors for all if they are to be of AAL2."""
    required = RequiredFor.ALL if aal2 else RequiredFor.NONE
    return facts(
        second_factors=SecondFactorPolicy(keys=(KEY,), required_for=required), access_tokens=AccessTokenPolicy(**values)
    )


def counts(**values: int) -> Facts:
    """Return facts with these counts."""
    return facts(AccountCounts(**values))


def links(**values: Any) -> Facts:
    """Return facts with links of these lifetimes; others are valid for a day."""
    short: Any = {f"{name}_lifetime": DAY for name in ("registration", "confirmation", "email_change", "reset")}
    return facts(links=LinkPolicy(**(short | values)))


def mail_links(**urls: str) -> Facts:
    """Return facts with mailed links to these pages."""
    return facts(mail=MailPolicy(links=Links(**urls)))


def files(*modes: int) -> Facts:
    """Return facts of a store whose files have these modes."""
    return facts(store=StoreAccess(files=tuple((f"file {number}", mode) for number, mode in enumerate(modes))))


def tls(mode: str) -> Facts:
    """Return facts of a store on another machine."""
    return facts(store=StoreAccess(tls_mode=mode))


EDGES: Final[dict[str, tuple[list[Facts], list[Facts]]]] = {
    "password_length": (
        [
            passwords(min_characters=15),
            facts(
                passwords=PasswordPolicy(min_characters=15, min_characters_with_second_factor=8),
                second_factors=SecondFactorPolicy(keys=(KEY,), required_for=RequiredFor.ALL),
            ),
        ],
        [passwords(min_characters=14)],
    ),
    "password_maximum": ([passwords(max_bytes=256)], [passwords(max_bytes=255)]),
    "common_passwords": ([passwords(min_guesses=10**6)], [passwords(min_guesses=10**6 - 1)]),
    "breached_passwords": (
        [facts(host=HOST)],
        [facts(host=attrs.evolve(HOST, password_checks=0))],
    ),
    "generated_passwords": (
        [passwords(generated_characters=15, generated_lifetime=14 * DAY)],
        [
            passwords(generated_characters=14, generated_lifetime=14 * DAY),
            passwords(generated_characters=15, generated_lifetime=14 * DAY + SECOND),
        ],
    ),
    "hash_cost": (
        [profile(19_456, 2), profile(47_104, 1), profile(7_168, 5), profile(7_168, 9)],
        [profile(19_455, 2), profile(47_103, 1), profile(7_167, 9), profile(19_456, 1)],
    ),
    "pepper": ([passwords(peppers=(Pepper(id="1", key=bytes(16)),))], [passwords()]),
    "imported_digests": (
        [passwords()],
        [passwords(imported_hashes=ImportedHashes(digests=True))],
    ),
    "outdated_hashes": ([counts(passwords=2)], [counts(passwords=2, outdated_hashes=1)]),
    "unusable_hashes": ([counts(passwords=2)], [counts(passwords=2, unusable_hashes=1)]),
    "overdue_passwords": ([counts(temporary_passwords=2)], [counts(temporary_passwords=2, overdue_passwords=1)]),
    "reset_links": ([links(reset_lifetime=DAY)], [links(reset_lifetime=DAY + SECOND)]),
    "failures_before_void": (
        [facts(throttles=ThrottlePolicy(failures_before_void=100))],
        [facts(throttles=ThrottlePolicy(failures_before_void=101))],
    ),
    "waits_after_failures": (
        [facts(throttles=ThrottlePolicy(failures_before_wait=100, max_wait=HOUR))],
        [
            facts(throttles=ThrottlePolicy(failures_before_wait=101, failures_before_void=200, max_wait=HOUR)),
            facts(throttles=ThrottlePolicy(max_wait=HOUR + SECOND)),
        ],
    ),
    "registration_limits": (
        [facts(registration=RegistrationPolicy(per_ip_window=SECOND, per_email_window=SECOND))],
        [
            facts(registration=RegistrationPolicy(per_ip_window=timedelta(0))),
            facts(registration=RegistrationPolicy(per_email_window=timedelta(0))),
        ],
    ),
    "reset_limits": (
        [facts(resets=ResetPolicy(per_ip_window=SECOND, per_account_window=SECOND))],
        [
            facts(resets=ResetPolicy(per_ip_window=timedelta(0))),
            facts(resets=ResetPolicy(per_account_window=timedelta(0))),
        ],
    ),
    "registration_refusals": (
        [facts(links=LinkPolicy(registration_refusals=10))],
        [facts(links=LinkPolicy(registration_refusals=11))],
    ),
    "second_factor_required": (
        [factors(required_for=RequiredFor.ALL)],
        [factors(required_for=RequiredFor.PRIVILEGED), factors(required_in=frozenset({"main"}))],
    ),
    "privileged_second_factor_required": (
        [factors(required_for=RequiredFor.PRIVILEGED), factors(required_for=RequiredFor.ALL)],
        [factors()],
    ),
    "admins_with_factor": ([counts(admins=2)], [counts(admins=2, unprotected_admins=1)]),
    "privileged_with_factor": ([counts(privileged=2)], [counts(privileged=2, unprotected_privileged=1)]),
    "phishing_resistance": (
        [
            facts(
                passkeys=PasskeyPolicy(
                    relying_party=RelyingParty(id="example.com", name="Shop", origins=("https://example.com",))
                )
            )
        ],
        [facts()],
    ),
    "code_window": ([factors(window=1)], [factors(window=2)]),
    "challenge_lifetime": (
        [factors(challenge_lifetime=10 * MINUTE)],
        [factors(challenge_lifetime=10 * MINUTE + SECOND)],
    ),
    "remembered_devices": ([factors()], [factors(remember_device_for=SECOND)]),
    "factor_keys": ([counts(factors=2)], [counts(factors=2, factors_without_key=1)]),
    "session_lifetime": (
        [sessions(lifetime=30 * DAY), sessions(aal2=True, lifetime=DAY)],
        [sessions(lifetime=30 * DAY + SECOND), sessions(aal2=True, lifetime=DAY + SECOND)],
    ),
    "session_idle": (
        [sessions(idle_lifetime=30 * DAY), sessions(aal2=True, idle_lifetime=HOUR)],
        [sessions(idle_lifetime=30 * DAY + SECOND), sessions(aal2=True, idle_lifetime=HOUR + SECOND)],
    ),
    "outlasting_sessions": ([counts(sessions=2)], [counts(sessions=2, outlasting_sessions=1)]),
    "outlasting_tokens": ([counts(tokens=2)], [counts(tokens=2, outlasting_tokens=1)]),
    "login_tokens": (
        [facts(login_tokens=LoginTokenPolicy(lifetime=10 * MINUTE))],
        [facts(login_tokens=LoginTokenPolicy(lifetime=10 * MINUTE + SECOND))],
    ),
    "autologin_tokens": (
        [facts(autologin_tokens=AutologinTokenPolicy(max_lifetime=10 * MINUTE, max_uses=1))],
        [
            facts(autologin_tokens=AutologinTokenPolicy(max_lifetime=10 * MINUTE, max_uses=2)),
            facts(autologin_tokens=AutologinTokenPolicy(max_lifetime=10 * MINUTE + SECOND, max_uses=1)),
        ],
    ),
    "revoked_at_password_change": (
        [facts()],
        [facts(revocation=RevocationPolicy(keep_at_password_change=True))],
    ),
    "revoked_at_deactivation": ([facts()], [facts(revocation=RevocationPolicy(keep_at_deactivation=True))]),
    "notices": (
        [facts(host=HOST)],
        [
            facts(host=attrs.evolve(HOST, has_mailer=False)),
            facts(host=HOST, mail=MailPolicy(mail_unconfirmed=False)),
        ],
    ),
    "encrypted_links": (
        [mail_links(sign_in="HTTPS://example.com/in", reset="https://example.com/#{secret}")],
        [mail_links(sign_in="https://example.com/in", reset="http://example.com/#{secret}")],
    ),
    "confirmation_links": (
        [links()],
        [
            links(registration_lifetime=DAY + SECOND),
            links(confirmation_lifetime=DAY + SECOND),
            links(email_change_lifetime=DAY + SECOND),
        ],
    ),
    "verified_emails": ([counts(users=2)], [counts(users=2, unverified_emails=1)]),
    "store_files": ([files(0o600, 0o400)], [files(0o600, 0o640), files(0o601)]),
    "store_encryption": (
        [tls("require"), tls("verify-ca"), tls("verify-full")],
        [tls("prefer"), tls("allow"), tls("disable")],
    ),
    "store_identity": ([tls("verify-full")], [tls("verify-ca")]),
    "cleanup": (
        [facts(oldest=OldestRows(NOON - 367 * DAY, NOON - 367 * DAY, NOON - 9 * DAY))],
        [
            facts(oldest=OldestRows(NOON - 367 * DAY - SECOND, None, None)),
            facts(oldest=OldestRows(None, NOON - 367 * DAY - SECOND, None)),
            facts(oldest=OldestRows(None, None, NOON - 9 * DAY - SECOND)),
        ],
    ),
    "unknown_logins": (
        [facts(retention=RetentionPolicy(unknown_logins=30 * DAY))],
        [facts(retention=RetentionPolicy(unknown_logins=30 * DAY + SECOND))],
    ),
}
"""For each check, by its id, facts by which it just passes, and facts by which it just fails."""

BARE: Final = {
    "breached_passwords",
    "notices",
    "outdated_hashes",
    "unusable_hashes",
    "overdue_passwords",
    "admins_with_factor",
    "privileged_with_factor",
    "factor_keys",
    "outlasting_sessions",
    "outlasting_tokens",
    "encrypted_links",
    "verified_emails",
    "store_files",
    "store_encryption",
    "store_identity",
    "cleanup",
}
"""Checks that have nothing to judge if only a policy is known and the store is empty."""


@pytest.mark.parametrize("check", EDGES)
def test_a_check_passes_and_fails_at_its_edge(check: str) -> None:
    passing, failing = EDGES[check]
    assert [outcome_of(check, given) for given in passing] == [PASSED] * len(passing)
    assert [outcome_of(check, given) for given in failing] == [FAILED] * len(failing)


def test_every_check_has_edges_and_an_id_of_its_own() -> None:
    assert [check.id for check in CHECKS] == list(dict.fromkeys(check.id for check in CHECKS))
    assert EDGES.keys() == {check.id for check in CHECKS}


def test_what_is_not_known_is_not_applicable_and_says_why() -> None:
    results = results_of(facts(host=None))
    bare = {one.check: one.found for one in results if one.outcome is NOT_APPLICABLE}
    assert bare.keys() == BARE
    assert all(bare.values())


def test_a_hasher_of_the_host_is_not_judged_by_the_profile() -> None:
    assert outcome_of("hash_cost", facts(host=attrs.evolve(HOST, has_own_hasher=True))) is NOT_APPLICABLE


def test_a_check_that_is_left_out_is_not_judged() -> None:
    before, after = results_of(facts()), results_of(facts(), skip=["pepper"])
    assert [one.check for one in before if one not in after] == ["pepper"]
    assert [one.outcome for one in after if one.check == "pepper"] == [NOT_APPLICABLE]


def test_every_result_has_evidence() -> None:
    for passing, failing in EDGES.values():
        for one in (*passing, *failing):
            for result in results_of(one):
                assert result.found
                assert result.clauses
                assert bool(result.expected) == (result.outcome is not NOT_APPLICABLE)


@given(lifetime=st.timedeltas(SECOND, 400 * DAY), idle=st.timedeltas(SECOND, 400 * DAY), aal2=st.booleans())
def test_sessions_are_judged_by_the_level_that_the_policy_aims_at(
    lifetime: timedelta, idle: timedelta, *, aal2: bool
) -> None:
    found = sessions(aal2=aal2, lifetime=lifetime, idle_lifetime=idle)
    most, most_idle = (DAY, HOUR) if aal2 else (30 * DAY, 30 * DAY)
    assert (outcome_of("session_lifetime", found) is PASSED) == (lifetime <= most)
    assert (outcome_of("session_idle", found) is PASSED) == (idle <= most_idle)


@given(modes=st.lists(st.integers(0, 0o7777), min_size=1, max_size=4))
def test_files_are_judged_by_the_bits_of_group_and_others(modes: list[int]) -> None:
    assert (outcome_of("store_files", files(*modes)) is PASSED) == all(mode % 0o100 == 0 for mode in modes)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000, "1,000,000"),
        (DAY, "1 day"),
        (30 * DAY, "30 days"),
        (90 * MINUTE, "90 minutes"),
        (timedelta(0), "0 seconds"),
        (SECOND, "1 second"),
    ],
)
def test_values_are_written_for_readers(value: int | timedelta, text: str) -> None:
    assert written(value) == text
