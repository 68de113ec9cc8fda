"""Secrets are generated when they are mailed: what is stored of them, and when none is generated."""

import re
from datetime import timedelta
from typing import Final

import attrs
import pytest

import usercore
from tests.services.factors import challenge_of, enroll, with_policy
from tests.services.helpers import ANOTHER, PASSWORD, BusyHasher, dump, over, register
from tests.services.passkey_helpers import add
from usercore import (
    Email,
    Mail,
    Mailer,
    MailKind,
    SignedIn,
    SignInRefused,
    TokenUnknown,
    User,
    UserCore,
)
from usercore.testing import NOON, TICK, FakeClock, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.testing.passkeys import SoftwareAuthenticator


class LosingMailer(Mailer):
    """Sends mails, but fails after the first one was sent."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)
        if len(self.sent) == 1:
            raise TimeoutError


@attrs.frozen
class RefusingMailer(Mailer):
    """Sends mails, but to one address."""

    refused: str
    sent: list[Mail] = attrs.field(factory=list)

    def send(self, mail: Mail) -> None:
        if mail.to == self.refused:
            raise OSError("the mailbox is full")
        self.sent.append(mail)


def password_in(mail: Mail) -> str:
    found = re.search(r"first password: (\S+)", mail.text)
    assert found
    return found[1]


def link_in(mail: Mail) -> str:
    found = re.search(r"https://example.com/join/(\S+)", mail.text)
    assert found
    return found[1]


def sign_in(core: UserCore, mail: Mail) -> SignedIn:
    return core.sign_in.with_password(mail.to, password_in(mail))


def registered(core: UserCore) -> User:
    return core.registration.register("ann@example.com").user


@pytest.mark.rule("R6", "S5")
def test_a_password_is_generated_when_it_is_delivered(core: UserCore, hasher: FakeHasher, mailer: MemoryMailer) -> None:
    user = registered(core)
    assert (core.users.status(user.id).password_set, hasher.hashes) == (False, 0)
    assert core.outbox.deliver() == 1
    (mail,) = mailer.sent
    assert core.users.status(user.id).must_change_password
    assert sign_in(core, mail).must_change_password


@pytest.mark.rule("R6")
def test_a_generated_password_works_for_fourteen_days(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    registered(core)
    core.outbox.deliver()
    clock.now = NOON + timedelta(days=14) - TICK
    token = sign_in(core, mailer.sent[0]).access_token
    clock.tick()
    with pytest.raises(SignInRefused):
        sign_in(core, mailer.sent[0])
    assert core.history.explain(Email("ann@example.com")) == ("password_expired",)
    assert core.sign_in.identify(token).must_change_password


@pytest.mark.rule("R6")
def test_no_secret_is_stored(core: UserCore, mailer: MemoryMailer) -> None:
    registered(core)
    core.registration.request("bob@example.com")
    core.outbox.deliver()
    welcome, link = sorted(mailer.sent, key=lambda mail: mail.to)
    kept = repr(dump(core))
    assert password_in(welcome) not in kept
    assert link_in(link) not in kept
    assert password_in(welcome) not in repr(welcome)


@pytest.mark.rule("R6")
def test_no_password_is_mailed_to_a_user_with_a_newer_one(core: UserCore, mailer: MemoryMailer) -> None:
    user = registered(core)
    core.passwords.set(user.id, PASSWORD)
    assert core.outbox.deliver() == 2
    assert [mail.kind for mail in mailer.sent] == [MailKind.PASSWORD_CHANGED]
    assert core.sign_in.with_password("ann@example.com", PASSWORD).user.id == user.id


@pytest.mark.rule("R6")
def test_no_password_is_mailed_to_a_user_whose_password_is_set_while_it_is_hashed(
    core: UserCore, storage: WatchedStorage, mailer: MemoryMailer
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = registered(core)
    hasher.meanwhile = lambda: core.passwords.set(user.id, ANOTHER)
    core.outbox.deliver()
    assert [mail.kind for mail in mailer.sent] == [MailKind.PASSWORD_CHANGED]
    assert core.sign_in.with_password("ann@example.com", ANOTHER).user.id == user.id


@pytest.mark.rule("R6")
def test_no_password_is_mailed_to_a_deactivated_user(core: UserCore, mailer: MemoryMailer) -> None:
    user = registered(core)
    core.users.deactivate(user.id)
    core.outbox.deliver()
    assert (mailer.sent, core.users.status(user.id).password_set) == ([], False)


@pytest.mark.rule("R6")
def test_a_relay_whose_lease_expired_generates_no_secret(
    core: UserCore, clock: FakeClock, storage: WatchedStorage, mailer: MemoryMailer
) -> None:
    slow = BusyHasher(storage)
    slow.meanwhile = lambda: (clock.advance(timedelta(seconds=30)), core.outbox.deliver())
    registered(core)
    over(core, hasher=slow).outbox.deliver()
    (mail,) = mailer.sent
    assert sign_in(core, mail).must_change_password


@pytest.mark.rule("R6")
def test_a_new_password_is_generated_if_the_mail_failed(core: UserCore, clock: FakeClock) -> None:
    mailer = LosingMailer()
    core = over(core, mailer=mailer)
    registered(core)
    assert core.outbox.deliver() == 0
    (pending,) = core.outbox.pending().rows
    assert (pending.problem, pending.due_at) == ("TimeoutError", NOON + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    assert core.outbox.deliver() == 1
    older, newer = mailer.sent
    with pytest.raises(SignInRefused):
        sign_in(core, older)
    assert sign_in(core, newer).must_change_password


@pytest.mark.rule("R6")
def test_a_new_link_is_generated_if_the_mail_failed(core: UserCore, clock: FakeClock) -> None:
    mailer = LosingMailer()
    core = over(core, mailer=mailer)
    core.registration.request("ann@example.com")
    assert core.outbox.deliver() == 0
    clock.advance(timedelta(seconds=1))
    assert core.outbox.deliver() == 1
    older, newer = mailer.sent
    with pytest.raises(TokenUnknown):
        core.registration.complete(link_in(older))
    assert core.registration.complete(link_in(newer)).created


@pytest.mark.rule("R6")
def test_no_link_of_an_expired_request_is_mailed(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    core.registration.request("ann@example.com")
    clock.advance(timedelta(days=1))
    assert core.outbox.deliver() == 1
    assert mailer.sent == []


@pytest.mark.rule("R6")
def test_no_password_is_set_if_no_mail_is_sent(core: UserCore, mailer: MemoryMailer) -> None:
    mute = over(core, mailer=None)
    users = [registered(mute), register(core, "bob", send_email=False)]
    assert core.outbox.deliver() == 0
    assert mailer.sent == []
    assert [core.users.status(user.id).password_set for user in users] == [False, False]
    assert core.history.explain(users[0].id) == ("no_password",)


@pytest.mark.rule("R6", "U5")
def test_mail_is_sent_to_the_current_spelling_of_the_address(core: UserCore, mailer: MemoryMailer) -> None:
    user = registered(core)
    core.emails.change(user.id, "Ann.Lee@Example.com")
    core.outbox.deliver()
    assert [mail.to for mail in mailer.sent] == ["Ann.Lee@example.com"]


@pytest.mark.rule("R6")
def test_a_mail_has_its_instant_from_the_clock_and_its_id_from_the_randomness_of_the_core(
    core: UserCore, mailer: MemoryMailer
) -> None:
    core = over(core, randomness=FakeRandomness("mail"))
    registered(core)
    core.registration.request("bob@example.com")
    core.outbox.deliver()
    again = MemoryMailer()
    with usercore.open("memory://") as plain:
        host = attrs.evolve(core._runtime.host, randomness=FakeRandomness("mail"), mailer=again)
        other = UserCore.over(plain._runtime.storage, host)
        registered(other)
        other.registration.request("bob@example.com")
        other.outbox.deliver()
    assert {mail.at for mail in mailer.sent} == {NOON}
    assert sorted(mail.id for mail in mailer.sent) == sorted(mail.id for mail in again.sent)
    assert len({mail.id for mail in mailer.sent}) == 2
    assert all(re.fullmatch("[0-9A-Za-z]{22}", mail.id) for mail in mailer.sent)


@pytest.mark.rule("R6", "P7")
def test_a_password_is_mailed_to_the_email_that_the_user_has_when_it_is_stored(
    core: UserCore, storage: WatchedStorage, mailer: MemoryMailer
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = registered(core)
    hasher.meanwhile = lambda: core.emails.change(user.id, "moved@example.com")
    core.outbox.deliver()
    assert [mail.to for mail in mailer.sent] == ["moved@example.com"]
    assert sign_in(core, mailer.sent[0]).user.id == user.id


def weaken(core: UserCore, user: User) -> None:
    """Do everything of which a notice is sent to the owner of the account, but change the email."""
    enroll(core, user)
    _, factor = enroll(core, user, name="tablet")
    (code, *_) = core.second_factors.recovery_codes(user.id)
    challenge = challenge_of(lambda: core.sign_in.with_login_token(core.login_tokens.issue(user.id)))
    core.sign_in.with_second_factor(challenge, code)
    core.second_factors.remove(user.id, factor.id)
    passkey = add(core, user, SoftwareAuthenticator(randomness=FakeRandomness("key")))
    core.passkeys.remove(user.id, passkey.id)


WEAKENED: Final = [
    MailKind.SECOND_FACTOR_ADDED,
    MailKind.SECOND_FACTOR_ADDED,
    MailKind.RECOVERY_CODES_MADE,
    MailKind.RECOVERY_CODE_USED,
    MailKind.SECOND_FACTOR_REMOVED,
    MailKind.PASSKEY_ADDED,
    MailKind.PASSKEY_REMOVED,
]


@pytest.mark.rule("F4", "F8", "E1")
@pytest.mark.parametrize("way", ["change", "import"])
def test_notices_go_to_the_address_of_then_although_the_email_was_changed_since(
    core: UserCore, mailer: MemoryMailer, way: str
) -> None:
    core = with_policy(core)
    user = register(core, "ann", external_id="x-1")
    core.outbox.deliver()
    mailer.sent.clear()
    weaken(core, user)
    for email in ("thief@example.com", "thief2@example.com"):
        if way == "change":
            core.emails.change(user.id, email)
        else:
            core.registration.import_users([{"external_id": "x-1", "email": email}])
    core.outbox.deliver()
    assert {mail.to for mail in mailer.sent} == {"ann@example.com"}
    assert sorted(mail.kind for mail in mailer.sent) == sorted(WEAKENED)


@pytest.mark.rule("X3", "F8")
def test_a_mailbox_that_takes_no_mail_delays_no_notice_to_another_address(core: UserCore) -> None:
    mailer = RefusingMailer("thief@example.com")
    core = with_policy(over(core, mailer=mailer))
    user = register(core, "ann")
    core.outbox.deliver()
    core.emails.change(user.id, "thief@example.com")
    core.registration.request("thief@example.com")
    weaken(core, user)
    core.outbox.deliver()
    core.emails.change(user.id, "ann@example.com")
    mailer.sent.clear()
    weaken(core, user)
    core.outbox.deliver()
    assert {mail.to for mail in mailer.sent} == {"ann@example.com"}
    assert sorted(mail.kind for mail in mailer.sent) == sorted(WEAKENED)
