"""Letters and the links in them."""

from enum import StrEnum
from typing import Final

import attrs

from usercore.kernel.values import frozen

PLACEHOLDER: Final = "{secret}"
"""Where the secret goes in a link that carries one."""


class MailKind(StrEnum):
    """The letters there are."""

    WELCOME = "welcome"
    WELCOME_PASSWORD = "welcome_password"  # noqa: S105 - a kind of letter, not a password
    REGISTRATION = "registration"
    HAVE_ACCOUNT = "have_account"
    EMAIL_CHANGED = "email_changed"


@frozen(kw_only=True)
class Mail:
    """One letter. Its text may hold a secret, so it is not shown."""

    kind: MailKind
    to: str
    subject: str
    text: str = attrs.field(repr=False)


@frozen(kw_only=True)
class Links:
    """Where the letters point, given by the host.

    ``registration`` has ``{secret}`` in it, which is safe in a path, a query and a fragment.
    """

    sign_in: str | None = None
    registration: str | None = None


NEEDED: Final = {
    MailKind.WELCOME: "sign_in",
    MailKind.WELCOME_PASSWORD: "sign_in",
    MailKind.REGISTRATION: "registration",
    MailKind.HAVE_ACCOUNT: "sign_in",
}
"""The link that each kind of letter needs."""


@frozen(kw_only=True)
class MailPolicy:
    """What the letters say besides their text. ``product`` is the name they speak for."""

    links: Links = Links()
    product: str = "your account"
