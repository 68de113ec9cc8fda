"""Mailing: the subscriber that turns changes into letters. Secrets are drawn when they are sent, never before.

Minting is a unit of its own before the letter: it keeps the digest or the hash and marks the delivery. If the letter
then fails, the next try mints again, and the older secret is worthless.
"""

from collections.abc import Callable
from typing import Final, Protocol

from usercore.delivery.dispatcher import Event, key_of
from usercore.kernel.callables import check_result
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.mail.model import MailKind, MailPolicy, draw_mail_id
from usercore.mail.ports import Mailer
from usercore.mail.rules import compose_mail
from usercore.outbox.model import Delivery
from usercore.outbox.ports import OutboxUnit
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.rules import generate_password
from usercore.passwords.service import store_password
from usercore.tokens.model import REGISTRATION_KNOWN, REGISTRATION_REQUESTED
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import is_completable
from usercore.tokens.service import mint_registration_link
from usercore.users.model import EMAIL_REPLACED, WELCOMED, User, UserState
from usercore.users.ports import UsersUnit

SUBSCRIBER: Final = "mailer"
"""The name under which the mailer's deliveries are kept."""

KINDS: Final = frozenset({WELCOMED.name, EMAIL_REPLACED.name, REGISTRATION_REQUESTED.name, REGISTRATION_KNOWN.name})
"""The changes that are told by letter."""


class MailSubscriberUnit(UsersUnit, PasswordsUnit, TokensUnit, OutboxUnit, Protocol):
    """What mailing touches."""


@frozen(kw_only=True)
class MailSubscriber:
    """Writes and sends the letters."""

    scope_of: Callable[[TenantId], ServiceContext[MailSubscriberUnit]]
    mailer: Mailer
    hasher: Hasher
    policy: MailPolicy
    passwords: PasswordPolicy

    def handle(self, event: Event) -> None:
        """Send the letter that a change asks for, or nothing if it is no longer current.

        Raises:
            Exception: whatever the mailer raised; the delivery is due again later.
        """
        scope = self.scope_of(event.entry.tenant_id)
        kind = event.entry.kind
        if kind == REGISTRATION_REQUESTED.name:
            self._mail_link(scope, event)
        elif kind == EMAIL_REPLACED.name:
            self._send(scope, MailKind.EMAIL_CHANGED, event.entry.old["email"])
        elif kind == REGISTRATION_KNOWN.name:
            self._mail_user(scope, event, MailKind.HAVE_ACCOUNT)
        elif event.entry.new.get("with_password"):
            self._mail_password(scope, event)
        else:
            self._mail_user(scope, event, MailKind.WELCOME)

    def _send(
        self,
        scope: ServiceContext[MailSubscriberUnit],
        kind: MailKind,
        to: str,
        *,
        secret: Secret | None = None,
        days: int = 0,
    ) -> None:
        mail_id, at = draw_mail_id(scope.randomness), scope.clock()
        mail = compose_mail(kind, to, self.policy, mail_id=mail_id, at=at, secret=secret, days=days)
        check_result(self.mailer.send(mail), name="what the mailer's send returned")

    def _mail_user(self, scope: ServiceContext[MailSubscriberUnit], event: Event, kind: MailKind) -> None:
        user = _user_of(scope, event)
        if user is not None and user.email is not None:
            self._send(scope, kind, user.email)

    def _mail_link(self, scope: ServiceContext[MailSubscriberUnit], event: Event) -> None:
        link_id = event.entry.subject_id

        def mint(unit: MailSubscriberUnit) -> tuple[str, Secret] | None:
            link = unit.registration_links.lock(link_id)
            if link is None or not is_completable(link, now=scope.clock()) or _leased(unit, event) is None:
                return None
            return link.email, mint_registration_link(unit, link, randomness=scope.randomness)

        minted = scope.units.write(mint)
        if minted is not None:
            email, secret = minted
            self._send(scope, MailKind.REGISTRATION, email, secret=secret)

    def _mail_password(self, scope: ServiceContext[MailSubscriberUnit], event: Event) -> None:
        user = _user_of(scope, event)
        if user is None or user.email is None or user.state is not UserState.ACTIVE:
            return
        with self.hasher.place():
            password = generate_password(self.passwords, scope.randomness)
            hashed = self.hasher.hash(password.reveal())
        if scope.units.write(lambda unit: self._mint_password(unit, event, hashed, scope)):
            days = self.passwords.generated_lifetime.days
            self._send(scope, MailKind.WELCOME_PASSWORD, user.email, secret=password, days=days)

    def _mint_password(
        self,
        unit: MailSubscriberUnit,
        event: Event,
        hashed: tuple[str, str | None],
        scope: ServiceContext[MailSubscriberUnit],
    ) -> bool:
        """Keep the drawn password if nobody set another since; say whether it was kept."""
        user_id = UserId(event.entry.subject_id)
        try:
            user = unit.users.lock(user_id)
        except UserNotFound:
            return False
        present, delivery = unit.credentials.get(user_id), _leased(unit, event)
        version = 0 if present is None else present.version
        if delivery is None or delivery.generation != version or user.state is not UserState.ACTIVE:
            return False
        now, lifetime = scope.clock(), self.passwords.generated_lifetime
        drawn = store_password(unit, user_id, hashed, at=now, reason=PasswordChange.GENERATED, lifetime=lifetime)
        unit.deliveries.replace(evolve(delivery, generation=drawn.version))
        return True


def _leased(unit: MailSubscriberUnit, event: Event) -> Delivery | None:
    """Give the delivery as it is now, or None if another relay has it by now."""
    if event.delivery is None:
        return None
    present = unit.deliveries.get(key_of(event.delivery))
    return present if present is not None and present.lease_no == event.delivery.lease_no else None


def _user_of(scope: ServiceContext[MailSubscriberUnit], event: Event) -> User | None:
    user_id = UserId(event.entry.subject_id)
    user = scope.units.read(lambda unit: unit.users.get(user_id))
    return None if user is None or user.state is UserState.ERASED else user
