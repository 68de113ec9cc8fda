"""The runtime: what all bound copies of a core share."""

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from usercore.attempts.misses import MissTracker
from usercore.authenticators.last_admin import LastAdminGuard
from usercore.composition.host import Host, subscriptions_of
from usercore.delivery.subscriber import Subscriber, event_of, notify
from usercore.history.model import Entry
from usercore.kernel.context import Context
from usercore.kernel.ids import IdMaker, TenantId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.time import plain_clock
from usercore.notifications.names import SUBSCRIBER
from usercore.passkeys.keys import PasskeyKeys
from usercore.passwords.hasher import Argon2Hasher
from usercore.passwords.ports import Hasher
from usercore.second_factors.encryption import FactorCipher
from usercore.second_factors.model import RequiredFor, SecondFactorPolicy
from usercore.second_factors.rules import policy_in
from usercore.storage import CAPABILITIES, KINDS, Storage, Unit, UnitSource
from usercore.storage.recording import UnitContext
from usercore.tenants.known import KnownTenants
from usercore.throttling.keys import CounterKeys
from usercore.throttling.locks import AccountLocks
from usercore.tokens.activity import ActivityTracker
from usercore.users.keys import email_key

if TYPE_CHECKING:
    from usercore.authenticators.base import BuiltInAuthenticator
    from usercore.delivery.relay import Relay
    from usercore.gates.service import NewPasswords
    from usercore.password_change.reset_link import PasswordResets
    from usercore.registration.service import Registrations
    from usercore.sign_in.second_factor import SecondStep
    from usercore.sign_in.service import SignIn
    from usercore.sign_in.throttle import SignInThrottle

_ORDERING_BYTES: Final = 7
"""Bytes of a recipient's number, which has to fit into a signed integer of 64 bits."""


class Runtime:
    """Storage, ids, hasher, subscribers and pending token uses, shared by all bound copies of a core."""

    def __init__(self, storage: Storage, host: Host) -> None:
        """Create the shared objects.

        Raises:
            ValueError: the storage lacks a capability.
        """
        missing = CAPABILITIES - storage.capabilities
        if missing:
            msg = f"the storage does not implement {', '.join(sorted(missing))}"
            raise ValueError(msg)
        self.storage, self.host, self.policy = storage, host, host.policy
        self.clock = plain_clock(host.clock)
        self.new_id = IdMaker(self.clock, host.randomness)
        self.hasher: Hasher = host.hasher or Argon2Hasher(host.policy.passwords)
        self.keys = CounterKeys(secret=storage.secret, ipv6_prefix=host.policy.throttles.ipv6_prefix)
        self.last_admin = LastAdminGuard(keys=self.keys, throttles=host.policy.throttles, hasher=self.hasher)
        self.passkey_keys = PasskeyKeys(secret=storage.secret)
        self.factor_cipher = FactorCipher(host.policy.second_factors.keys)
        self.locks = AccountLocks(host.policy.passwords.max_wait.total_seconds())
        self.misses = MissTracker(self.new_id, ipv6_prefix=host.policy.throttles.ipv6_prefix)
        self.activity = ActivityTracker(host.policy.access_tokens)
        self.tenants = KnownTenants(self.clock)
        self.relays: weakref.WeakSet[Relay] = weakref.WeakSet()
        self.subscribers = self._subscribers()
        self.subscriptions = subscriptions_of(self.subscribers)

    def _subscribers(self) -> Sequence[Subscriber]:
        if self.host.mailer is None:
            return self.host.subscribers
        from usercore.notifications import mail_subscriber
        from usercore.notifications.mails import SUBSCRIBED

        mails = mail_subscriber.MailSubscriber(
            scope_of=self.scope_of,
            mailer=self.host.mailer,
            hasher=self.hasher,
            policy=self.policy.mail,
            passwords=self.policy.passwords,
            links=self.policy.links,
        )
        mailer = Subscriber(name=SUBSCRIBER, kinds=SUBSCRIBED, handle=mails.handle)
        return (mailer, *self.host.subscribers)

    def scope(self, context: Context, joined: UnitSource | None = None) -> ServiceContext[Unit]:
        """Return the service context for this context, in a transaction of the host's if there is one."""
        host = self.host
        origin = UnitContext(
            context=context,
            clock=self.clock,
            subscriptions=self.subscriptions,
            observe=self.observe,
            ordering_key=self._ordering_key,
        )
        return ServiceContext(
            units=(joined or self.storage).units(origin),
            clock=self.clock,
            randomness=host.randomness,
            new_id=self.new_id,
            context=context,
            joined=joined is not None,
        )

    def _ordering_key(self, subscriber: str, recipient: str) -> int:
        """Return the number of a mail's recipient; deliveries to other subscribers are ordered by subject only."""
        is_mailer = subscriber == SUBSCRIBER
        return int.from_bytes(self.keys.recipient(email_key(recipient))[:_ORDERING_BYTES], "big") if is_mailer else 0

    def scope_of(self, tenant_id: TenantId) -> ServiceContext[Unit]:
        """Return the service context for a tenant on behalf of the host."""
        return self.scope(Context(tenant_id=tenant_id))

    def authenticators(self, service: ServiceContext[Unit]) -> "list[BuiltInAuthenticator]":
        """Return the authenticators, the built-in ones and the host's, highest priority first."""
        from usercore.authenticators.access_token import AccessTokenAuthenticator
        from usercore.authenticators.external import ExternalAuthenticator
        from usercore.authenticators.password import PasswordAuthenticator
        from usercore.authenticators.redeemed_tokens import BY_AUTOLOGIN_TOKEN, BY_LOGIN_TOKEN

        authenticators: list[BuiltInAuthenticator] = [
            BY_LOGIN_TOKEN,
            BY_AUTOLOGIN_TOKEN,
            PasswordAuthenticator(clock=self.clock, hasher=self.hasher, passwords=self.policy.passwords),
            AccessTokenAuthenticator(policy=self.policy.access_tokens),
            *map(ExternalAuthenticator, self.host.authenticators),
        ]
        party = self.policy.passkeys.relying_party
        if party is not None:
            from usercore.authenticators.passkey import PasskeyAuthenticator

            passkeys = PasskeyAuthenticator(
                service=service, party=party, keys=self.passkey_keys, challenges=self.policy.challenges
            )
            authenticators.append(passkeys)
        return sorted(authenticators, key=lambda authenticator: -authenticator.priority)

    def throttle(self, scope: ServiceContext[Unit]) -> "SignInThrottle":
        """Return the throttle of sign-ins in this context."""
        from usercore.sign_in.throttle import SignInThrottle

        return SignInThrottle(
            service=scope,
            policy=self.policy.throttles,
            keys=self.keys,
            locks=self.locks,
            last_admin=self.last_admin,
        )

    def second_step(self, scope: ServiceContext[Unit]) -> "SecondStep":
        """Return the second step of sign-ins in this context."""
        from usercore.sign_in.second_factor import SecondStep

        return SecondStep(
            service=scope,
            policy=self.second_factors_in(scope.context),
            cipher=self.factor_cipher,
            keys=self.keys,
            throttles=self.policy.throttles,
        )

    def second_factors_in(self, context: Context) -> SecondFactorPolicy:
        """Return the policy of second factors in the tenant of this context."""
        return policy_in(self.policy.second_factors, context.tenant_key)

    def new_passwords(self, context: Context) -> "NewPasswords":
        """Return what checks the new passwords of this context's tenant and hashes them."""
        from usercore.gates.service import NewPasswords

        policy = self.policy.passwords
        if self.second_factors_in(context).required_for is RequiredFor.ALL:
            least = min(policy.min_characters, policy.min_characters_with_second_factor)
            policy = attrs.evolve(policy, min_characters=least)
        return NewPasswords(policy=policy, checks=self.host.password_checks, hasher=self.hasher)

    def registrations(self, service: ServiceContext[Unit], sign_in: "SignIn") -> "Registrations":
        """Return the registrations of this context."""
        from usercore.claiming.service import ClaimingSteps
        from usercore.gates.service import RegistrationGates
        from usercore.importing.service import Imports
        from usercore.registration.email_link import EmailLinkRegistration
        from usercore.registration.limits import RegistrationLimits
        from usercore.registration.saving import UserSaving
        from usercore.registration.service import Registrations
        from usercore.registration.steps import RegistrationSteps

        policy, host = self.policy, self.host
        gates = RegistrationGates(
            policy=policy.registration, email_checks=host.email_checks, gates=host.gates.registration
        )
        steps = RegistrationSteps(
            service=service,
            limits=RegistrationLimits(service=service, policy=policy.registration, keys=self.keys),
            gates=gates,
            passwords=self.new_passwords(service.context),
            tokens=policy.access_tokens,
        )
        return Registrations(
            service=service,
            steps=steps,
            email_link=EmailLinkRegistration(service=service, steps=steps, emails=policy.emails, links=policy.links),
            imports=Imports(service=service, gates=gates, emails=policy.emails, hasher=self.hasher),
            saving=UserSaving(service=service, steps=steps, emails=policy.emails),
            claiming=ClaimingSteps(service=service),
            sign_in=sign_in,
            emails=policy.emails,
            sends_email=host.mailer is not None,
        )

    def password_resets(self, service: ServiceContext[Unit]) -> "PasswordResets":
        """Return what resets passwords by links in this context."""
        from usercore.password_change.reset_link import PasswordResets

        return PasswordResets(
            service=service,
            new_passwords=self.new_passwords(service.context),
            keys=self.keys,
            policy=self.policy.resets,
            misses=self.misses,
        )

    def observe(self, entries: Sequence[Entry]) -> None:
        """Notify observers and wake the relays after a commit. Exceptions of observers are logged."""
        if self.relays:  # iterating over a weak set takes microseconds even if it is empty
            for relay in self.relays:
                relay.wake()
        for subscriber in self.host.subscribers:
            if not subscriber.durable:
                for entry in entries:
                    if entry.kind in subscriber.kinds:
                        notify(subscriber, event_of(entry, KINDS))
