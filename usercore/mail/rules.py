"""Composing mails from templates, and checking that their links are set. Pure."""

from collections.abc import Mapping
from datetime import datetime

from usercore.kernel.secret import Secret
from usercore.mail.model import PLACEHOLDER, Links, Mail, MailKind, MailPolicy, MailTemplate


def check_links(links: Links, needed: Mapping[MailKind, str]) -> None:
    """Check that every link that a kind of mail needs is set.

    Raises:
        ValueError: a link is missing.
    """
    for kind, name in needed.items():
        if not getattr(links, name):
            msg = f"a mail of kind {kind} needs the link {name!r}: set it in Policy(mail=MailPolicy(links=...))"
            raise ValueError(msg)


def compose_mail(
    kind: MailKind,
    template: MailTemplate,
    to: str,
    policy: MailPolicy,
    *,
    mail_id: str,
    at: datetime,
    secret: Secret | None = None,
    days: int = 0,
) -> Mail:
    """Return a mail composed from a template. The secret is inserted into the link, or for ``{secret}`` in the text."""
    shown = "" if secret is None else secret.reveal()
    link = "" if template.link is None else getattr(policy.links, template.link).replace(PLACEHOLDER, shown)
    text = template.text.format(product=policy.product, link=link, secret=shown, days=days)
    subject = template.subject.format(product=policy.product)
    return Mail(kind=kind, to=to, subject=subject, text=text, id=mail_id, at=at)
