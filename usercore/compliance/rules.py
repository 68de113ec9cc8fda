"""All checks, the counting of accounts, and the results. Pure."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from usercore.compliance import (
    factor_checks,
    guessing_checks,
    mail_checks,
    password_checks,
    session_checks,
    store_checks,
)
from usercore.compliance.checks import Check, not_applicable
from usercore.compliance.facts import Facts
from usercore.compliance.model import ComplianceResult
from usercore.composition.policy import Policy
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential
from usercore.passwords.ports import Hasher
from usercore.passwords.rules import is_expired
from usercore.storage.compliance import AccountSecurity
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import AccessToken

CHECKS: Final[tuple[Check, ...]] = (
    *password_checks.CHECKS,
    *guessing_checks.CHECKS,
    *factor_checks.CHECKS,
    *session_checks.CHECKS,
    *mail_checks.CHECKS,
    *store_checks.CHECKS,
)
"""Every check, in the order of reports."""


def check_ids(ids: Collection[str]) -> None:
    """Check that these are ids of checks.

    Raises:
        TypeError: it is a text, or no collection of texts.
        Invalid: one of them is ``unknown``.
    """
    if isinstance(ids, str) or not isinstance(ids, Collection):
        msg = "skip must be a collection of ids of checks"
        raise TypeError(msg)
    known = {check.id for check in CHECKS}
    for one in ids:
        if check_type(one, str, name="each of skip") not in known:
            refuse("skip", "unknown")


def results_of(facts: Facts, *, skip: Collection[str] = ()) -> tuple[ComplianceResult, ...]:
    """Return the results of all checks; those whose ids are in ``skip`` are not judged."""
    return tuple(_result_of(check, facts, skip) for check in CHECKS)


def _result_of(check: Check, facts: Facts, skip: Collection[str]) -> ComplianceResult:
    verdict = not_applicable("left out by the caller") if check.id in skip else check.judge(facts)
    return ComplianceResult(
        check=check.id,
        title=check.title,
        clauses=check.clauses,
        outcome=verdict.outcome,
        found=verdict.found,
        expected=verdict.expected,
    )


@frozen(kw_only=True)
class AccountExaminer:
    """Finds out to which counts of ``AccountCounts`` an account adds one."""

    policy: Policy
    hasher: Hasher
    now: datetime

    def counts_of(self, account: AccountSecurity, *, is_admin: bool) -> Iterator[str]:
        """Iterate over the names of the counts."""
        yield "users"
        if account.has_unverified_email:
            yield "unverified_emails"
        group = "admins" if is_admin else "privileged" if account.is_privileged else None
        if group is not None:
            yield group
            if not account.factors and not account.has_passkey:
                yield f"unprotected_{group}"
        if account.credential is not None and not account.credential.is_void:
            yield from self._counts_of_password(account.credential)
        yield from self._counts_of_tokens(account)
        keys = {key.id for key in self.policy.second_factors.keys}
        for factor in account.factors:
            yield "factors"
            if factor.key_id not in keys:
                yield "factors_without_key"

    def _counts_of_password(self, credential: Credential) -> Iterator[str]:
        yield "passwords"
        if not self.hasher.is_usable(credential):
            yield "unusable_hashes"
        elif not self.hasher.is_current(credential):
            yield "outdated_hashes"
        if credential.must_change and not is_expired(credential, now=self.now):
            yield "temporary_passwords"
            if credential.set_at + self.policy.passwords.generated_lifetime <= self.now:
                yield "overdue_passwords"

    def _counts_of_tokens(self, account: AccountSecurity) -> Iterator[str]:
        lifetime = self.policy.access_tokens.lifetime
        for token in filter(self._is_open, account.access_tokens):
            yield "sessions"
            if token.expires_at - token.issued_at > lifetime:
                yield "outlasting_sessions"
        for limited in account.limited_use_tokens:
            if limited.expires_at > self.now:
                yield "tokens"
                if limited.expires_at - limited.issued_at > self._lifetimes[limited.kind]:
                    yield "outlasting_tokens"

    def _is_open(self, token: AccessToken) -> bool:
        idle = self.policy.access_tokens.idle_lifetime
        return token.expires_at > self.now and token.last_used_at + idle > self.now

    @cached_property
    def _lifetimes(self) -> dict[TokenKind, timedelta]:
        """How long new limited-use tokens are valid, by kind."""
        links = self.policy.links
        return {
            TokenKind.LOGIN: self.policy.login_tokens.lifetime,
            TokenKind.AUTOLOGIN: self.policy.autologin_tokens.max_lifetime,
            TokenKind.RESET: links.reset_lifetime,
            TokenKind.CONFIRMATION: links.confirmation_lifetime,
            TokenKind.EMAIL_CHANGE: links.email_change_lifetime,
            TokenKind.EMAIL_UNDO: links.undo_lifetime,
            TokenKind.PASSKEY: self.policy.challenges.lifetime,
        }
