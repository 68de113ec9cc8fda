"""Mailing: the subscriber that turns changes into letters. Secrets are drawn when they are sent, never before.

Minting is a unit of its own before the letter: it keeps the digest or the hash and marks the delivery. If the letter
then fails, the next try mints again, and the older secret is worthless.
"""

from collections.abc import Callable
from typing import Final, Protocol

from usercore.deliveries.model import Delivery
from usercore.deliveries.ports import DeliveriesUnit
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.scope import Scope
from usercore.kernel.secret import Secret
from usercore.kernel.values import frozen
from usercore.mail.model import MailKind, MailPolicy
from usercore.mail.ports import Mailer
from usercore.mail.rules import write_letter
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.rules import draw_password
from usercore.passwords.service import put_password
from usercore.tokens.model import REGISTRATION_ASKED, REGISTRATION_KNOWN
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import is_completable
from usercore.tokens.service import mint_registration_link
from usercore.users.model import EMAIL_REPLACED, WELCOMED, User, UserState
from usercore.users.ports import UsersUnit
from usercore.workflows.delivering import Event, key_of

SUBSCRIBER: Final = "mailer"
"""The name under which the mailer's deliveries are kept."""

KINDS: Final = frozenset({WELCOMED.name, EMAIL_REPLACED.name, REGISTRATION_ASKED.name, REGISTRATION_KNOWN.name})
"""The changes that are told by letter."""


class MailingUnit(UsersUnit, PasswordsUnit, TokensUnit, DeliveriesUnit, Protocol):
    """What mailing touches."""


@frozen(kw_only=True)
class Mailing:
    """Writes and sends the letters."""

    scope_of: Callable[[TenantId], Scope[MailingUnit]]
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
        if kind == REGISTRATION_ASKED.name:
            self._mail_link(scope, event)
        elif kind == EMAIL_REPLACED.name:
            self.mailer.send(write_letter(MailKind.EMAIL_CHANGED, event.entry.old["email"], self.policy))
        elif kind == REGISTRATION_KNOWN.name:
            self._mail_user(scope, event, MailKind.HAVE_ACCOUNT)
        elif event.entry.new.get("with_password"):
            self._mail_password(scope, event)
        else:
            self._mail_user(scope, event, MailKind.WELCOME)

    def _mail_user(self, scope: Scope[MailingUnit], event: Event, kind: MailKind) -> None:
        user = _user_of(scope, event)
        if user is not None and user.email is not None:
            self.mailer.send(write_letter(kind, user.email, self.policy))

    def _mail_link(self, scope: Scope[MailingUnit], event: Event) -> None:
        link_id = event.entry.subject_id

        def mint(unit: MailingUnit) -> tuple[str, Secret] | None:
            link = unit.registration_links.guard(link_id)
            if link is None or not is_completable(link, now=scope.clock()) or _leased(unit, event) is None:
                return None
            return link.email, mint_registration_link(unit, link, chance=scope.chance)

        minted = scope.units.write(mint)
        if minted is not None:
            email, secret = minted
            self.mailer.send(write_letter(MailKind.REGISTRATION, email, self.policy, secret=secret))

    def _mail_password(self, scope: Scope[MailingUnit], event: Event) -> None:
        user = _user_of(scope, event)
        if user is None or user.email is None or user.state is not UserState.ACTIVE:
            return
        with self.hasher.place():
            password = draw_password(self.passwords, scope.chance)
            hashed = self.hasher.hash(password.reveal())
        if scope.units.write(lambda unit: self._mint_password(unit, event, hashed, scope)):
            letter = write_letter(
                MailKind.WELCOME_PASSWORD,
                user.email,
                self.policy,
                secret=password,
                days=self.passwords.drawn_lifetime.days,
            )
            self.mailer.send(letter)

    def _mint_password(
        self, unit: MailingUnit, event: Event, hashed: tuple[str, str | None], scope: Scope[MailingUnit]
    ) -> bool:
        """Keep the drawn password if nobody set another since; say whether it was kept."""
        user_id = UserId(event.entry.subject_id)
        try:
            user = unit.users.guard(user_id)
        except UserNotFound:
            return False
        present, delivery = unit.credentials.get(user_id), _leased(unit, event)
        version = 0 if present is None else present.version
        if delivery is None or delivery.generation != version or user.state is not UserState.ACTIVE:
            return False
        now, lifetime = scope.clock(), self.passwords.drawn_lifetime
        drawn = put_password(unit, user_id, hashed, at=now, reason=PasswordChange.DRAWN, lifetime=lifetime)
        unit.deliveries.replace(evolve(delivery, generation=drawn.version))
        return True


def _leased(unit: MailingUnit, event: Event) -> Delivery | None:
    """Give the delivery as it is now, or None if another relay has it by now."""
    if event.delivery is None:
        return None
    present = unit.deliveries.get(key_of(event.delivery))
    return present if present is not None and present.lease_no == event.delivery.lease_no else None


def _user_of(scope: Scope[MailingUnit], event: Event) -> User | None:
    user_id = UserId(event.entry.subject_id)
    user = scope.units.read(lambda unit: unit.users.get(user_id))
    return None if user is None or user.state is UserState.ERASED else user
