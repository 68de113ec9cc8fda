"""What the letters say, in short plain English. Pure."""

from datetime import datetime
from typing import Final

from usercore.kernel.secret import Secret
from usercore.mail.model import NEEDED, PLACEHOLDER, Links, Mail, MailKind, MailPolicy

_LETTERS: Final = {
    MailKind.WELCOME: (
        "Welcome to {product}",
        "Your account is ready.\n\nSign in here: {link}\n",
    ),
    MailKind.WELCOME_PASSWORD: (
        "Welcome to {product}",
        (
            "Your account is ready.\n\nSign in here: {link}\nYour first password: {secret}\n\n"
            "It works for {days} days. Please choose one of your own when you have signed in.\n"
        ),
    ),
    MailKind.REGISTRATION: (
        "Finish your registration with {product}",
        (
            "Somebody, probably you, wants to register this address.\n\nFinish here: {link}\n\n"
            "The link works once. If it was not you, do nothing.\n"
        ),
    ),
    MailKind.HAVE_ACCOUNT: (
        "You have an account with {product}",
        (
            "Somebody, probably you, wanted to register this address, and it has an account already.\n\n"
            "Sign in here: {link}\n\nIf it was not you, do nothing.\n"
        ),
    ),
    MailKind.EMAIL_CHANGED: (
        "Your address for {product} was changed",
        (
            "The email address of your account is no longer this one.\n\n"
            "If you did not ask for that, please answer the people who run {product}.\n"
        ),
    ),
}


def check_links(links: Links) -> None:
    """Refuse a mailer without the links that its letters need.

    Raises:
        ValueError: a link is missing.
    """
    for kind, name in NEEDED.items():
        if not getattr(links, name):
            msg = f"a letter of kind {kind} needs the link {name!r}: give it in Policy(mail=MailPolicy(links=...))"
            raise ValueError(msg)


def compose_mail(
    kind: MailKind,
    to: str,
    policy: MailPolicy,
    *,
    mail_id: str,
    at: datetime,
    secret: Secret | None = None,
    days: int = 0,
) -> Mail:
    """Write a letter. The secret stands in its link, or alone where that has no place for it."""
    shown = "" if secret is None else secret.reveal()
    link = getattr(policy.links, NEEDED[kind]) if kind in NEEDED else ""
    subject, text = _LETTERS[kind]
    filled = text.format(product=policy.product, link=link.replace(PLACEHOLDER, shown), secret=shown, days=days)
    return Mail(kind=kind, to=to, subject=subject.format(product=policy.product), text=filled, id=mail_id, at=at)
