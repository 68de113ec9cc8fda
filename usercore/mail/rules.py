"""Composing mails from templates, and checking that their links are set. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.secret import Secret
from usercore.mail.model import PLACEHOLDER, Links, Mail, MailKind, MailPolicy, MailTemplate

_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


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
    lifetime: timedelta = timedelta(0),
) -> Mail:
    """Return a mail composed from a template. The secret is inserted into the link, or for ``{secret}`` in the text."""
    shown = "" if secret is None else secret.reveal()
    link = "" if template.link is None else getattr(policy.links, template.link).replace(PLACEHOLDER, shown)
    text = template.text.format(product=policy.product, link=link, secret=shown, lifetime=in_words(lifetime))
    subject = template.subject.format(product=policy.product)
    return Mail(kind=kind, to=to, subject=subject, text=text, id=mail_id, at=at)


def in_words(lifetime: timedelta) -> str:
    """Return a lifetime in English, in the largest unit that fits twice, such as ``5 hours``; at least a minute."""
    unit, name = next(((unit, name) for unit, name in _UNITS if lifetime >= 2 * unit), _UNITS[-1])
    count = max(1, lifetime // unit)
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
