"""Checks of what slows guessing down, and of what limits the rows and the mails that an attacker can cause."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from usercore.compliance.checks import Check, Verdict, all_at_most, asvs, nist, verdict, written
from usercore.compliance.facts import Facts

MOST_FAILURES: Final = 100
"""Wrong passwords in a row. Source: NIST SP 800-63B-4, 3.2.2."""

LONGEST_WAIT: Final = timedelta(hours=1)
"""Longer waits would lock users out for the guesses of others. Source: NIST SP 800-63B-4, 3.2.2."""

MOST_REFUSALS: Final = 10
"""Source: spec K7."""


def _waits(facts: Facts) -> Verdict:
    policy = facts.policy.throttles
    return verdict(
        f"after {policy.failures_before_wait} failures, up to {written(policy.max_wait)}",
        f"after at most {MOST_FAILURES} failures, up to {written(LONGEST_WAIT)}",
        passed=policy.failures_before_wait <= MOST_FAILURES and policy.max_wait <= LONGEST_WAIT,
    )


def _all_limited(windows: Mapping[str, timedelta]) -> Verdict:
    unlimited = [name for name, window in windows.items() if not window]
    found = f"no limit per {' and '.join(unlimited)}" if unlimited else f"limits per {' and '.join(windows)}"
    return verdict(found, f"limits per {' and '.join(windows)}", passed=not unlimited)


CHECKS: Final = (
    Check(
        id="failures_before_void",
        title="a password is void after a number of wrong ones in a row",
        clauses=(*nist("3.2.2"), *asvs("6.3.1")),
        judge=lambda facts: all_at_most(
            {"wrong passwords:": facts.policy.throttles.failures_before_void}, MOST_FAILURES
        ),
        fields=("throttles.failures_before_void",),
    ),
    Check(
        id="waits_after_failures",
        title="failures are followed by waits, which do not lock the owner out for long",
        clauses=(*nist("3.2.2"), *asvs("6.3.1")),
        judge=_waits,
        fields=("throttles.failures_before_wait", "throttles.max_wait"),
    ),
    Check(
        id="registration_limits",
        title="registrations are limited",
        clauses=asvs("2.4.1"),
        judge=lambda facts: _all_limited(
            {
                "address": facts.policy.registration.per_ip_window,
                "email": facts.policy.registration.per_email_window,
            }
        ),
        fields=("registration.per_ip_window", "registration.per_email_window"),
    ),
    Check(
        id="reset_limits",
        title="requests to reset a password are limited",
        clauses=(*nist("4.2.1.2"), *asvs("2.4.1", "6.4.3")),
        judge=lambda facts: _all_limited(
            {
                "address": facts.policy.resets.per_ip_window,
                "account": facts.policy.resets.per_account_window,
            }
        ),
        fields=("resets.per_ip_window", "resets.per_account_window"),
    ),
    Check(
        id="registration_refusals",
        title="a registration link cannot be used to find out which usernames exist",
        clauses=asvs("6.3.8"),
        judge=lambda facts: all_at_most(
            {"refusals of a link:": facts.policy.links.registration_refusals}, MOST_REFUSALS
        ),
        fields=("links.registration_refusals",),
    ),
)
