"""Checks of mails, of the addresses that they go to, and of the links in them."""

from datetime import timedelta
from typing import Final

import attrs

from usercore.compliance.checks import Check, Verdict, all_at_most, asvs, nist, none_of, not_applicable, verdict
from usercore.compliance.facts import Facts

CONFIRMATION_LIFETIME: Final = timedelta(hours=24)
"""A code that confirms an address is like one that recovers an account. Source: NIST SP 800-63B-4, 4.2.1.2."""


def _notices(facts: Facts) -> Verdict:
    if facts.host is None:
        return not_applicable("the host's mailer is not known here")
    if not facts.host.has_mailer:
        return verdict("no mailer", "a mailer that mails all users", passed=False)
    mails_all = facts.policy.mail.mail_unconfirmed
    found = "a mailer that mails all users" if mails_all else "a mailer; unconfirmed users are not mailed"
    return verdict(found, "a mailer that mails all users", passed=mails_all)


def _encrypted_links(facts: Facts) -> Verdict:
    links = attrs.asdict(facts.policy.mail.links)
    given = {name: url for name, url in links.items() if url is not None}
    if not given:
        return not_applicable("no links")
    plain = sorted(name for name, url in given.items() if not url.lower().startswith("https://"))
    return verdict(f"not https: {', '.join(plain)}" if plain else f"{len(given)} with https", "https", passed=not plain)


CHECKS: Final = (
    Check(
        id="notices",
        title="users are told by mail when their password, email or factors change",
        clauses=(*nist("4.6"), *asvs("6.3.7")),
        judge=_notices,
        fields=("mail.mail_unconfirmed",),
    ),
    Check(
        id="encrypted_links",
        title="mailed links open encrypted pages",
        clauses=(*nist("2.1.2"), *asvs("12.2.1")),
        judge=_encrypted_links,
        fields=(
            "mail.links.sign_in",
            "mail.links.registration",
            "mail.links.reset",
            "mail.links.confirmation",
            "mail.links.email_change",
            "mail.links.undo",
        ),
    ),
    Check(
        id="confirmation_links",
        title="links that confirm an address expire within a day",
        clauses=nist("4.2.1.2"),
        judge=lambda facts: all_at_most(
            {
                "registration": facts.policy.links.registration_lifetime,
                "confirmation": facts.policy.links.confirmation_lifetime,
                "change": facts.policy.links.email_change_lifetime,
            },
            CONFIRMATION_LIFETIME,
        ),
        fields=("links.registration_lifetime", "links.confirmation_lifetime", "links.email_change_lifetime"),
    ),
    Check(
        id="verified_emails",
        title="every email to which links may be mailed was verified",
        clauses=nist("4.2.1.2"),
        judge=lambda facts: none_of(
            facts.accounts.unverified_emails, facts.accounts.users, "users", "have an unverified email"
        ),
    ),
)
