"""A whole life in a file, from registering to being refused. It remembers every secret, and all that was shown."""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs
import pytest

import usercore
from tests.faults.worlds import LINKS
from usercore import (
    Email,
    Event,
    HashProfile,
    MailPolicy,
    PasswordPolicy,
    Pepper,
    Policy,
    Secret,
    Subscriber,
    UserCore,
    UsercoreError,
)
from usercore.testing import FakeClock, MemoryMailer

CHEAP: Final = HashProfile(name="cheap", memory_kib=8, passes=1, lanes=1, source="a test")
PEPPER: Final = Pepper(id="p1", key=b"pepper of a test")
TYPED: Final = {
    "registered": "otters counting 17 bridges",
    "set": "9 herons over the Danube",
    "wrong": "wrong but long enough 88",
    "weak": "Password1",
}


@attrs.frozen
class StateMachine:
    """A core, and everything that it gave, raised, mailed or told."""

    core: UserCore
    mailer: MemoryMailer
    clock: FakeClock
    shown: list[object] = attrs.field(factory=list)
    secrets: dict[str, str] = attrs.field(factory=lambda: {f"{name} password": text for name, text in TYPED.items()})

    def show(self, *shown: object) -> None:
        self.shown.extend(shown)

    def keep(self, name: str, secret: Secret | str | None) -> Secret:
        assert secret is not None
        hidden = secret if isinstance(secret, Secret) else Secret(secret)
        self.secrets[name] = hidden.reveal()
        return hidden

    def refused(self, call: Callable[[], object]) -> None:
        with pytest.raises((UsercoreError, TypeError, ValueError)) as raised:
            call()
        self.show(raised.value, "".join(traceback.format_exception(raised.value)))

    def mailed(self, to: str, pattern: str) -> str:
        text = next(mail.text for mail in reversed(self.mailer.sent) if mail.to == to)
        found = re.search(pattern, text)
        assert found is not None, text
        return found[1]


def live(life: StateMachine) -> None:
    """Register, sign in by every way, right and wrong, change, be refused, and leave traces everywhere."""
    _register(life)
    _sign_in(life)
    _be_refused(life)
    _show(life)


def _register(life: StateMachine) -> None:
    core = life.core
    ann = core.registration.register("ann@example.com", password=TYPED["registered"], username="ann")
    life.keep("access token of registering", ann.access_token)
    life.show(ann, core.registration.register("bob@example.com"))
    core.registration.request("guest@example.com")
    core.outbox.deliver()
    drawn = life.keep("drawn password", life.mailed("bob@example.com", r"password: (\w+)"))
    link = life.keep("registration link", life.mailed("guest@example.com", r"/join/(\w+)"))
    bob = core.sign_in.with_password("bob@example.com", drawn.reveal())
    life.keep("access token of a drawn password", bob.access_token)
    guest = core.registration.complete(link)
    life.keep("access token of a link", guest.access_token)
    life.show(bob, guest)
    life.refused(lambda: core.registration.complete(link.reveal()))


def _sign_in(life: StateMachine) -> None:
    core, ref = life.core, Email("ann@example.com")
    by_password = core.sign_in.with_password("ANN", TYPED["registered"])
    access = life.keep("access token of a password", by_password.access_token)
    login, unused = core.login_tokens.issue(ref), core.login_tokens.issue(ref)
    life.keep("login token", login)
    life.keep("login token that nobody uses", unused)
    by_token = core.sign_in.with_login_token(login)
    life.keep("access token of a login token", by_token.access_token)
    life.show(by_password, by_token, core.sign_in.identify(access), core.sign_in.with_access_token(access))
    life.show(core.passwords.set(ref, TYPED["set"]), core.sign_in.with_password("ann", TYPED["set"]))
    life.refused(lambda: core.sign_in.identify(access))
    life.refused(lambda: core.sign_in.with_login_token(unused.reveal()))
    life.refused(lambda: core.access_tokens.revoke(access.reveal()))


def _be_refused(life: StateMachine) -> None:
    core = life.core
    for login in ("ann", "nobody", "bob@example.com"):
        life.refused(lambda login=login: core.sign_in.with_password(login, TYPED["wrong"]))  # type: ignore[misc]
    life.refused(lambda: core.passwords.set(Email("ann@example.com"), TYPED["weak"]))
    life.refused(lambda: core.registration.register("eve@example.com", password=TYPED["weak"]))
    life.refused(lambda: core.registration.register("ann@example.com", password=TYPED["registered"]))
    life.refused(lambda: core.registration.register("eve@example.com", password=[TYPED["weak"]]))  # type: ignore[arg-type]
    life.refused(lambda: core.sign_in.with_password(b"ann", TYPED["registered"]))  # type: ignore[arg-type]
    life.refused(lambda: core.sign_in.authenticate(TYPED["registered"]))
    broken = core.login_tokens.issue(Email("ann@example.com"))
    life.keep("login token shown with a typing error", broken)
    life.refused(lambda: core.sign_in.with_login_token(broken.reveal()[:-1]))
    life.clock.advance(timedelta(minutes=6))
    life.refused(lambda: core.sign_in.with_login_token(broken))


def _show(life: StateMachine) -> None:
    core, ref = life.core, Email("ann@example.com")
    life.show(core.users.get(ref), core.users.status(ref), core.history.explain(ref), core.history.attempts(ref))
    life.show(core.history.attempts(), core.access_tokens.list(ref), core.outbox.pending(), core.policy, core)
    for email in ("ann", "bob", "guest"):
        entries = core.history.of_user(Email(f"{email}@example.com")).rows
        life.show(entries, [(entry.old_text, entry.new_text) for entry in entries])
    engine = core._engine
    life.show(engine.host, engine.storage, engine.hasher, vars(core), core.sign_in, core.registration)
    life.show(core.passwords, core.users, core.outbox)


@contextmanager
def lived(folder: Path) -> Iterator[StateMachine]:
    """Give a life that was lived in a file."""
    told: list[object] = []

    def listen(event: Event) -> None:
        told.append((event, event.entry.old_text, event.entry.new_text))
        raise OSError("the listener is away")

    clock, mailer = FakeClock(), MemoryMailer()
    policy = Policy(
        passwords=PasswordPolicy(profile=CHEAP, peppers=(PEPPER,)), mail=MailPolicy(links=LINKS, product="Otters")
    )
    kinds = [
        "user.registered",
        "password.set",
        "login_token.redeemed",
        "access_token.revoked",
        "registration.requested",
    ]
    with usercore.open(
        f"sqlite:///{folder}/store.db",
        policy=policy,
        clock=clock,
        mailer=mailer,
        subscribers=[Subscriber(name="listener", kinds=frozenset(kinds), handle=listen)],
    ) as core:
        life = StateMachine(core, mailer, clock)
        live(life)
        life.show(*told, *mailer.sent)
        yield life
