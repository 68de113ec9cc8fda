"""Samples of the service of passwords."""

from typing import Final

import attrs

from tests.samples import FilledStore, Samples, link_of, redeemed, same, unknown_secret
from tests.services.helpers import ANOTHER, PASSWORD
from usercore import Secret, TokenKind, User, UserCore


@attrs.frozen
class ResetLink:
    """The secret of a mailed link."""

    secret: str


def fill(filled: FilledStore) -> ResetLink:
    """Request a link."""
    filled.core.passwords.request_reset("ann@example.com")
    return ResetLink(filled.mailed_to("ann@example.com"))


@attrs.frozen
class ResetNames:
    """The secrets of a link, and of one that was redeemed."""

    open: Secret
    redeemed: Secret


def name(core: UserCore, user: User) -> tuple[ResetNames, ResetNames]:
    """Issue two links, and redeem one."""
    unknown = unknown_secret(TokenKind.RESET, user)
    issued = link_of(core, user, TokenKind.RESET)
    return ResetNames(issued, redeemed(core, user, link_of(core, user, TokenKind.RESET))), ResetNames(unknown, unknown)


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "new_password": same(ANOTHER),
        "old_password": same(PASSWORD),
        "passwords.reset.secret": lambda filled: filled.of(ResetLink).secret,
    },
    name=name,
    calls={
        "passwords.change": lambda core, names: core.passwords.change(names.access, PASSWORD, ANOTHER),
        "passwords.request_reset": lambda core, names: core.passwords.request_reset(names.email),
        "passwords.reset": lambda core, names: core.passwords.reset(names.of(ResetNames).open, PASSWORD),
        "passwords.reset: redeemed": lambda core, names: core.passwords.reset(names.of(ResetNames).redeemed, PASSWORD),
    },
    unguessable=frozenset({"passwords.reset", "passwords.reset: redeemed"}),
)
