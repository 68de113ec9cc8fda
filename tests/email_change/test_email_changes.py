"""Changing an email by a link, undoing the change, and confirming a user."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any

import attrs
import pytest

from tests.services.factors import challenge_for, challenge_of, enroll
from tests.services.helpers import (
    ANN,
    ANOTHER,
    PASSWORD,
    add_tenant,
    opens,
    over,
    refused,
    register,
    sign_in,
    unchanged,
    unclaim,
)
from usercore import (
    Actor,
    Email,
    EmailChangeState,
    ExternalId,
    Invalid,
    LinkPolicy,
    Mail,
    MailKind,
    RegistrationPolicy,
    Secret,
    SignInRefused,
    Taken,
    TokenExpired,
    TokenInvalid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
    UserNotFound,
    WrongState,
)
from usercore.testing import TICK, FakeClock, MemoryMailer

LINKS = LinkPolicy()
PAUSE = RegistrationPolicy().per_email_pause


def verified(core: UserCore, name: str = "ann", **fields: Any) -> User:
    """Register a user with a verified email."""
    return core.emails.set_verified(register(core, name, **fields).id, verified=True)


def mailed(core: UserCore, mailer: MemoryMailer, to: str, kind: MailKind) -> str:
    """Deliver, and return the secret of the newest link of a kind that was mailed to an address."""
    core.outbox.deliver()
    text = next(mail.text for mail in reversed(mailer.sent) if (mail.to, mail.kind) == (to, kind))
    return found_in(text)


def found_in(text: str) -> str:
    """Return the secret in a mail."""
    found = re.search(r"#(\w+)", text)
    assert found is not None
    return found[1]


def request(core: UserCore, mailer: MemoryMailer, user: User, email: str) -> str:
    """Request another email and return the secret of the link."""
    core.emails.request_change(user.id, email)
    return mailed(core, mailer, email, MailKind.EMAIL_CHANGE)


def move(core: UserCore, mailer: MemoryMailer, user: User, email: str) -> str:
    """Change an email by a link, and return the secret of the link that undoes it."""
    former = core.users.get(user.id).email
    assert former is not None
    core.emails.confirm_change(request(core, mailer, user, email))
    return mailed(core, mailer, former, MailKind.EMAIL_CHANGED_UNDO)


@pytest.mark.rule("E2", "U6")
def test_a_new_address_replaces_the_old_one_when_its_link_is_redeemed(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core)
    assert core.emails.request_change(user.id, "Lee@EXAMPLE.com") == core.users.get(user.id)
    secret = mailed(core, mailer, "Lee@example.com", MailKind.EMAIL_CHANGE)
    assert (core.users.get(user.id).email, core.users.find(Email("lee@example.com"))) == (ANN, None)
    clock.tick()
    changed = core.emails.confirm_change(secret)
    assert (changed.email, changed.email_verified_at, changed.confirmed_at) == ("Lee@example.com", clock.now, None)
    assert core.users.get(Email("lee@example.com")) == changed


@pytest.mark.rule("E2", "K9")
def test_confirming_a_change_revokes_login_tokens_and_links_and_keeps_access_tokens(
    core: UserCore, mailer: MemoryMailer
) -> None:
    user = verified(core)
    token, login_token = sign_in(core, user), core.login_tokens.issue(user.id)
    core.emails.send_confirmation(user.id)
    confirmation = mailed(core, mailer, ANN, MailKind.CONFIRMATION)
    move(core, mailer, user, "lee@example.com")
    assert opens(core, token)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(login_token)
    with refused(core, TokenRevoked):
        core.emails.confirm(confirmation)


@pytest.mark.rule("E2", "K7")
def test_a_newer_request_supersedes_an_older_one(core: UserCore, mailer: MemoryMailer) -> None:
    user = verified(core)
    older = request(core, mailer, user, "lee@example.com")
    core.emails.request_change(user.id, "never@example.com")
    newer = request(core, mailer, user, "ann.lee@example.com")
    assert [mail.to for mail in mailer.sent] == ["lee@example.com", "ann.lee@example.com"]
    with refused(core, TokenRevoked):
        core.emails.confirm_change(older)
    assert core.emails.confirm_change(newer).email == "ann.lee@example.com"


@pytest.mark.rule("E2", "K7")
def test_a_link_changes_the_email_once_and_for_three_days(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core)
    late = request(core, mailer, user, "lee@example.com")
    clock.advance(LINKS.email_change_lifetime)
    with refused(core, TokenExpired):
        core.emails.confirm_change(late)
    secret = request(core, mailer, user, "lee@example.com")
    clock.advance(LINKS.email_change_lifetime - TICK)
    core.emails.confirm_change(secret)
    with refused(core, TokenRedeemed):
        core.emails.confirm_change(secret)


@pytest.mark.rule("E2", "R6")
def test_the_lifetime_of_a_link_counts_from_the_request(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core)
    core.emails.request_change(user.id, "lee@example.com")
    clock.advance(LINKS.email_change_lifetime - TICK)
    secret = mailed(core, mailer, "lee@example.com", MailKind.EMAIL_CHANGE)
    clock.tick()
    with refused(core, TokenExpired):
        core.emails.confirm_change(secret)
    core.emails.request_change(user.id, "late@example.com")
    clock.advance(LINKS.email_change_lifetime)
    core.outbox.deliver()
    assert mailer.sent[-1].to == "lee@example.com"


@pytest.mark.rule("E1", "E2", "K9")
@pytest.mark.parametrize("undo", [True, False])
def test_a_change_by_the_host_supersedes_a_request(core: UserCore, mailer: MemoryMailer, *, undo: bool) -> None:
    user = verified(core)
    secret = request(core, mailer, user, "lee@example.com")
    core.emails.change(user.id, "host@example.com", undo=undo)
    with refused(core, TokenRevoked):
        core.emails.confirm_change(secret)


@pytest.mark.rule("E2", "K7", "S4")
@pytest.mark.parametrize("kind", [MailKind.EMAIL_CHANGE, MailKind.EMAIL_CHANGED_UNDO, MailKind.CONFIRMATION])
def test_a_link_serves_its_own_purpose_only(core: UserCore, mailer: MemoryMailer, kind: MailKind) -> None:
    user = verified(core)
    move(core, mailer, user, "lee@example.com")
    core.emails.send_confirmation(user.id)
    core.emails.request_change(user.id, "ann.lee@example.com")
    core.outbox.deliver()
    secret = found_in(next(mail.text for mail in mailer.sent if mail.kind is kind))
    purposes = {
        MailKind.EMAIL_CHANGE: core.emails.confirm_change,
        MailKind.EMAIL_CHANGED_UNDO: core.emails.undo_change,
        MailKind.CONFIRMATION: core.emails.confirm,
    }
    for other in purposes.keys() - {kind}:
        with refused(core, TokenUnknown):
            purposes[other](secret)
    for secretless in ("", "uce_", secret[:-1], secret + "0", "\ud800"):
        with refused(core, TokenUnknown):
            purposes[kind](secretless)


@pytest.mark.rule("E2", "E3", "K9")
@pytest.mark.parametrize("why", ["deactivated", "unclaimed", "inactive tenant", "no active role"])
def test_links_do_nothing_for_a_user_who_may_not_sign_in(core: UserCore, mailer: MemoryMailer, why: str) -> None:
    tenant = add_tenant(core)
    acme = core.tenant(tenant.key)
    core.tenant("system").tenants.activate(tenant.key)
    user = verified(acme)
    undo, change = move(acme, mailer, user, "lee@example.com"), request(acme, mailer, user, "ann.lee@example.com")
    if why == "deactivated":
        acme.users.deactivate(user.id)
    elif why == "unclaimed":
        unclaim(acme, user)
    elif why == "no active role":
        acme.roles.require(user.id, required=True)
    else:
        core.tenant("system").tenants.deactivate(tenant.key)
    for call, secret in ((acme.emails.confirm_change, change), (acme.emails.undo_change, undo)):
        with refused(core, TokenInvalid):
            call(secret)


@pytest.mark.rule("E2")
def test_no_change_is_requested_for_a_user_who_is_not_active(core: UserCore) -> None:
    user = register(core)
    core.users.deactivate(user.id)
    with refused(core, WrongState, but=()):
        core.emails.request_change(user.id, "lee@example.com")
    with refused(core, WrongState, but=()):
        core.emails.send_confirmation(user.id)
    with refused(core, UserNotFound, but=()):
        core.emails.request_change(user.id + 1, "lee@example.com")


@pytest.mark.rule("E2")
def test_what_is_mailed_needs_a_mailer(core: UserCore) -> None:
    user, mute = register(core), over(core, mailer=None)
    for call in (
        lambda: mute.emails.request_change(user.id, "lee@example.com"),
        lambda: mute.emails.send_confirmation(user.id),
    ):
        with unchanged(core), pytest.raises(RuntimeError, match="needs a mailer"):
            call()


@pytest.mark.rule("E4")
def test_a_request_for_a_taken_or_malformed_address_is_refused(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core)
    register(core, "bob")
    with refused(core, Taken, but=()) as raised:
        core.emails.request_change(user.id, "BOB@example.com")
    assert (raised.value.space, raised.value.field) == ("login", "email")
    for malformed in ("", "lee@", "x" * 300):
        with refused(core, Invalid, but=()):
            core.emails.request_change(user.id, malformed)
    core.outbox.deliver()
    assert mailer.sent == []


@pytest.mark.rule("E4")
def test_a_request_for_the_same_address_changes_nothing_or_the_spelling(core: UserCore, mailer: MemoryMailer) -> None:
    user = verified(core)
    secret = request(core, mailer, user, "lee@example.com")
    with unchanged(core):
        assert core.emails.request_change(user.id, ANN).version == user.version
    respelled = core.emails.request_change(user.id, "ANN@example.com")
    assert (respelled.email, respelled.email_verified_at) == ("ANN@example.com", user.email_verified_at)
    core.outbox.deliver()
    assert len(mailer.sent) == 1
    assert core.emails.confirm_change(secret).email == "lee@example.com"


@pytest.mark.rule("E4", "U3")
def test_a_link_stays_valid_while_another_user_has_the_address(core: UserCore, mailer: MemoryMailer) -> None:
    user = verified(core)
    secret = request(core, mailer, user, "bob@example.com")
    bob = register(core, "bob")
    with refused(core, Taken, but=()):
        core.emails.confirm_change(secret)
    assert core.users.get(user.id).email == ANN
    core.emails.change(bob.id, "robert@example.com")
    assert core.emails.confirm_change(secret).email == "bob@example.com"


@pytest.mark.rule("E2")
def test_a_user_without_an_email_gets_one_by_a_link(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.import_users([{"external_id": "17"}])
    user = core.users.get(ExternalId("17"))
    assert core.emails.confirm_change(request(core, mailer, user, ANN)).email_verified
    core.outbox.deliver()
    assert [mail.kind for mail in mailer.sent] == [MailKind.EMAIL_CHANGE]


@attrs.define(kw_only=True)
class Intruder:
    """Someone who can call the host as the user, and reads the mail to the addresses that they set."""

    core: UserCore
    mailer: MemoryMailer
    user: User
    by_link: bool
    emails: list[str] = attrs.field(factory=list)
    undo_links: list[str] = attrs.field(factory=list)
    tokens: list[Secret] = attrs.field(factory=list)

    def change_email(self) -> None:
        """Change the email by a link, or by a host that changes it at once."""
        email = f"thief{len(self.emails)}@example.com"
        former = self.emails[-1] if self.emails else ANN
        if self.by_link:
            self.undo_links.append(move(self.core, self.mailer, self.user, email))
        else:
            self.core.emails.change(self.user.id, email, verified=True, undo=True)
            self.undo_links.append(mailed(self.core, self.mailer, former, MailKind.EMAIL_CHANGED_UNDO))
        self.emails.append(email)

    def set_password(self) -> None:
        """Set a password."""
        self.core.passwords.set(self.user.id, ANOTHER)

    def link_external_id(self) -> None:
        """Add an external id."""
        self.core.users.link_external_id(self.user.id, "thief")

    def set_access_ids(self) -> None:
        """Add access ids."""
        self.core.users.set_access_ids(self.user.id, ["1", "2"])

    def issue_api_token(self) -> None:
        """Create an API token as the user."""
        core = self.core.bind(actor=Actor.user(self.user.id))
        core.api_tokens.issue("thief")

    def sign_in(self) -> None:
        """Get an access token."""
        self.tokens.append(sign_in(self.core, self.user))

    def open_links(self) -> list[Callable[[], object]]:
        """Get a link of each kind, and a login token, and return the calls that use them."""
        core, email = self.core, self.emails[-1]
        core.passwords.request_reset(email)
        core.emails.send_confirmation(self.user.id)
        core.outbox.deliver()
        reset, confirmation = (
            mailed(core, self.mailer, email, kind) for kind in (MailKind.PASSWORD_RESET, MailKind.CONFIRMATION)
        )
        change = request(core, self.mailer, self.user, "late@example.com")
        login_token = core.login_tokens.issue(self.user.id)
        autologin = core.autologin_tokens.issue(self.user.id, valid_to=core._service.clock() + timedelta(days=1))
        return [
            lambda: core.passwords.reset(reset, ANOTHER),
            lambda: core.emails.confirm(confirmation),
            lambda: core.emails.confirm_change(change),
            lambda: core.sign_in.with_login_token(login_token),
            lambda: core.sign_in.with_autologin_token(autologin),
            *(partial(core.emails.undo_change, secret) for secret in self.undo_links),
        ]


ACTIONS = (
    Intruder.set_password,
    Intruder.link_external_id,
    Intruder.set_access_ids,
    Intruder.sign_in,
    Intruder.issue_api_token,
    Intruder.change_email,
)


@pytest.mark.rule("E3", "K9", "U6")
@pytest.mark.parametrize(
    "order", [*permutations(ACTIONS)][::101], ids=lambda order: ", ".join(action.__name__ for action in order)
)
@pytest.mark.parametrize("by_link", [True, False], ids=["by link", "by the host"])
def test_one_click_of_the_first_link_throws_the_intruder_out(
    core: UserCore,
    clock: FakeClock,
    mailer: MemoryMailer,
    order: tuple[Callable[[Intruder], None], ...],
    *,
    by_link: bool,
) -> None:
    user = verified(core, password=PASSWORD, username=ANN)
    intruder = Intruder(core=core, mailer=mailer, user=user, by_link=by_link)
    for action in (Intruder.change_email, *order):
        clock.tick()
        action(intruder)
    entries = intruder.open_links()
    clock.tick()
    restored = core.emails.undo_change(intruder.undo_links[0])
    assert (restored.email, restored.email_verified_at, restored.username) == (ANN, user.email_verified_at, ANN)
    assert (restored.external_id, restored.access_ids) == (None, (None,) * 4)
    assert core.users.get(Email(ANN)) == restored
    assert core.access_tokens.list(user.id).rows == ()
    assert core.api_tokens.list().rows == ()
    for login in (ANN, *intruder.emails):
        entries.append(partial(core.sign_in.with_password, login, ANOTHER))
    for entry in entries:
        with pytest.raises((TokenInvalid, SignInRefused)):
            entry()
    sent = len(mailer.sent)
    reset = mailed(core, mailer, ANN, MailKind.EMAIL_RESTORED)
    assert [mail.to for mail in mailer.sent[sent:]] == [ANN]
    core.passwords.reset(reset, PASSWORD)
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == user.id
    assert [register(core, email.partition("@")[0]).id == user.id for email in intruder.emails] == [False, False]


@pytest.mark.rule("E3", "K9")
def test_an_undo_removes_the_second_factors_and_codes_made_since_and_ends_the_challenges(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core, password=PASSWORD)
    app, own = enroll(core, user, name="own")
    codes = core.second_factors.recovery_codes(user.id)
    clock.tick()
    undo = move(core, mailer, user, "lee@example.com")
    stolen = core.login_tokens.issue(user.id)
    enroll(core, user, name="thief's")
    core.second_factors.begin(user.id)
    later = core.second_factors.recovery_codes(user.id)
    challenge = challenge_of(lambda: core.sign_in.with_login_token(stolen))
    clock.tick()
    core.emails.undo_change(undo)
    assert core.second_factors.list(user.id) == (own,)
    for code in (app.code(1), codes[0], later[0]):
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge, code)
    with pytest.raises(SignInRefused):
        core.second_factors.begin_by_challenge(challenge)
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core), later[0])
    assert core.sign_in.with_second_factor(challenge_for(core), app.code(1)).user.id == user.id


@pytest.mark.rule("E3", "K9")
@pytest.mark.parametrize("by_link", [True, False], ids=["by link", "by the host"])
def test_one_click_throws_the_intruder_out_although_the_clock_was_set_back_since(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, *, by_link: bool
) -> None:
    user = verified(core, password=PASSWORD, username=ANN)
    intruder = Intruder(core=core, mailer=mailer, user=user, by_link=by_link)
    intruder.change_email()
    clock.advance(timedelta(hours=-1))
    for action in (Intruder.sign_in, *ACTIONS):
        clock.tick()
        action(intruder)
    entries: list[Callable[[], object]] = intruder.open_links()
    entries.append(partial(core.sign_in.with_password, ANN, ANOTHER))
    clock.tick()
    core.emails.undo_change(intruder.undo_links[0])
    assert core.access_tokens.list(user.id).rows == ()
    assert core.api_tokens.list().rows == ()
    for entry in entries:
        with pytest.raises((TokenInvalid, SignInRefused)):
            entry()


@pytest.mark.rule("E3", "K9")
def test_what_was_there_before_the_request_stays(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core, password=PASSWORD)
    core.users.link_external_id(user.id, "own")
    core.users.set_access_ids(user.id, ["a-1", None, "a-3"])
    token, login_token = sign_in(core, user), core.login_tokens.issue(user.id)
    core.bind(actor=Actor.user(user.id)).api_tokens.issue("own")
    autologin = core.autologin_tokens.issue(user.id, valid_to=clock.now + timedelta(days=1))
    clock.tick()
    core.emails.undo_change(move(core, mailer, user, "lee@example.com"))
    assert opens(core, token)
    assert [token.name for token in core.api_tokens.list()] == ["own"]
    assert core.sign_in.with_autologin_token(autologin).user.id == user.id
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(login_token)
    assert core.sign_in.with_password(ANN, PASSWORD).user.external_id == "own"
    assert core.users.get(user.id).access_ids == ("a-1", None, "a-3", None)


@pytest.mark.rule("E3", "K9")
def test_api_tokens_that_an_intruder_issued_as_an_admin_in_other_tenants_are_revoked(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    system = core.tenant("system")
    admin = verified(system, password=PASSWORD)
    core.bind(actor=Actor.user(admin.id)).api_tokens.issue("own")
    clock.tick()
    undo = move(system, mailer, admin, "thief@example.com")
    core.bind(actor=Actor.user(admin.id)).api_tokens.issue("thief")
    system.emails.undo_change(undo)
    assert [token.name for token in core.api_tokens.list()] == ["own"]


@pytest.mark.rule("E3", "K9")
def test_what_was_made_between_the_request_and_the_change_ends_too(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core, password=PASSWORD)
    before = sign_in(core, user)
    clock.tick()
    core.emails.request_change(user.id, "thief@example.com")
    between = sign_in(core, user)
    core.users.link_external_id(user.id, "thief")
    clock.tick()
    core.emails.confirm_change(mailed(core, mailer, "thief@example.com", MailKind.EMAIL_CHANGE))
    clock.tick()
    restored = core.emails.undo_change(mailed(core, mailer, ANN, MailKind.EMAIL_CHANGED_UNDO))
    assert (opens(core, before), opens(core, between), restored.external_id) == (True, False, None)


@pytest.mark.rule("E3")
def test_ids_that_were_removed_since_are_restored_unless_another_user_has_them(
    core: UserCore, mailer: MemoryMailer
) -> None:
    user = verified(core)
    core.users.link_external_id(user.id, "own")
    core.users.set_access_ids(user.id, ["a-1", "a-2", "own"])
    undo = move(core, mailer, user, "thief@example.com")
    core.users.unlink_external_id(user.id)
    core.users.link_external_id(user.id, "thief")
    core.users.set_access_ids(user.id, [None, "thief", None, "a-4"])
    core.users.set_access_ids(register(core, "bob").id, ["a-1"])
    restored = core.emails.undo_change(undo)
    assert (restored.external_id, restored.access_ids) == ("own", (None, "a-2", "own", None))
    assert core.users.get(ExternalId("own")).id == user.id
    assert core.users.find(ExternalId("thief")) is None


@pytest.mark.rule("E3", "P5")
def test_a_password_that_was_set_since_is_void(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core, password=PASSWORD)
    undo = move(core, mailer, user, "thief@example.com")
    clock.tick()
    core.passwords.set(user.id, ANOTHER)
    core.emails.undo_change(undo)
    assert not core.users.status(user.id).password_set
    assert core.history.explain(user.id) == ("no_password",)
    clock.tick()
    core.passwords.set(user.id, PASSWORD)
    assert core.users.status(user.id).password_set
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == user.id


@pytest.mark.rule("E3", "R6")
def test_no_password_that_was_to_be_mailed_is_generated_after_an_undo(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core, password=PASSWORD)
    undo = move(core, mailer, user, "thief@example.com")
    clock.tick()
    core.passwords.set(user.id, ANOTHER)
    core.passwords.request_reset("thief@example.com")
    core.emails.undo_change(undo)
    told = len(mailer.sent)
    core.outbox.deliver()
    assert [(mail.to, mail.kind) for mail in mailer.sent[told:]] == [
        ("thief@example.com", MailKind.PASSWORD_CHANGED),
        (ANN, MailKind.EMAIL_RESTORED),
    ]


@pytest.mark.rule("E3")
def test_the_second_link_restores_only_the_second_address(core: UserCore, mailer: MemoryMailer) -> None:
    user = verified(core)
    first = move(core, mailer, user, "thief@example.com")
    second = move(core, mailer, user, "thief2@example.com")
    assert core.emails.undo_change(second).email == "thief@example.com"
    assert core.emails.undo_change(first).email == ANN
    for secret in (first, second):
        with refused(core, TokenInvalid):
            core.emails.undo_change(secret)


@pytest.mark.rule("E3")
def test_a_link_that_is_mailed_late_survives_the_undo_of_a_later_change(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core)
    core.emails.confirm_change(request(core, mailer, user, "thief@example.com"))
    clock.tick()
    core.emails.change(user.id, "thief2@example.com", verified=True, undo=True)
    clock.tick()
    second = mailed(core, mailer, "thief@example.com", MailKind.EMAIL_CHANGED_UNDO)
    first = mailed(core, mailer, ANN, MailKind.EMAIL_CHANGED_UNDO)
    core.emails.undo_change(second)
    assert core.emails.undo_change(first).email == ANN


@pytest.mark.rule("E3", "K7")
def test_an_undo_is_possible_for_seven_days(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core)
    first = move(core, mailer, user, "lee@example.com")
    clock.advance(LINKS.undo_lifetime - TICK)
    second = move(core, mailer, user, "ann.lee@example.com")
    clock.tick()
    with refused(core, TokenExpired):
        core.emails.undo_change(first)
    assert core.emails.undo_change(second).email == "lee@example.com"


@pytest.mark.rule("E3", "U3")
def test_a_former_address_is_held_for_seven_days(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user, bob = verified(core), register(core, "bob")
    move(core, mailer, user, "lee@example.com")
    until = clock.now + LINKS.undo_lifetime
    assert core.users.find(Email(ANN)) is None
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(ANN, PASSWORD)
    checked = core.registration.check_email(ANN)
    assert (checked.status, checked.user_id) == ("taken", None)
    calls: list[Callable[[], object]] = [
        lambda: core.emails.change(bob.id, ANN),
        lambda: core.emails.request_change(bob.id, ANN),
        lambda: core.users.update(bob.id, username=ANN),
    ]
    for call in calls:
        with unchanged(core), pytest.raises((Taken, Invalid)):
            call()
    (bad,) = core.registration.import_users([{"email": ANN, "first_name": "Eve"}]).bad
    assert [(error.field, error.reason) for error in bad.errors] == [("email", "taken")]
    clock.now = until - TICK
    core.cleanup()
    with refused(core, Taken):
        register(core)
    clock.now = until
    assert core.emails.request_change(bob.id, ANN).email == "bob@example.com"
    checked = core.registration.check_email(ANN)
    assert (checked.status, checked.user_id) == ("available", None)


@pytest.mark.rule("E3", "U3")
@pytest.mark.parametrize("way", ["register", "change", "import"])
def test_a_former_address_is_free_as_soon_as_it_is_no_longer_held(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, way: str
) -> None:
    user, bob = verified(core), register(core, "bob")
    undo = move(core, mailer, user, "lee@example.com")
    clock.advance(LINKS.undo_lifetime)
    ways: dict[str, Callable[[], object]] = {
        "register": lambda: register(core, password=PASSWORD),
        "change": lambda: core.emails.change(bob.id, ANN),
        "import": lambda: core.registration.import_users([{"email": ANN, "first_name": "Eve"}]),
    }
    ways[way]()
    assert core.users.get(Email(ANN)).id != user.id
    with refused(core, TokenExpired):
        core.emails.undo_change(undo)
    clock.tick()
    assert core.cleanup().held_keys == 0


@pytest.mark.rule("E3", "U3")
def test_the_user_may_take_a_held_address_again(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core)
    first = move(core, mailer, user, "lee@example.com")
    move(core, mailer, user, ANN)
    clock.advance(PAUSE)
    core.users.update(user.id, username=ANN)
    core.emails.change(user.id, "thief@example.com", undo=True)
    with refused(core, Taken):
        register(core)
    clock.advance(PAUSE)
    assert core.emails.undo_change(first).email == ANN
    clock.advance(LINKS.undo_lifetime + TICK)
    assert core.cleanup().held_keys == 0
    with refused(core, Taken):
        register(core)
    core.emails.change(user.id, "lee@example.com")
    clock.advance(PAUSE)
    assert register(core).id != user.id


@pytest.mark.rule("E1", "E3", "K9")
def test_a_change_without_undo_has_the_last_word(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core)
    first = move(core, mailer, user, "thief@example.com")
    second = move(core, mailer, user, "thief2@example.com")
    core.emails.change(user.id, "saved@example.com", verified=True)
    core.outbox.deliver()
    assert mailer.sent[-1].kind is MailKind.EMAIL_CHANGED
    for secret in (first, second):
        with refused(core, TokenRevoked):
            core.emails.undo_change(secret)
    clock.advance(PAUSE)
    assert register(core).id != user.id


@pytest.mark.rule("E3", "R7")
def test_an_import_of_another_email_has_the_last_word_too(core: UserCore, mailer: MemoryMailer) -> None:
    user = verified(core)
    undo = move(core, mailer, user, "thief@example.com")
    change = request(core, mailer, user, "thief2@example.com")
    assert core.registration.import_users([{"id": user.id, "email": "saved@example.com"}]).bad == ()
    assert core.registration.import_users([{"email": ANN, "external_id": "new"}]).bad == ()
    for call, secret in ((core.emails.undo_change, undo), (core.emails.confirm_change, change)):
        with refused(core, TokenRevoked):
            call(secret)


@pytest.mark.rule("E1", "E3")
@pytest.mark.parametrize("undo", [True, False])
def test_the_owner_of_an_unverified_address_is_told_nothing(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, *, undo: bool
) -> None:
    user = register(core)
    core.emails.change(user.id, "lee@example.com", undo=undo)
    core.emails.confirm_change(request(core, mailer, user, "ann.lee@example.com"))
    core.outbox.deliver()
    assert [mail.to for mail in mailer.sent] == ["ann.lee@example.com"]
    clock.advance(PAUSE)
    assert register(core).id != user.id
    assert register(core, "lee").id != user.id


@pytest.mark.rule("E3", "X2")
def test_the_history_of_an_undo_names_what_changed(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = verified(core)
    undo = move(core, mailer, user, "thief@example.com")
    core.users.link_external_id(user.id, "thief")
    clock.tick()
    core.emails.undo_change(undo)
    changes = {entry.kind: (entry.old, entry.new) for entry in core.history.of_user(user.id) if entry.at == clock.now}
    assert changes.keys() == {
        "link.redeemed",
        "user.ids_changed",
        "user.email_changed",
        "user.email_change_undone",
    }
    assert changes["user.ids_changed"][0] == {"external_id": "thief"}
    old, new = changes["user.email_changed"]
    assert (old["email"], new["email"]) == ("thief@example.com", ANN)
    assert changes["user.email_change_undone"][1] == {"email": ANN}


@pytest.mark.rule("U12")
def test_confirming_is_noted_once_and_verifies_nothing(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    confirmed = core.users.confirm(user.id)
    assert (confirmed.confirmed_at, confirmed.email_verified, confirmed.version) == (clock.now, False, user.version + 1)
    clock.tick()
    with unchanged(core):
        assert core.users.confirm(Email(ANN)).confirmed_at == confirmed.confirmed_at


@pytest.mark.rule("U6", "U12", "K7")
def test_a_confirmation_link_verifies_the_address_and_confirms(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core)
    core.emails.send_confirmation(user.id)
    secret = mailed(core, mailer, ANN, MailKind.CONFIRMATION)
    clock.tick()
    confirmed = core.emails.confirm(secret)
    assert (confirmed.confirmed_at, confirmed.email_verified_at) == (clock.now, clock.now)
    clock.tick()
    with refused(core, TokenRedeemed):
        core.emails.confirm(secret)
    core.emails.send_confirmation(user.id)
    again = core.emails.confirm(mailed(core, mailer, ANN, MailKind.CONFIRMATION))
    assert (again.confirmed_at, again.email_verified_at) == (confirmed.confirmed_at, confirmed.email_verified_at)


@pytest.mark.rule("U12", "K7")
def test_a_confirmation_link_ends_with_the_address_and_after_three_days(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core)
    core.emails.send_confirmation(user.id)
    old = mailed(core, mailer, ANN, MailKind.CONFIRMATION)
    core.emails.change(user.id, "lee@example.com")
    with refused(core, TokenRevoked):
        core.emails.confirm(old)
    core.emails.send_confirmation(user.id)
    late = mailed(core, mailer, "lee@example.com", MailKind.CONFIRMATION)
    clock.advance(LINKS.confirmation_lifetime)
    with refused(core, TokenExpired):
        core.emails.confirm(late)


@pytest.mark.rule("U12")
def test_no_confirmation_is_sent_without_an_address(core: UserCore) -> None:
    core.registration.import_users([{"external_id": "17"}])
    with refused(core, Invalid, but=()):
        core.emails.send_confirmation(ExternalId("17"))


@pytest.mark.rule("E2", "E3", "U12")
def test_a_core_of_several_calls_takes_requests_but_no_links(core: UserCore) -> None:
    user = verified(core)
    core.atomic(
        lambda core: (
            core.emails.request_change(user.id, "a@example.com"),
            core.emails.request_change(user.id, "b@example.com"),
        )
    )
    changes = core._service.units.read(lambda unit: unit.email_changes.list_of(user.id))
    assert [change.state for change in changes] == [EmailChangeState.CANCELLED, EmailChangeState.REQUESTED]
    with pytest.raises(TypeError, match="undo_change"):
        core.atomic(lambda core: core.emails.undo_change("uc"))


@pytest.mark.rule("K8")
def test_changes_are_removed_thirty_days_after_they_ended(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = verified(core)
    move(core, mailer, user, "lee@example.com")
    clock.advance(LINKS.undo_lifetime + core.policy.retention.tokens)
    assert core.cleanup().email_changes == 0
    clock.tick()
    assert core.cleanup().email_changes == 1


@attrs.define
class DeadMailbox(MemoryMailer):
    """Fails for one address."""

    address: str = "thief@example.com"

    def __attrs_pre_init__(self) -> None:
        MemoryMailer.__init__(self)

    def send(self, mail: Mail) -> None:
        if mail.to == self.address:
            raise ConnectionError
        super().send(mail)


@pytest.mark.rule("E3", "X3")
def test_a_mailbox_of_an_intruder_that_fails_delays_no_mail_to_the_owner(core: UserCore) -> None:
    user, mailer = verified(core, password=PASSWORD), DeadMailbox()
    core = over(core, mailer=mailer)
    core.emails.change(user.id, "thief@example.com", verified=True, undo=True)
    core.emails.send_confirmation(user.id)
    core.passwords.request_reset("thief@example.com")
    core.outbox.deliver()
    core.emails.undo_change(found_in(mailer.sent[-1].text))
    core.outbox.deliver()
    assert [(mail.to, mail.kind) for mail in mailer.sent] == [
        (ANN, MailKind.EMAIL_CHANGED_UNDO),
        (ANN, MailKind.EMAIL_RESTORED),
    ]


@pytest.mark.rule("E3", "R6", "U12")
def test_a_link_that_is_mailed_again_replaces_the_older_one_of_its_change_only(
    core: UserCore, mailer: MemoryMailer
) -> None:
    user = verified(core)
    first = move(core, mailer, user, "lee@example.com")
    move(core, mailer, user, "ann.lee@example.com")
    core.emails.send_confirmation(user.id)
    older = mailed(core, mailer, "ann.lee@example.com", MailKind.CONFIRMATION)
    core.emails.send_confirmation(user.id)
    newer = mailed(core, mailer, "ann.lee@example.com", MailKind.CONFIRMATION)
    with refused(core, TokenRevoked):
        core.emails.confirm(older)
    assert core.emails.confirm(newer).confirmed_at
    assert core.emails.undo_change(first).email == ANN
