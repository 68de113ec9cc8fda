"""The engine: what all bound copies of a core share."""

import weakref
from collections.abc import Sequence

from usercore.history.model import Entry
from usercore.host import Host, check_host, subscriptions_of
from usercore.kernel.context import Context
from usercore.kernel.ids import IdMaker, TenantId
from usercore.kernel.log import log
from usercore.kernel.scope import Scope
from usercore.passwords.hasher import Argon2Hasher
from usercore.passwords.ports import Hasher
from usercore.storage import CAPABILITIES, Storage, Unit, UnitSource
from usercore.tenants.model import Tenant
from usercore.workflows import mailing
from usercore.workflows.admission import Admission
from usercore.workflows.delivering import Event, Subscriber
from usercore.workflows.host_ways import HostWay
from usercore.workflows.last_use import LastUse
from usercore.workflows.password_way import Lines, PasswordWay
from usercore.workflows.recording import Origin
from usercore.workflows.registering import Registering
from usercore.workflows.relay import Relay
from usercore.workflows.token_ways import AccessTokenWay, LoginTokenWay
from usercore.workflows.ways import Way


class Engine:
    """What all bound copies of a core share: storage, ids, hasher, subscribers, gathered uses."""

    def __init__(self, storage: Storage, host: Host) -> None:
        """Put the parts together.

        Raises:
            ValueError: the storage lacks a capability, or what the host brings does not fit.
        """
        missing = CAPABILITIES - storage.capabilities
        if missing:
            msg = f"the storage does not keep {', '.join(sorted(missing))}"
            raise ValueError(msg)
        check_host(host)
        self.storage, self.host, self.policy = storage, host, host.policy
        self.new_id = IdMaker(host.clock, host.chance)
        self.hasher: Hasher = host.hasher or Argon2Hasher(host.policy.passwords)
        self.lines = Lines(host.policy.passwords.longest_wait.total_seconds())
        self.last_use = LastUse(host.policy.access_tokens)
        self.tenants: dict[str, Tenant] = {}
        self.relays: weakref.WeakSet[Relay] = weakref.WeakSet()
        self.subscribers = self._subscribers()
        self.subscriptions = subscriptions_of(self.subscribers)

    def _subscribers(self) -> Sequence[Subscriber]:
        if self.host.mailer is None:
            return self.host.subscribers
        letters = mailing.Mailing(
            scope_of=self.scope_of,
            mailer=self.host.mailer,
            hasher=self.hasher,
            policy=self.policy.mail,
            passwords=self.policy.passwords,
        )
        mailer = Subscriber(name=mailing.SUBSCRIBER, kinds=mailing.KINDS, handle=letters.handle)
        return (mailer, *self.host.subscribers)

    def scope(self, context: Context, joined: UnitSource | None = None) -> Scope[Unit]:
        """Give what services of this context work with, in a transaction of the host's if there is one."""
        host = self.host
        origin = Origin(context=context, clock=host.clock, subscriptions=self.subscriptions, observe=self.observe)
        return Scope(
            units=(joined or self.storage).units(origin),
            clock=host.clock,
            chance=host.chance,
            new_id=self.new_id,
            context=context,
            joined=joined is not None,
        )

    def scope_of(self, tenant_id: TenantId) -> Scope[Unit]:
        """Give what works for a tenant on behalf of the host."""
        return self.scope(Context(tenant_id=tenant_id))

    def ways(self, scope: Scope[Unit]) -> list[Way]:
        """Give the ways to sign in, the built-in ones and the host's, highest priority first."""
        password = PasswordWay(
            scope=scope,
            hasher=self.hasher,
            passwords=self.policy.passwords,
            throttles=self.policy.throttles,
            lines=self.lines,
            secret=self.storage.secret,
        )
        built_in: list[Way] = [LoginTokenWay(), password, AccessTokenWay(policy=self.policy.access_tokens)]
        return sorted([*built_in, *map(HostWay, self.host.authenticators)], key=lambda way: -way.priority)

    def admission(self, scope: Scope[Unit]) -> Admission:
        """Give what lets newcomers in, or does not."""
        return Admission(
            scope=scope,
            policy=self.policy.registration,
            gates=self.host.gates.registration,
            email_checks=self.host.email_checks,
            secret=self.storage.secret,
        )

    def registering(self, scope: Scope[Unit]) -> Registering:
        """Give the steps that every registration takes."""
        return Registering(
            scope=scope,
            admission=self.admission(scope),
            hasher=self.hasher,
            passwords=self.policy.passwords,
            password_checks=self.host.password_checks,
            tokens=self.policy.access_tokens,
        )

    def observe(self, entries: Sequence[Entry]) -> None:
        """Tell plain observers, and wake the relays, after a commit. What observers raise is logged."""
        if self.relays:  # going through a weak set takes microseconds even if nobody is there
            for relay in self.relays:
                relay.wake()
        for subscriber in self.host.subscribers:
            if not subscriber.durable:
                for entry in entries:
                    if entry.kind in subscriber.kinds:
                        _tell(subscriber, entry)


def _tell(subscriber: Subscriber, entry: Entry) -> None:
    try:
        subscriber.handle(Event(entry=entry))
    except Exception:  # noqa: BLE001 - nothing promised depends on an observer; it is logged
        log().exception("the observer %s failed on %s", subscriber.name, entry.kind)
