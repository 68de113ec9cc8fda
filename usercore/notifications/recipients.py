"""Who a mail goes to and which secret is in it. Secrets are generated when the mail is sent, never before.

Generating a secret is a unit of its own before the mail is sent: it stores the digest or the hash and marks the
delivery. If sending then fails, the next attempt generates another secret, and the older one is useless.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple, Protocol

from usercore.authenticators.rules import sign_in_obstacle
from usercore.delivery.dispatcher import key_of
from usercore.delivery.subscriber import Event
from usercore.history.model import Entry
from usercore.history.ports import HistoryUnit, Place
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.paging import PAGE_SIZE
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.outbox.model import Delivery
from usercore.outbox.ports import OutboxUnit
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.rules import generate_password
from usercore.passwords.service import password_version, store_password
from usercore.storage.lookups import LookupsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.kinds import RevocationReason, TokenKind
from usercore.tokens.policies import LinkPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import is_completable
from usercore.tokens.service import issue, mint_registration_link, revoke_all
from usercore.users.keys import is_same_address
from usercore.users.model import EMAIL_CHANGED, IMPORTED, EmailChangeState, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.rules import is_open


class MailUnit(UsersUnit, TenantsUnit, PasswordsUnit, TokensUnit, HistoryUnit, OutboxUnit, LookupsUnit, Protocol):
    """The parts of a unit that mails need."""


class MailContext(NamedTuple):
    """What a mail is prepared with, in the tenant of its change."""

    scope: ServiceContext[MailUnit]
    hasher: Hasher
    passwords: PasswordPolicy
    links: LinkPolicy


class Recipient(NamedTuple):
    """The address that a mail goes to, and what is filled into it."""

    address: str
    secret: Secret | None = None
    lifetime: timedelta = timedelta(0)
    """How long the secret works."""


Prepare = Callable[[MailContext, Event], Recipient | None]
"""Finds the recipient of a mail and generates its secret; returns None if the mail is no longer current."""


def present_address(context: MailContext, event: Event) -> Recipient | None:
    """Return the user's email as it is now, or None if the user was erased or has none."""
    user = _user_of(context, event)
    return None if user is None or user.email is None else Recipient(user.email)


def address_then(context: MailContext, event: Event) -> Recipient | None:
    """Return the email that the user had at the change, or None if there was none or the user was erased.

    A notice of what an intruder did must not go to the address that the intruder gave the account afterwards.
    """
    email = context.scope.units.read(lambda unit: _email_at(unit, event.entry))
    return None if email is None else Recipient(email)


def _email_at(unit: MailUnit, entry: Entry) -> str | None:
    user = unit.users.get(UserId(entry.subject_id))
    if user is None or user.state is UserState.ERASED:
        return None
    email = user.email
    for later in _entries_after(unit, entry):
        if later.kind in (EMAIL_CHANGED.name, IMPORTED.name) and "email" in {**later.old, **later.new}:
            email = later.old.get("email")
    return email


def _entries_after(unit: MailUnit, entry: Entry) -> Iterator[Entry]:
    """Iterate over the entries of the same subject after this one, newest first."""
    before = None
    while page := unit.history.list_of(entry.subject, entry.subject_id, before=before, limit=PAGE_SIZE):
        for one in page:
            if _place(one) <= _place(entry):
                return
            yield one
        before = _place(page[-1])


def _place(entry: Entry) -> Place:
    return entry.change_no, entry.position


def previous_address(context: MailContext, event: Event) -> Recipient | None:  # noqa: ARG001 - a ``Prepare``
    """Return the email that the change replaced."""
    return Recipient(event.entry.old["email"])


def address_in_change(context: MailContext, event: Event) -> Recipient | None:  # noqa: ARG001 - a ``Prepare``
    """Return the email that the change names: the user's at that instant; None if there was none."""
    email = event.entry.new.get("email")
    return None if email is None else Recipient(email)


def is_proven(scope: ServiceContext[MailUnit], event: Event) -> bool:
    """Return whether the user is confirmed, or the present email verified."""
    user = _user_in(scope, event)
    return user is not None and (user.confirmed_at is not None or user.email_verified)


def registration_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a registration link, unless the request is over or another relay has the delivery by now."""
    scope, link_id = context.scope, event.entry.subject_id

    def mint(unit: MailUnit) -> Recipient | None:
        link = unit.registration_links.lock(link_id)
        if link is None or not is_completable(link, now=scope.clock()) or _leased(unit, event) is None:
            return None
        return Recipient(link.email, mint_registration_link(unit, link, randomness=scope.randomness))

    return scope.units.write(mint)


def reset_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a link that resets the password, in place of an older one.

    None is generated if another password was set or another email stored since it was requested, or if the user may not
    sign in.
    """
    scope, lifetime = context.scope, context.links.reset_lifetime

    def mint(unit: MailUnit) -> Recipient | None:
        user = _lock(unit, event)
        if user is None or not _may_reset(unit, event, user) or user.email is None:
            return None
        now = scope.clock()
        revoke_all(unit, user.id, RevocationReason.RESET_REQUESTED, at=now)
        secret = issue(
            unit,
            TokenKind.RESET,
            user.id,
            at=now,
            lifetime=lifetime,
            randomness=scope.randomness,
            address=user.email,
            generation=password_version(unit, user.id),
        )
        return Recipient(user.email, secret, lifetime)

    return scope.units.write(mint)


def _may_reset(unit: MailUnit, event: Event, user: User) -> bool:
    delivery, requested = _leased(unit, event), event.entry.new.get("email")
    rights = unit.authentication.rights_of(user.id)
    return (
        delivery is not None
        and delivery.generation == password_version(unit, user.id)
        and requested is not None
        and is_same_address(user.email, requested)
        and sign_in_obstacle(user, tenant_active=rights.tenant_active, roles=rights.roles) is None
    )


def confirmation_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a link that verifies the user's present email, in place of an older one."""
    scope, lifetime = context.scope, context.links.confirmation_lifetime

    def mint(unit: MailUnit) -> Recipient | None:
        user = _lock(unit, event)
        if user is None or user.email is None or not _may_have_link(unit, event, user):
            return None
        return _mint(unit, scope, TokenKind.CONFIRMATION, user, user.email, lifetime=lifetime)

    return scope.units.write(mint)


def change_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a link that changes the email to the address that it is mailed to, unless the request is over."""
    return _link_of_change(context, event, TokenKind.EMAIL_CHANGE, EmailChangeState.REQUESTED)


def undo_link(context: MailContext, event: Event) -> Recipient | None:
    """Generate a link that undoes a change of the email, unless it cannot be undone any more."""
    return _link_of_change(context, event, TokenKind.EMAIL_UNDO, EmailChangeState.MADE)


def _link_of_change(context: MailContext, event: Event, kind: TokenKind, state: EmailChangeState) -> Recipient | None:
    scope = context.scope

    def mint(unit: MailUnit) -> Recipient | None:
        user, number = _lock(unit, event), None if event.delivery is None else event.delivery.generation
        if user is None or number is None or not _may_have_link(unit, event, user):
            return None
        change, now = unit.email_changes.get(user.id, number), scope.clock()
        if change is None or change.state is not state or not is_open(change, now):
            return None
        address = change.new_email if state is EmailChangeState.REQUESTED else change.old_email
        lifetime = change.open_until - now
        return (
            None if address is None else _mint(unit, scope, kind, user, address, lifetime=lifetime, generation=number)
        )

    return scope.units.write(mint)


def _may_have_link(unit: MailUnit, event: Event, user: User) -> bool:
    is_current = _leased(unit, event) is not None
    return is_current and user.state is UserState.ACTIVE and unit.tenants.is_active(user.tenant_id)


def _mint(
    unit: MailUnit,
    scope: ServiceContext[MailUnit],
    kind: TokenKind,
    user: User,
    address: str,
    *,
    lifetime: timedelta,
    generation: int | None = None,
) -> Recipient:
    """Issue a link to a locked user; an older one of this kind for the same change is invalid from now on."""
    now = scope.clock()
    for older in unit.limited_use_tokens.list_of(user.id, kind):
        if older.generation == generation:
            unit.limited_use_tokens.revoke(user.id, older.digest, at=now)
    secret = issue(
        unit,
        kind,
        user.id,
        at=now,
        lifetime=lifetime,
        randomness=scope.randomness,
        address=address,
        generation=generation,
    )
    return Recipient(address, secret, lifetime)


def generated_password(context: MailContext, event: Event) -> Recipient | None:
    """Generate a password, unless the user is not active or has another password by now."""
    user = _user_of(context, event)
    if user is None or user.email is None or user.state is not UserState.ACTIVE:
        return None
    with context.hasher.hold_slot():
        password = generate_password(context.passwords, context.scope.randomness)
        hashed = context.hasher.hash(password.reveal())
    address = context.scope.units.write(lambda unit: _store_generated(unit, context, event, hashed))
    return None if address is None else Recipient(address, password, context.passwords.generated_lifetime)


def _store_generated(unit: MailUnit, context: MailContext, event: Event, hashed: tuple[str, str | None]) -> str | None:
    """Store the password unless another one was set since; return the email of the locked user if it was stored.

    The email may have changed while the password was hashed.
    """
    user, delivery = _lock(unit, event), _leased(unit, event)
    if user is None or delivery is None or user.state is not UserState.ACTIVE or user.email is None:
        return None
    if delivery.generation != password_version(unit, user.id):
        return None
    now, lifetime = context.scope.clock(), context.passwords.generated_lifetime
    stored = store_password(unit, user.id, hashed, at=now, reason=PasswordChange.GENERATED, lifetime=lifetime)
    unit.deliveries.replace(evolve(delivery, generation=stored.version))
    return user.email


def _leased(unit: MailUnit, event: Event) -> Delivery | None:
    """Return the delivery as it is now, or None if another relay has leased it since."""
    if event.delivery is None:
        return None
    present = unit.deliveries.get(key_of(event.delivery))
    return present if present is not None and present.lease_no == event.delivery.lease_no else None


def _lock(unit: MailUnit, event: Event) -> User | None:
    """Lock the user that the change is about; return None if it was erased."""
    try:
        return unit.users.lock(UserId(event.entry.subject_id))
    except UserNotFound:
        return None


def _user_of(context: MailContext, event: Event) -> User | None:
    return _user_in(context.scope, event)


def _user_in(scope: ServiceContext[MailUnit], event: Event) -> User | None:
    user_id = UserId(event.entry.subject_id)
    user = scope.units.read(lambda unit: unit.users.get(user_id))
    return None if user is None or user.state is UserState.ERASED else user
