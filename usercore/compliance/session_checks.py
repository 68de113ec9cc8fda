"""Checks of sessions, and of tokens that sign users in."""

from datetime import timedelta
from typing import Final

from usercore.compliance.checks import Check, Verdict, all_at_most, asvs, nist, none_of, verdict
from usercore.compliance.facts import Facts
from usercore.second_factors.model import RequiredFor

OUT_OF_BAND_LIFETIME: Final = timedelta(minutes=10)
"""Source: NIST SP 800-63B-4, 3.1.3.2; OWASP ASVS 6.5.5."""

SESSION_AAL1: Final = timedelta(days=30)
"""Source: NIST SP 800-63B-4, 2.1.3, which demands no limit on idle sessions; those of 30 days satisfy both."""

SESSION_AAL2: Final = timedelta(hours=24)
IDLE_AAL2: Final = timedelta(hours=1)
"""Source: NIST SP 800-63B-4, 2.2.3."""


def _is_aal2(facts: Facts) -> bool:
    """Return whether the policy aims at AAL2: every user needs two factors."""
    return facts.policy.second_factors.required_for is RequiredFor.ALL


def _lifetime(facts: Facts) -> Verdict:
    most = SESSION_AAL2 if _is_aal2(facts) else SESSION_AAL1
    return all_at_most({"sessions last": facts.policy.access_tokens.lifetime}, most)


def _idle(facts: Facts) -> Verdict:
    most = IDLE_AAL2 if _is_aal2(facts) else SESSION_AAL1
    return all_at_most({"unused sessions last": facts.policy.access_tokens.idle_lifetime}, most)


def _autologin(facts: Facts) -> Verdict:
    policy = facts.policy.autologin_tokens
    lifetime = all_at_most({"valid for": policy.max_lifetime}, OUT_OF_BAND_LIFETIME)
    return verdict(
        f"{lifetime.found}, {policy.max_uses:,} uses",
        f"{lifetime.expected}, 1 use",
        passed=policy.max_lifetime <= OUT_OF_BAND_LIFETIME and policy.max_uses == 1,
    )


def _revoked(*, keeps: bool) -> Verdict:
    return verdict("tokens are kept" if keeps else "tokens are revoked", "tokens are revoked", passed=not keeps)


CHECKS: Final = (
    Check(
        id="session_lifetime",
        title="users sign in again after a time, however active they are",
        clauses=(*nist("2.1.3", "2.2.3", "5.2"), *asvs("7.3.2")),
        judge=_lifetime,
        fields=("access_tokens.lifetime",),
    ),
    Check(
        id="session_idle",
        title="users sign in again after a time without activity",
        clauses=(*nist("2.2.3", "5.2"), *asvs("7.3.1")),
        judge=_idle,
        fields=("access_tokens.idle_lifetime",),
    ),
    Check(
        id="outlasting_sessions",
        title="open sessions end as early as the policy says, also those that began before it said so",
        clauses=(*nist("5.1", "5.2"), *asvs("7.3.2")),
        judge=lambda facts: none_of(
            facts.accounts.outlasting_sessions, facts.accounts.sessions, "open sessions", "end too late"
        ),
    ),
    Check(
        id="outlasting_tokens",
        title="login tokens, autologin tokens, links and challenges expire as early as the policy says",
        clauses=(*nist("3.1.3.2", "4.2.1.2"), *asvs("6.5.5")),
        judge=lambda facts: none_of(
            facts.accounts.outlasting_tokens, facts.accounts.tokens, "unused tokens", "expire too late"
        ),
    ),
    Check(
        id="login_tokens",
        title="login tokens expire within minutes",
        clauses=(*nist("3.1.3.2"), *asvs("6.5.5")),
        judge=lambda facts: all_at_most({"valid for": facts.policy.login_tokens.lifetime}, OUT_OF_BAND_LIFETIME),
        fields=("login_tokens.lifetime",),
    ),
    Check(
        id="autologin_tokens",
        title="autologin tokens work once and expire within minutes",
        clauses=(*nist("3.1.3.2"), *asvs("6.5.1", "6.5.5")),
        judge=_autologin,
        fields=("autologin_tokens.max_lifetime", "autologin_tokens.max_uses"),
    ),
    Check(
        id="revoked_at_password_change",
        title="a changed password ends the user's other sessions",
        clauses=asvs("7.4.3"),
        judge=lambda facts: _revoked(keeps=facts.policy.revocation.keep_at_password_change),
        fields=("revocation.keep_at_password_change",),
    ),
    Check(
        id="revoked_at_deactivation",
        title="deactivating a user ends the user's sessions",
        clauses=asvs("7.4.2"),
        judge=lambda facts: _revoked(keeps=facts.policy.revocation.keep_at_deactivation),
        fields=("revocation.keep_at_deactivation",),
    ),
)
