"""Mails, their templates, and the links in them."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import attrs

from usercore.kernel.bounds import name_of, one_line, part
from usercore.kernel.randomness import Randomness, system_randomness
from usercore.kernel.secret import generate_text
from usercore.kernel.time import system_clock
from usercore.kernel.values import frozen

PLACEHOLDER: Final = "{secret}"
"""Marks the place of the secret in a link that has one."""

_ABSOLUTE_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#<>\"{}\\]+([/?#][^\s<>\"\\]*)?")
"""A URL with a scheme and a host, of a browser or an app. Source: RFC 3986, 3."""

_ID_CHARACTERS: Final = 22
"""Length of a mail's id: 131 bits in alphanumeric characters. Source: usercore, slightly more than a UUID."""


class MailKind(StrEnum):
    """The kinds of mails, each defined in ``usercore.notifications.mails``."""

    WELCOME = "welcome"
    WELCOME_PASSWORD = "welcome_password"  # noqa: S105 - a kind of mail, not a password
    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a kind of mail, not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind of mail, not a password
    SUSPICIOUS = "suspicious"
    SUSPICIOUS_PASSWORD = "suspicious_password"  # noqa: S105 - a kind of mail, not a password
    HAVE_ACCOUNT = "have_account"
    CONFIRMATION = "confirmation"
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    EMAIL_CHANGED_UNDO = "email_changed_undo"
    EMAIL_RESTORED = "email_restored"
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"


def generate_mail_id(randomness: Randomness = system_randomness) -> str:
    """Return a random id for a mail."""
    return generate_text(_ID_CHARACTERS, randomness)


@frozen(kw_only=True)
class MailTemplate:
    """The text of a kind of mail, in short plain English. ``link`` is the name of the field of ``Links`` in it.

    Subject and text may contain ``{product}``; the text may also contain ``{link}``, ``{secret}`` and ``{lifetime}``.
    """

    subject: str
    text: str
    link: str | None = None


@frozen(kw_only=True)
class Mail:
    """A mail. Its text may contain a secret, so ``repr`` hides it; a mailer may store it to send it later.

    ``id`` is unique and alphanumeric: the part of the Message-ID before the ``@``. ``at`` is the instant of the Date
    header.
    """

    kind: MailKind
    to: str
    subject: str
    text: str = attrs.field(repr=False)
    id: str = attrs.field(factory=generate_mail_id)
    at: datetime = attrs.field(factory=system_clock)


def _check_link(links: "Links", field: "attrs.Attribute[str | None]", value: Any) -> None:  # noqa: ANN401 - the host may pass any value
    if value is None:
        return
    name = name_of(links, field)
    if not isinstance(value, str):
        msg = f"{name} must be str, not {type(value).__name__}"
        raise TypeError(msg)
    if not value.isprintable() or not _ABSOLUTE_URL.fullmatch(value):
        msg = f"{name} must be an absolute URL without white space, such as https://example.com/page, not {value!r}"
        raise ValueError(msg)
    wanted = field.metadata["has_secret"]
    if value.count(PLACEHOLDER) != wanted:
        msg = (
            f"the link {field.name!r} needs {PLACEHOLDER} in it, once" if wanted else f"{name} carries no {PLACEHOLDER}"
        )
        raise ValueError(msg)


def _link(*, has_secret: bool) -> Any:  # noqa: ANN401 - as attrs.field returns
    return attrs.field(default=None, validator=_check_link, metadata={"has_secret": has_secret})


@frozen(kw_only=True)
class Links:
    """The pages of the host that mails link to: absolute URLs.

    Each but ``sign_in`` contains ``{secret}`` once, which is safe in a path, query or fragment.
    """

    sign_in: str | None = _link(has_secret=False)
    registration: str | None = _link(has_secret=True)
    reset: str | None = _link(has_secret=True)
    confirmation: str | None = _link(has_secret=True)
    email_change: str | None = _link(has_secret=True)
    undo: str | None = _link(has_secret=True)


@frozen(kw_only=True)
class MailPolicy:
    """The values that mails contain. ``product``, one line, is the name of the host's product."""

    links: Links = part(Links())
    product: str = one_line("your account", most=100)
    mail_unconfirmed: bool = part(default=True)
    """Whether users are mailed everything though they are not confirmed and their email is not verified.

    Otherwise they get only what a reader of the address asked for: links that confirm, reset or change. Nor
    is a password generated for them. Source: spec U12."""
