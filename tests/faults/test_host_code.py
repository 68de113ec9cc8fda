"""Code of the host that calls the core, raises what it must not, or returns invalid values."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from threading import Thread
from typing import Any, Final

import attrs
import pytest

import usercore
from tests.faults.filled_stores import POLICY
from tests.services.helpers import ANOTHER, PASSWORD, TRIES, unchanged
from usercore import (
    AnyId,
    Context,
    Email,
    Event,
    ExternalId,
    Gates,
    Host,
    Mail,
    Reference,
    RegistrationRequest,
    SignInRefused,
    Subscriber,
    UserCore,
    Username,
)
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, MemoryMailer
from usercore_storage import memory, sqlite


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, url: str) -> Iterator[Storage]:
    storage: Storage = memory.open_storage("memory://") if request.param == "memory" else sqlite.open_storage(url)
    yield storage
    storage.close()


def core_over(storage: Storage, **brought: Any) -> UserCore:
    return UserCore.over(storage, Host(policy=POLICY, clock=FakeClock(), hasher=FakeHasher(), **brought))


class Stop(BaseException):
    """Not an ``Exception``, as ``KeyboardInterrupt`` and ``SystemExit``."""


@attrs.frozen
class Badge:
    """The credentials of the host's own authenticator."""


@attrs.frozen
class HostAuthenticator:
    """An authenticator that returns what a test sets."""

    ask: Callable[[Context], Any]
    name: str = "door"
    priority: int = 600
    credentials: type = Badge

    def authenticate(self, credentials: Badge, context: Context) -> Reference | None:
        assert isinstance(credentials, Badge)
        return self.ask(context)  # type: ignore[no-any-return]


@pytest.mark.rule("S1")
def test_an_authenticator_may_use_the_core(storage: Storage) -> None:
    plain = core_over(storage)
    ann = plain.registration.register("ann@example.com", password=PASSWORD).user

    def ask(_: Context) -> Reference:
        plain.users.update(ann.id, note="she was at the door")
        return plain.sign_in.with_password("ann@example.com", PASSWORD).user.id

    core = core_over(storage, authenticators=[HostAuthenticator(ask)])
    assert core.sign_in.authenticate(Badge()).user.note == "she was at the door"
    assert len(core.access_tokens.list(ann.id)) == 2  # the password, the authenticator


NO_TEXT: Final[Any] = 5
NONSENSE: Final = [5, Email("a\0b"), Username("\ud800"), ExternalId(""), AnyId(10**9), Email(NO_TEXT), "ann", [], 0, -1]


@pytest.mark.rule("S1", "S3", "S4")
@pytest.mark.parametrize("found", NONSENSE, ids=ascii)
def test_an_authenticator_that_names_no_user_signs_no_user_in(found: object, storage: Storage) -> None:
    core = core_over(storage, authenticators=[HostAuthenticator(lambda _: found)])
    with unchanged(core, but=TRIES), pytest.raises(SignInRefused):
        core.sign_in.authenticate(Badge())
    (attempt,) = core.history.attempts().rows
    assert attempt.authenticator == "door"


@pytest.mark.rule("T2", "S3")
def test_an_authenticator_cannot_name_a_user_of_another_tenant(storage: Storage) -> None:
    plain = core_over(storage)
    plain.tenant("system").tenants.create("acme", "Acme")
    bob = plain.tenant("acme").registration.register("bob@example.com").user
    for found in (bob.id, bob.uuid):
        core = core_over(storage, authenticators=[HostAuthenticator(lambda _, found=found: found)])  # type: ignore[misc]
        with pytest.raises(SignInRefused):
            core.sign_in.authenticate(Badge())


@pytest.mark.rule("X3")
@pytest.mark.parametrize("raised", [Stop, SystemExit, ConnectionError])
def test_an_exception_of_an_observer_does_not_reach_the_caller(
    raised: type[BaseException], storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    cores: list[UserCore] = []

    def observe(event: Event) -> None:
        cores[0].users.update(event.entry.subject_id, note="seen")
        raise raised

    observer = Subscriber(name="observer", kinds=frozenset({"user.registered"}), handle=observe, durable=False)
    cores.append(core_over(storage, subscribers=[observer]))
    cores[0].registration.register("ann@example.com")
    assert cores[0].users.get(Email("ann@example.com")).note == "seen"
    assert "the subscriber observer failed on user.registered" in caplog.text


def register_and_deliver(core: UserCore) -> None:
    core.registration.register("ann@example.com")
    core.outbox.deliver()


@pytest.mark.rule("X3")
@pytest.mark.parametrize("durable", [False, True])
def test_an_interrupt_in_the_main_thread_reaches_the_caller(durable: bool, storage: Storage) -> None:  # noqa: FBT001 - a parameter
    def interrupt(_: Event) -> None:
        raise KeyboardInterrupt

    kinds = frozenset({"user.registered"})
    subscriber = Subscriber(name="crm", kinds=kinds, handle=interrupt, durable=durable)
    core = core_over(storage, subscribers=[subscriber])
    with pytest.raises(KeyboardInterrupt):
        register_and_deliver(core)
    assert core.users.find(Email("ann@example.com")) is not None
    assert len(core.outbox.pending().rows) == durable


@pytest.mark.rule("X3")
def test_an_interrupt_in_another_thread_is_a_failed_delivery(storage: Storage) -> None:
    def interrupt(_: Event) -> None:
        raise KeyboardInterrupt

    subscriber = Subscriber(name="crm", kinds=frozenset({"user.registered"}), handle=interrupt)
    core = core_over(storage, subscribers=[subscriber])
    core.registration.register("ann@example.com")
    thread = Thread(target=core.outbox.deliver)
    thread.start()
    thread.join()
    (pending,) = core.outbox.pending().rows
    assert pending.problem == "KeyboardInterrupt"


@pytest.mark.rule("X3")
def test_a_subscriber_may_change_the_subject_of_its_event_and_deliver(storage: Storage) -> None:
    cores: list[UserCore] = []
    told: list[str] = []

    def handle(event: Event) -> None:
        told.append(event.entry.kind)
        if event.entry.kind == "user.registered":
            cores[0].users.update(event.entry.subject_id, note="welcome")
            cores[0].outbox.deliver()

    kinds = frozenset({"user.registered", "user.updated"})
    cores.append(core_over(storage, subscribers=[Subscriber(name="crm", kinds=kinds, handle=handle)]))
    cores[0].registration.register("ann@example.com")
    cores[0].outbox.deliver()
    assert told == ["user.registered", "user.updated"]
    assert cores[0].outbox.pending().rows == ()


@pytest.mark.rule("R6", "X3")
@pytest.mark.parametrize("raised", [Stop, SystemExit])
def test_an_email_whose_mailer_raises_system_exit_is_sent_later(raised: type[BaseException], storage: Storage) -> None:
    class StoppingMailer(MemoryMailer):
        stops = True

        def send(self, mail: Mail) -> None:
            if self.stops:
                raise raised
            super().send(mail)

    clock, mailer = FakeClock(), StoppingMailer()
    core = UserCore.over(storage, Host(policy=POLICY, clock=clock, hasher=FakeHasher(), mailer=mailer))
    core.registration.register("ann@example.com", password=PASSWORD)
    assert core.outbox.deliver() == 0
    (pending,) = core.outbox.pending().rows
    assert pending.problem == raised.__name__
    mailer.stops = False
    clock.advance(timedelta(seconds=1))
    assert core.outbox.deliver() == 1
    assert [mail.to for mail in mailer.sent] == ["ann@example.com"]


@pytest.mark.rule("R1")
@pytest.mark.parametrize("raised", [Stop, SystemExit, KeyboardInterrupt, ValueError])
def test_another_error_of_a_gate_or_check_registers_no_user(raised: type[BaseException], storage: Storage) -> None:
    def refuse(_: RegistrationRequest | str) -> None:
        raise raised

    for brought in ({"gates": Gates(registration=[refuse])}, {"password_checks": [refuse]}, {"email_checks": [refuse]}):
        core = core_over(storage, **brought)
        with unchanged(core, but=TRIES), pytest.raises(raised):
            core.registration.register("ann@example.com", password=ANOTHER)


@pytest.mark.rule("R1")
def test_a_gate_may_use_the_core(storage: Storage) -> None:
    plain = core_over(storage)

    def gate(application: RegistrationRequest) -> None:
        plain.registration.register(f"shadow.{application.email}")

    core = core_over(storage, gates=Gates(registration=[gate]))
    core.registration.register("ann@example.com")
    assert core.users.find(Email("shadow.ann@example.com")) is not None


@pytest.mark.parametrize(("clock", "error"), [(lambda: datetime(2026, 3, 1), ValueError), (lambda: 5.0, TypeError)])  # noqa: DTZ001 - without a zone
def test_a_clock_without_a_time_zone_is_refused(clock: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        usercore.open("memory://", clock=clock)


@pytest.mark.rule("X2")
def test_a_clock_of_another_time_zone_returns_the_same_instants(storage: Storage) -> None:
    there = FakeClock(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    core = UserCore.over(storage, Host(policy=POLICY, clock=there, hasher=FakeHasher()))
    user = core.registration.register("ann@example.com").user
    assert core.users.get(user.id).created_at == FakeClock()()
