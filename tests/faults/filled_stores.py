"""A store with rows in every table, with fakes that refuse to be called while a unit is open."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

from tests.samples import FilledStore, collect
from tests.services.helpers import PASSWORD
from tests.sign_in.samples import Badge
from usercore import (
    Context,
    Email,
    Event,
    FactorKey,
    Gates,
    Host,
    Links,
    MailPolicy,
    PasskeyPolicy,
    Policy,
    Reference,
    RegistrationPolicy,
    RelyingParty,
    SecondFactorPolicy,
    Subscriber,
    ThrottlePolicy,
    User,
    UserCore,
)
from usercore.storage import KINDS, Storage
from usercore.testing import FakeClock, FakeGate, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.testing.fakes import check_closed
from usercore_storage import memory, sqlite

LINKS: Final = Links(
    sign_in="https://example.com/in",
    registration="https://example.com/join/{secret}",
    reset="https://example.com/reset#{secret}",
    confirmation="https://example.com/confirm#{secret}",
    email_change="https://example.com/email#{secret}",
    undo="https://example.com/undo#{secret}",
)
FACTOR_KEY: Final = FactorKey(id="2026", key=bytes(range(32)))
RELYING_PARTY: Final = RelyingParty(id="example.com", name="Example", origins=("https://example.com",))
POLICY: Final = Policy(
    passkeys=PasskeyPolicy(relying_party=RELYING_PARTY),
    second_factors=SecondFactorPolicy(keys=(FACTOR_KEY,), remember_device_for=timedelta(days=30)),
    mail=MailPolicy(links=LINKS),
    registration=RegistrationPolicy(per_email_pause=timedelta(0), per_email=1000),
    throttles=ThrottlePolicy(failures_before_wait=10_000, failures_before_void=10_000),
)
"""Without limits on the number of attempts."""


@attrs.frozen
class HostAuthenticator:
    """The host's own authenticator. The first badge is Ann's."""

    watch: WatchedStorage | None
    name: str = "door"
    priority: int = 600
    credentials: type = Badge

    def authenticate(self, credentials: Badge, context: Context) -> Reference | None:
        check_closed(self.watch, f"the door was asked for {context.tenant_key}")
        return Email("ann@example.com") if credentials.number == 1 else None

    def extra(self, user: User) -> dict[str, object]:
        check_closed(self.watch, "an extra was asked for")
        return {"floor": user.id % 3}


@attrs.frozen
class RecordingSubscriber:
    """A subscriber that records its events, and fails while it is set to."""

    watch: WatchedStorage | None
    heard: list[str] = attrs.field(factory=list)
    failing: list[type[Exception]] = attrs.field(factory=list)

    def __call__(self, event: Event) -> None:
        check_closed(self.watch, "a subscriber was told")
        self.heard.append(event.entry.kind)
        for failure in self.failing:
            raise failure


def watchful_host(
    watch: WatchedStorage | None, clock: FakeClock, mailer: MemoryMailer, subscriber: RecordingSubscriber
) -> Host:
    """Return a host with code at each extension point, which checks that no unit is open."""

    def check(text: str) -> str | None:
        check_closed(watch, f"a check was asked about {len(text)} characters")
        return None

    kinds = frozenset(name for name, kind in KINDS.items() if kind.public)
    return Host(
        policy=POLICY,
        clock=clock,
        randomness=FakeRandomness(),
        mailer=mailer,
        hasher=FakeHasher(watch),
        authenticators=[HostAuthenticator(watch)],
        gates=Gates(
            registration=[FakeGate(watch)],
            address_acceptances=[FakeGate(watch)],
            address_removals=[FakeGate(watch)],
            erasures=[FakeGate(watch)],
        ),
        password_checks=[check],
        email_checks=[check],
        subscribers=[
            Subscriber(name="ear", kinds=kinds, handle=subscriber),
            Subscriber(name="observer", kinds=kinds, handle=RecordingSubscriber(watch), durable=False),
        ],
    )


def build(storage: Storage) -> FilledStore:
    """Fill an empty storage with what all services need, then with the rows of each folder's samples."""
    watch = storage if isinstance(storage, WatchedStorage) else None
    clock, mailer, subscriber = FakeClock(), MemoryMailer(watch), RecordingSubscriber(watch)
    core = UserCore.over(storage, watchful_host(watch, clock, mailer, subscriber))
    tenants = core.tenant("system").tenants
    tenants.create("acme", "Acme")
    tenants.create("closed", "Closed")
    tenants.deactivate("closed")
    failed_delivery = _fail_a_delivery(core, subscriber, clock)
    registered = core.registration.register(
        "ann@example.com",
        password=PASSWORD,
        username="ann",
        external_id="x-1",
        first_name="Ann",
        send_email=False,
        sign_in=True,
    )
    assert registered.access_token is not None
    core.emails.set_verified(registered.user.id, verified=True)
    bob = core.registration.register_external("deactivated@example.com", external_id="x-2").user
    core.users.deactivate(bob.id)
    filled = FilledStore(
        core=core,
        clock=clock,
        mailer=mailer,
        ann=registered.user,
        bob=bob,
        unclaimed=core.registration.register(username="una", unclaimed=True, note="called twice").user,
        access_token=registered.access_token,
        failed_delivery=failed_delivery,
    )
    for samples in collect():
        rows = samples.fill(filled)
        filled.rows[type(rows)] = rows
    core.passwords.request_reset("early@example.com")  # is not delivered
    return attrs.evolve(filled, ann=core.users.get(registered.user.id), bob=core.users.get(bob.id))


def _fail_a_delivery(core: UserCore, subscriber: RecordingSubscriber, clock: FakeClock) -> str:
    subscriber.failing.append(OSError)
    core.registration.register("early@example.com", send_email=False)
    core.outbox.deliver()
    clock.advance(timedelta(hours=25))
    core.outbox.deliver()
    subscriber.failing.clear()
    return core.outbox.failed().rows[0].id


@contextmanager
def both(folder: Path) -> Iterator[list[FilledStore]]:
    """Return a full store of each kind."""
    storages: list[Storage] = [memory.open_storage("memory://"), sqlite.open_storage(f"sqlite:///{folder}/both.db")]
    yield [build(storage) for storage in storages]
    for storage in storages:
        storage.close()
