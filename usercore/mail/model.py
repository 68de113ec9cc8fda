"""Letters and the links in them."""

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
"""Where the secret goes in a link that carries one."""

_ABSOLUTE_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#<>\"{}\\]+([/?#][^\s<>\"\\]*)?")
"""A scheme, a host, and what follows it; a browser's or an app's. Source: RFC 3986, 3."""

_ID_CHARACTERS: Final = 22
"""Length of a mail's id: 131 bits of letters and digits. Source: usercore, as a UUID and a little more."""


class MailKind(StrEnum):
    """The letters there are."""

    WELCOME = "welcome"
    WELCOME_PASSWORD = "welcome_password"  # noqa: S105 - a kind of letter, not a password
    REGISTRATION = "registration"
    HAVE_ACCOUNT = "have_account"
    EMAIL_CHANGED = "email_changed"


def draw_mail_id(randomness: Randomness = system_randomness) -> str:
    """Draw an id that no other mail has."""
    return generate_text(_ID_CHARACTERS, randomness)


@frozen(kw_only=True)
class Mail:
    """One letter. Its text may hold a secret, so ``repr`` hides it; a mailer may store it to send it later.

    ``id`` is unique: letters and digits, the part of the Message-ID before the ``@``. ``at`` is the instant of the
    Date.
    """

    kind: MailKind
    to: str
    subject: str
    text: str = attrs.field(repr=False)
    id: str = attrs.field(factory=draw_mail_id)
    at: datetime = attrs.field(factory=system_clock)


def _check_link(links: "Links", field: "attrs.Attribute[str | None]", value: Any) -> None:  # noqa: ANN401 - of the host
    if value is None:
        return
    name = name_of(links, field)
    if not isinstance(value, str):
        msg = f"{name} must be str, not {type(value).__name__}"
        raise TypeError(msg)
    if not value.isprintable() or not _ABSOLUTE_URL.fullmatch(value):
        msg = f"{name} must be an absolute URL without white space, such as https://example.com/page, not {value!r}"
        raise ValueError(msg)
    wanted = field.name in CARRYING
    if value.count(PLACEHOLDER) != wanted:
        msg = (
            f"the link {field.name!r} needs {PLACEHOLDER} in it, once" if wanted else f"{name} carries no {PLACEHOLDER}"
        )
        raise ValueError(msg)


CARRYING: Final = frozenset({"registration"})
"""The links that carry a secret."""


@frozen(kw_only=True)
class Links:
    """Where the letters point, given by the host: absolute URLs.

    ``registration`` has ``{secret}`` in it once, which is safe in a path, a query and a fragment; ``sign_in`` has not.
    """

    sign_in: str | None = attrs.field(default=None, validator=_check_link)
    registration: str | None = attrs.field(default=None, validator=_check_link)


NEEDED: Final = {
    MailKind.WELCOME: "sign_in",
    MailKind.WELCOME_PASSWORD: "sign_in",
    MailKind.REGISTRATION: "registration",
    MailKind.HAVE_ACCOUNT: "sign_in",
}
"""The link that each kind of letter needs."""


@frozen(kw_only=True)
class MailPolicy:
    """What the letters say besides their text. ``product``, one line, is the name they speak for."""

    links: Links = part(Links())
    product: str = one_line("your account", most=100)
