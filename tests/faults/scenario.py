"""A scenario in a file, from registering to being refused. It records every secret, and all output."""

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
from tests.faults.filled_stores import LINKS
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
class Scenario:
    """A core and everything that it returned, raised, mailed or logged."""

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


def run_scenario(scenario: Scenario) -> None:
    """Register, sign in by every method, right and wrong, change, be refused: store rows in every table."""
    _register(scenario)
    _sign_in(scenario)
    _be_refused(scenario)
    _show(scenario)


def _register(scenario: Scenario) -> None:
    core = scenario.core
    ann = core.registration.register("ann@example.com", password=TYPED["registered"], username="ann", sign_in=True)
    scenario.keep("access token of registering", ann.access_token)
    scenario.show(ann, core.registration.register("bob@example.com"))
    core.registration.request("guest@example.com")
    core.outbox.deliver()
    generated = scenario.keep("generated password", scenario.mailed("bob@example.com", r"password: (\w+)"))
    link = scenario.keep("registration link", scenario.mailed("guest@example.com", r"/join/(\w+)"))
    bob = core.sign_in.with_password("bob@example.com", generated.reveal())
    scenario.keep("access token of a generated password", bob.access_token)
    guest = core.registration.complete(link)
    scenario.keep("access token of a link", guest.access_token)
    scenario.show(bob, guest)
    scenario.refused(lambda: core.registration.complete(link.reveal()))


def _sign_in(scenario: Scenario) -> None:
    core, ref = scenario.core, Email("ann@example.com")
    by_password = core.sign_in.with_password("ANN", TYPED["registered"])
    access = scenario.keep("access token of a password", by_password.access_token)
    login, unused = core.login_tokens.issue(ref), core.login_tokens.issue(ref)
    scenario.keep("login token", login)
    scenario.keep("login token that is not used", unused)
    by_token = core.sign_in.with_login_token(login)
    scenario.keep("access token of a login token", by_token.access_token)
    scenario.show(by_password, by_token, core.sign_in.identify(access), core.sign_in.with_access_token(access))
    scenario.show(core.passwords.set(ref, TYPED["set"]), core.sign_in.with_password("ann", TYPED["set"]))
    scenario.refused(lambda: core.sign_in.identify(access))
    scenario.refused(lambda: core.sign_in.with_login_token(unused.reveal()))
    scenario.refused(lambda: core.access_tokens.revoke(access.reveal()))


def _be_refused(scenario: Scenario) -> None:
    core = scenario.core
    for login in ("ann", "nobody", "bob@example.com"):
        scenario.refused(lambda login=login: core.sign_in.with_password(login, TYPED["wrong"]))  # type: ignore[misc]
    scenario.refused(lambda: core.passwords.set(Email("ann@example.com"), TYPED["weak"]))
    scenario.refused(lambda: core.registration.register("eve@example.com", password=TYPED["weak"]))
    scenario.refused(lambda: core.registration.register("ann@example.com", password=TYPED["registered"]))
    scenario.refused(lambda: core.registration.register("eve@example.com", password=[TYPED["weak"]]))  # type: ignore[arg-type]
    scenario.refused(lambda: core.sign_in.with_password(b"ann", TYPED["registered"]))  # type: ignore[arg-type]
    scenario.refused(lambda: core.sign_in.authenticate(TYPED["registered"]))
    broken = core.login_tokens.issue(Email("ann@example.com"))
    scenario.keep("login token shown with a typing error", broken)
    scenario.refused(lambda: core.sign_in.with_login_token(broken.reveal()[:-1]))
    scenario.clock.advance(timedelta(minutes=6))
    scenario.refused(lambda: core.sign_in.with_login_token(broken))


def _show(scenario: Scenario) -> None:
    core, ref = scenario.core, Email("ann@example.com")
    scenario.show(core.users.get(ref), core.users.status(ref), core.history.explain(ref), core.history.attempts(ref))
    scenario.show(core.history.attempts(), core.access_tokens.list(ref), core.outbox.pending(), core.policy, core)
    for email in ("ann", "bob", "guest"):
        entries = core.history.of_user(Email(f"{email}@example.com")).rows
        scenario.show(entries, [(entry.old_text, entry.new_text) for entry in entries])
    runtime = core._runtime
    scenario.show(runtime.host, runtime.storage, runtime.hasher, vars(core), core.sign_in, core.registration)
    scenario.show(core.passwords, core.users, core.outbox)


@contextmanager
def completed_scenario(folder: Path) -> Iterator[Scenario]:
    """Return a completed scenario in a file."""
    received: list[object] = []

    def listen(event: Event) -> None:
        received.append((event, event.entry.old_text, event.entry.new_text))
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
        scenario = Scenario(core, mailer, clock)
        run_scenario(scenario)
        scenario.show(*received, *mailer.sent)
        yield scenario
