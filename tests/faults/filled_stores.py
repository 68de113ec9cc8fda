"""A store with rows in every table, with fakes that refuse to be called while a unit is open."""

import re
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from usercore import (
    AccessToken,
    Address,
    AddressChangeRequest,
    Context,
    Email,
    Event,
    FactorKey,
    Gates,
    Host,
    IssuedApiToken,
    Links,
    MailPolicy,
    Passkey,
    PasskeyPolicy,
    Policy,
    Reference,
    RegistrationPolicy,
    RelyingParty,
    Role,
    SecondFactor,
    SecondFactorPolicy,
    SecondFactorRequired,
    Secret,
    SignInRefused,
    Subscriber,
    ThrottlePolicy,
    TotpEnrollment,
    User,
    UserCore,
)
from usercore.second_factors.totp import code_at, step_at
from usercore.storage import KINDS, Storage
from usercore.testing import FakeClock, FakeGate, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.testing.fakes import check_closed
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore_storage import memory, sqlite

PASSWORD: Final = "correct horse battery staple"
ANOTHER: Final = "seven pelicans over Trnava"
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
class Badge:
    """The credentials of the host's own authenticator."""

    number: int


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


@attrs.frozen(kw_only=True)
class FilledStore:
    """A core, its parts, and the objects in it by name."""

    core: UserCore
    clock: FakeClock
    mailer: MemoryMailer
    subscriber: RecordingSubscriber
    ann: User
    bob: User
    unclaimed: User
    role: Role
    unused_role: Role
    access_token: Secret
    login_token: Secret
    autologin_token: Secret
    api_token: IssuedApiToken
    passkey: Passkey
    attestation: tuple[Secret, dict[str, Any]]
    assertion: tuple[Secret, dict[str, Any]]
    device_token: Secret
    paired_device: Secret
    link: str
    reset_link: str
    confirmation_link: str
    email_change_link: str
    undo_link: str
    listed: AccessToken
    failed_delivery: str
    factors: "FilledFactors"
    address: Address
    other_address: Address
    change_request: AddressChangeRequest

    @property
    def system(self) -> UserCore:
        """The core of the operators."""
        return self.core.tenant("system")


@attrs.frozen(kw_only=True)
class FilledFactors:
    """A user with two factors, an enrollment and recovery codes; and a challenge of a user who has none any more."""

    user: User
    factor: SecondFactor
    enrollment: TotpEnrollment
    recovery_code: Secret
    challenge: Secret
    setup_challenge: Secret


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
        ),
        password_checks=[check],
        email_checks=[check],
        subscribers=[
            Subscriber(name="ear", kinds=kinds, handle=subscriber),
            Subscriber(name="observer", kinds=kinds, handle=RecordingSubscriber(watch), durable=False),
        ],
    )


def build(storage: Storage) -> FilledStore:  # noqa: PLR0915 - a few lines a capability
    """Fill an empty storage."""
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
    core.users.set_access_ids(registered.user.id, ["a-1", "a-2"])
    _fill_rows_of(core, registered.user)
    core.addresses.declare_type("invoice")
    address = core.addresses.add(registered.user.id, "invoice", street="Main Street", zip="01234")
    other_address = core.addresses.add(registered.user.id, "invoice")
    change_request = core.addresses.request_change(registered.user.id, "invoice", street="High Street")
    role, unused = _roles(core, registered.user)
    bob = core.registration.register_external("deactivated@example.com", external_id="x-2").user
    core.users.deactivate(bob.id)
    core.registration.request("guest@example.com")
    core.passwords.request_reset("ann@example.com")
    api_token = core.api_tokens.issue("Export", addresses=["192.0.2.0/24"], expires_at=clock.now + timedelta(days=365))
    core.api_tokens.grant(api_token.token.public_id, ["orders"])
    core.api_tokens.deactivate(core.api_tokens.issue("Import").token.public_id)
    with suppress(SignInRefused):
        core.bind(user_agent="Lynx").sign_in.with_password("unknown@example.com", PASSWORD)
    paired_device = _pair(core, registered.access_token)
    _change_an_email(core)
    core.outbox.deliver()
    core.passwords.request_reset("early@example.com")
    core.statistics.widgets()
    return FilledStore(
        core=core,
        clock=clock,
        mailer=mailer,
        subscriber=subscriber,
        ann=core.users.get(registered.user.id),
        bob=core.users.get(bob.id),
        unclaimed=_unclaimed(core),
        role=role,
        unused_role=unused,
        access_token=registered.access_token,
        api_token=api_token,
        autologin_token=core.autologin_tokens.issue(
            registered.user.id, valid_to=clock.now + timedelta(days=30), max_uses=2
        ),
        login_token=core.login_tokens.issue(registered.user.id),
        **_passkeys(core, registered.user),
        device_token=core.device_tokens.issue("tablet"),
        paired_device=paired_device,
        link=secret_in(mailer, "guest@example.com"),
        reset_link=secret_in(mailer, "ann@example.com"),
        confirmation_link=secret_in(mailer, "dora2@example.com"),
        email_change_link=secret_in(mailer, "dora3@example.com"),
        undo_link=secret_in(mailer, "dora@example.com"),
        listed=core.access_tokens.list(registered.user.id).rows[0],
        failed_delivery=failed_delivery,
        factors=_fill_factors(core, clock),
        address=address,
        other_address=other_address,
        change_request=change_request,
    )


def _roles(core: UserCore, user: User) -> tuple[Role, Role]:
    """Create a role that the user has, and one that no user has."""
    role = core.roles.create("acme", permissions=["posts.write"])
    core.roles.give(user.id, role.id)
    return role, core.roles.create("Unused")


def _fill_rows_of(core: UserCore, user: User) -> None:
    """Store a value of the user, grant a product, log an action, and put the user into one of two groups."""
    core.meta.upsert(user.id, "acme", "a text")
    core.groups.add(user.id, core.groups.create("acme").id)
    core.groups.create("empty")
    core.products.grant(user.id, ["weekly"])
    core.history.log_action("invoice.sent", user.id, params={"to": "Hlavná 1"})


def _add_passkey(core: UserCore, user: User, seed: str) -> tuple[SoftwareAuthenticator, Passkey]:
    """Register a passkey on a device of its own."""
    device, begun = SoftwareAuthenticator(randomness=FakeRandomness(seed)), core.passkeys.begin_registration(user.id)
    return device, core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options))


def _passkeys(core: UserCore, user: User) -> dict[str, Any]:
    """Register two passkeys, and begin a registration and a sign-in by one of them."""
    _add_passkey(core, user, "kept")
    device, passkey = _add_passkey(core, user, "removed")
    registering, signing_in = core.passkeys.begin_registration(user.id), core.passkeys.begin_sign_in()
    another = SoftwareAuthenticator(randomness=FakeRandomness("another"))
    return {
        "passkey": passkey,
        "attestation": (registering.secret, another.create(registering.options)),
        "assertion": (signing_in.secret, device.get(signing_in.options)),
    }


def _fill_factors(core: UserCore, clock: FakeClock) -> FilledFactors:
    user, other, third = (
        core.registration.register(f"{name}@example.com", password=PASSWORD, send_email=False).user
        for name in ("fay", "gil", "hal")
    )
    factor, _, others, _ = (
        core.second_factors.confirm(one.id, code_of(core.second_factors.begin(one.id), clock))
        for one in (user, user, other, third)
    )
    codes = core.second_factors.recovery_codes(user.id)
    _remember_device(core, "fay@example.com", codes[1])
    _remember_device(core, "hal@example.com", core.second_factors.recovery_codes(third.id)[0])
    setup_challenge = challenge_for(core, "gil@example.com")
    core.second_factors.remove(other.id, others.id)
    return FilledFactors(
        user=user,
        factor=factor,
        enrollment=core.second_factors.begin(user.id, name="another"),
        recovery_code=codes[0],
        challenge=challenge_for(core, "fay@example.com"),
        setup_challenge=setup_challenge,
    )


def _remember_device(core: UserCore, login: str, code: Secret) -> None:
    phone, challenge = core.device_tokens.issue(f"the phone of {login}"), challenge_for(core, login)
    core.sign_in.with_second_factor(challenge, code, device_token=phone, remember_device=True)


def challenge_for(core: UserCore, login: str) -> Secret:
    """Return the challenge of a sign-in by password that lacks its second factor."""
    with pytest.raises(SecondFactorRequired) as required:
        core.sign_in.with_password(login, PASSWORD, source="app")
    return required.value.challenge


def code_of(enrollment: TotpEnrollment, clock: FakeClock) -> str:
    """Return the code that the app of an enrollment shows now."""
    return code_at(b32decode(enrollment.secret.reveal()), step_at(clock.now))


def _fail_a_delivery(core: UserCore, subscriber: RecordingSubscriber, clock: FakeClock) -> str:
    subscriber.failing.append(OSError)
    core.registration.register("early@example.com", send_email=False)
    core.outbox.deliver()
    clock.advance(timedelta(hours=25))
    core.outbox.deliver()
    subscriber.failing.clear()
    return core.outbox.failed().rows[0].id


def _unclaimed(core: UserCore) -> User:
    """Create an unclaimed user with a value."""
    user = core.registration.register(username="una", unclaimed=True, note="called twice").user
    core.meta.upsert(user.id, "color", "blue")
    core.addresses.add(user.id, "invoice", street="Low Street")
    return user


def _pair(core: UserCore, access_token: Secret) -> Secret:
    """Pair an access token with a device, and return the device token."""
    device_token = core.device_tokens.issue("phone")
    core.device_tokens.pair(access_token, device_token)
    return device_token


def _change_an_email(core: UserCore) -> None:
    """Change an email so that it can be undone, request another, and send a confirmation."""
    dora = core.registration.register("dora@example.com", send_email=False).user.id
    core.emails.set_verified(dora, verified=True)
    core.emails.change(dora, "dora2@example.com", undo=True)
    core.emails.request_change(dora, "dora3@example.com")
    core.emails.send_confirmation(dora)


def secret_in(mailer: MemoryMailer, to: str) -> str:
    """Return the secret in the last link that was mailed to an address."""
    text = next(mail.text for mail in reversed(mailer.sent) if mail.to == to)
    found = re.search(r"(?:/join/|#)(\w+)", text)
    assert found is not None
    return found[1]


@contextmanager
def both(folder: Path) -> Iterator[list[FilledStore]]:
    """Return a full store of each kind."""
    storages: list[Storage] = [memory.open_storage("memory://"), sqlite.open_storage(f"sqlite:///{folder}/both.db")]
    yield [build(storage) for storage in storages]
    for storage in storages:
        storage.close()
