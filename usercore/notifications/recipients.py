"""Who a mail goes to and which secret is in it. Secrets are generated when the mail is sent, never before.

Generating a secret is a unit of its own before the mail is sent: it stores the digest or the hash and marks the
delivery. If sending then fails, the next attempt generates another secret, and the older one is useless.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from usercore.delivery.dispatcher import Event, key_of
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.outbox.model import Delivery
from usercore.outbox.ports import OutboxUnit
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.rules import generate_password
from usercore.passwords.service import store_password
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import is_completable
from usercore.tokens.service import mint_registration_link
from usercore.users.model import User, UserState
from usercore.users.ports import UsersUnit


class MailUnit(UsersUnit, PasswordsUnit, TokensUnit, OutboxUnit, Protocol):
    """The parts of a unit that mails need."""


class MailContext(NamedTuple):
    """What a mail is prepared with, in the tenant of its change."""

    scope: ServiceContext[MailUnit]
    hasher: Hasher
    passwords: PasswordPolicy


class Recipient(NamedTuple):
    """The address that a mail goes to, and what is filled into it."""

    address: str
    secret: Secret | None = None
    days: int = 0
    """How long the secret works."""


Prepare = Callable[[MailContext, Event], Recipient | None]
"""Finds the recipient of a mail and generates its secret; returns None if the mail is no longer current."""


def present_address(context: MailContext, event: Event) -> Recipient | None:
    """Return the user's email as it is now, or None if the user was erased or has none."""
    user = _user_of(context, event)
    return None if user is None or user.email is None else Recipient(user.email)


def previous_address(context: MailContext, event: Event) -> Recipient | None:  # noqa: ARG001 - a ``Prepare``
    """Return the email that the change replaced."""
    return Recipient(event.entry.old["email"])


def registration_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a registration link, unless the request is over or another relay has the delivery by now."""
    scope, link_id = context.scope, event.entry.subject_id

    def mint(unit: MailUnit) -> Recipient | None:
        link = unit.registration_links.lock(link_id)
        if link is None or not is_completable(link, now=scope.clock()) or _leased(unit, event) is None:
            return None
        return Recipient(link.email, mint_registration_link(unit, link, randomness=scope.randomness))

    return scope.units.write(mint)


def first_password(context: MailContext, event: Event) -> Recipient | None:
    """Generate a password, unless the user is not active or has another password by now."""
    user = _user_of(context, event)
    if user is None or user.email is None or user.state is not UserState.ACTIVE:
        return None
    with context.hasher.hold_slot():
        password = generate_password(context.passwords, context.scope.randomness)
        hashed = context.hasher.hash(password.reveal())
    if not context.scope.units.write(lambda unit: _store_first_password(unit, context, event, hashed)):
        return None
    return Recipient(user.email, password, context.passwords.generated_lifetime.days)


def _store_first_password(unit: MailUnit, context: MailContext, event: Event, hashed: tuple[str, str | None]) -> bool:
    """Store the password unless another one was set since; return whether it was stored."""
    user_id = UserId(event.entry.subject_id)
    try:
        user = unit.users.lock(user_id)
    except UserNotFound:
        return False
    present, delivery = unit.credentials.get(user_id), _leased(unit, event)
    version = 0 if present is None else present.version
    if delivery is None or delivery.generation != version or user.state is not UserState.ACTIVE:
        return False
    now, lifetime = context.scope.clock(), context.passwords.generated_lifetime
    stored = store_password(unit, user_id, hashed, at=now, reason=PasswordChange.GENERATED, lifetime=lifetime)
    unit.deliveries.replace(evolve(delivery, generation=stored.version))
    return True


def _leased(unit: MailUnit, event: Event) -> Delivery | None:
    """Return the delivery as it is now, or None if another relay has leased it since."""
    if event.delivery is None:
        return None
    present = unit.deliveries.get(key_of(event.delivery))
    return present if present is not None and present.lease_no == event.delivery.lease_no else None


def _user_of(context: MailContext, event: Event) -> User | None:
    user_id = UserId(event.entry.subject_id)
    user = context.scope.units.read(lambda unit: unit.users.get(user_id))
    return None if user is None or user.state is UserState.ERASED else user
