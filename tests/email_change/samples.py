"""Samples of the service of emails."""

from typing import Final

import attrs

from tests.samples import FilledStore, Samples, link_of, unknown_secret
from usercore import Secret, TokenKind, User, UserCore


@attrs.frozen(kw_only=True)
class EmailLinks:
    """The secrets of links that were mailed to a user."""

    confirmation: str | Secret
    change: str | Secret
    undo: str | Secret


def fill(filled: FilledStore) -> EmailLinks:
    """Change an email so that it can be undone, request another, and send a confirmation."""
    core = filled.core
    dora = core.registration.register("dora@example.com", send_email=False).user.id
    core.emails.set_verified(dora, verified=True)
    core.emails.change(dora, "dora2@example.com", undo=True)
    core.emails.request_change(dora, "dora3@example.com")
    core.emails.send_confirmation(dora)
    return EmailLinks(
        confirmation=filled.mailed_to("dora2@example.com"),
        change=filled.mailed_to("dora3@example.com"),
        undo=filled.mailed_to("dora@example.com"),
    )


def name(core: UserCore, user: User) -> tuple[EmailLinks, EmailLinks]:
    """Issue a link of each kind."""
    return (
        EmailLinks(
            confirmation=link_of(core, user, TokenKind.CONFIRMATION),
            change=link_of(core, user, TokenKind.EMAIL_CHANGE),
            undo=link_of(core, user, TokenKind.EMAIL_UNDO),
        ),
        EmailLinks(
            confirmation=unknown_secret(TokenKind.CONFIRMATION, user),
            change=unknown_secret(TokenKind.EMAIL_CHANGE, user),
            undo=unknown_secret(TokenKind.EMAIL_UNDO, user),
        ),
    )


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "emails.confirm.secret": lambda filled: filled.of(EmailLinks).confirmation,
        "emails.confirm_change.secret": lambda filled: filled.of(EmailLinks).change,
        "emails.set_verified.ref": lambda filled: filled.bob.id,
        "emails.undo_change.secret": lambda filled: filled.of(EmailLinks).undo,
    },
    name=name,
    calls={
        "emails.change: take an email": lambda core, names: core.emails.change(names.own, names.email),
        "emails.confirm": lambda core, names: core.emails.confirm(names.of(EmailLinks).confirmation),
        "emails.confirm_change": lambda core, names: core.emails.confirm_change(names.of(EmailLinks).change),
        "emails.request_change: an email": lambda core, names: core.emails.request_change(names.own, names.email),
        "emails.undo_change": lambda core, names: core.emails.undo_change(names.of(EmailLinks).undo),
    },
    unguessable=frozenset({"emails.confirm", "emails.confirm_change", "emails.undo_change"}),
)
