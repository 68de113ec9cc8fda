"""What ends what: each cell of the table in spec K9, by public calls only.

``THINGS`` are the columns, made and used as hosts and users do; ``EVENTS`` are the rows, and say what becomes of each
thing. A new kind of token, a new reason of revocations or a new way to end a user fails here until it has its cells.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any, Final, TypeAlias

import attrs
import pytest

from tests.email_change.undo_races import mailed
from tests.services.factors import App, challenge_of
from tests.services.helpers import ANOTHER, PASSWORD, over, register, sign_in, unclaim
from tests.services.passkey_helpers import add, enter
from usercore import (
    Actor,
    MailKind,
    RevocationPolicy,
    RevocationReason,
    SecondFactorRequired,
    Secret,
    TokenKind,
    User,
    UserCore,
    UsercoreError,
)
from usercore.storage import Storage
from usercore.testing import FakeClock, MemoryMailer
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore_storage import memory

LEE: Final = "lee@example.com"
ZOE: Final = "zoe@example.com"

HOUR: Final = timedelta(hours=1)

KEPT, ENDED, REFUSED = "valid", "ended", "refused, and valid again when the event is over"
"""What becomes of a thing."""


@pytest.fixture
def kept_in() -> Iterator[Storage]:
    """Return one storage: the contracts prove that all of them behave alike."""
    with closing(memory.open_storage("memory://")) as storage:
        yield storage


@attrs.frozen(kw_only=True)
class Holder:
    """A user with a verified email and a role, the session in which the user acts, and another one."""

    core: UserCore
    clock: FakeClock
    mailer: MemoryMailer
    user: User
    session: Secret
    other: Secret

    @property
    def email(self) -> str:
        """The present email."""
        email = self.core.users.get(self.user.id).email
        assert email is not None
        return email

    def mailed(self, to: str, kind: MailKind) -> str:
        """Return the secret of the newest link of a kind that was mailed to an address."""
        return mailed(self.core, self.mailer, to, kind)

    def change_email_by_link(self, email: str) -> str:
        """Change the email by a link, and return the secret of the one that undoes it."""
        former = self.email
        self.core.emails.request_change(self.user.id, email)
        self.core.emails.confirm_change(self.mailed(email, MailKind.EMAIL_CHANGE))
        return self.mailed(former, MailKind.EMAIL_CHANGED_UNDO)


def holder_in(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> Holder:
    user = core.emails.set_verified(register(core, password=PASSWORD).id, verified=True)
    core.roles.give(user.id, core.roles.create("Reader").id)
    session, other = sign_in(core, user), sign_in(core, user)
    clock.advance(HOUR)
    return Holder(core=core, clock=clock, mailer=mailer, user=user, session=session, other=other)


Use: TypeAlias = Callable[[], object]
"""Uses a thing; raises an error of usercore, or returns something false, if that is not possible."""


def _mailed_link(kind: MailKind, ask: Callable[[Holder], object], use: str, *values: str) -> Callable[[Holder], Use]:
    def make(holder: Holder) -> Use:
        ask(holder)
        to = ZOE if kind is MailKind.EMAIL_CHANGE else holder.email
        secret, call = holder.mailed(to, kind), use.split(".")
        return lambda: getattr(getattr(holder.core, call[0]), call[1])(secret, *values)

    return make


def _login_token(holder: Holder) -> Use:
    secret = holder.core.login_tokens.issue(holder.user.id)
    return lambda: holder.core.sign_in.with_login_token(secret)


def _autologin_token(holder: Holder) -> Use:
    until = holder.clock.now + timedelta(days=1)
    secret = holder.core.autologin_tokens.issue(holder.user.id, valid_to=until, max_uses=9)
    return lambda: holder.core.sign_in.with_autologin_token(secret)


def _pairing(holder: Holder) -> Use:
    """Pair both sessions, or a new one, with a device; it ends when no session is paired."""
    device = holder.core.device_tokens.issue("phone")
    for session in (holder.session, holder.other, sign_in(holder.core, holder.user)):
        holder.core.device_tokens.pair(session, device)
    return lambda: holder.core.device_tokens.users(device)


def _device_token(holder: Holder) -> Use:
    device = holder.core.device_tokens.issue("phone")
    return lambda: holder.core.sign_in.trusted(holder.user.id, device_token=device)


def _undo_link(holder: Holder) -> Use:
    secret = holder.change_email_by_link(ZOE)
    return lambda: holder.core.emails.undo_change(secret)


def _api_token(holder: Holder) -> Use:
    issued = holder.core.bind(actor=Actor.user(holder.user.id)).api_tokens.issue("app")
    holder.core.api_tokens.grant(issued.token.public_id, ["read"])
    return lambda: holder.core.api_tokens.authorize(issued.secret, "read", ip="203.0.113.9")


def _factor(holder: Holder) -> Use:
    app = App(holder.core.second_factors.begin(holder.user.id), holder.clock)
    holder.core.second_factors.confirm(holder.user.id, app.code())

    def use() -> object:
        holder.clock.advance(timedelta(seconds=30))  # a code counts once
        token = holder.core.login_tokens.issue(holder.user.id)
        try:
            holder.core.sign_in.with_login_token(token)
        except SecondFactorRequired as required:
            return holder.core.sign_in.with_second_factor(required.challenge, app.code())
        return False  # no code was asked for

    return use


def _sign_in_challenge(holder: Holder) -> Use:
    app = App(holder.core.second_factors.begin(holder.user.id), holder.clock)
    holder.core.second_factors.confirm(holder.user.id, app.code())
    token = holder.core.login_tokens.issue(holder.user.id)
    challenge = challenge_of(lambda: holder.core.sign_in.with_login_token(token))
    return lambda: holder.core.sign_in.with_second_factor(challenge, app.code(1))


def _passkey(holder: Holder) -> Use:
    device = SoftwareAuthenticator()
    add(holder.core, holder.user, device)
    return lambda: enter(holder.core, device)


def _passkey_challenge(holder: Holder) -> Use:
    device, begun = SoftwareAuthenticator(), holder.core.passkeys.begin_registration(holder.user.id)
    response = device.create(begun.options)
    return lambda: holder.core.passkeys.finish_registration(holder.user.id, begun.secret, response)


def _session(holder: Holder) -> Use:
    secret = sign_in(holder.core, holder.user)
    return lambda: holder.core.sign_in.identify(secret)


def _weak_session(holder: Holder) -> Use:
    """Sign in by a way that signs in no privileged user."""
    secret = holder.core.sign_in.with_login_token(holder.core.login_tokens.issue(holder.user.id)).access_token
    assert secret is not None
    return lambda: holder.core.sign_in.identify(secret)


THINGS: Final[dict[str, Callable[[Holder], Use]]] = {
    "this session": lambda holder: lambda: holder.core.sign_in.identify(holder.session),
    "another session": _session,
    "weak session": _weak_session,
    "login token": _login_token,
    "autologin token": _autologin_token,
    "pairing": _pairing,
    "device token": _device_token,
    "reset link": _mailed_link(
        MailKind.PASSWORD_RESET, lambda one: one.core.passwords.request_reset(one.email), "passwords.reset", ANOTHER
    ),
    "confirmation link": _mailed_link(
        MailKind.CONFIRMATION, lambda one: one.core.emails.send_confirmation(one.user.id), "emails.confirm"
    ),
    "link of a change": _mailed_link(
        MailKind.EMAIL_CHANGE, lambda one: one.core.emails.request_change(one.user.id, ZOE), "emails.confirm_change"
    ),
    "undo link": _undo_link,
    "API token": _api_token,
    "factor": _factor,
    "sign-in challenge": _sign_in_challenge,
    "passkey": _passkey,
    "passkey challenge": _passkey_challenge,
}
"""How each thing is made, and then used. The registration link has no user, so no event of a user ends it."""

OF_KINDS: Final = {
    TokenKind.ACCESS: "another session",
    TokenKind.LOGIN: "login token",
    TokenKind.AUTOLOGIN: "autologin token",
    TokenKind.DEVICE: "device token",
    TokenKind.RESET: "reset link",
    TokenKind.CONFIRMATION: "confirmation link",
    TokenKind.EMAIL_CHANGE: "link of a change",
    TokenKind.EMAIL_UNDO: "undo link",
    TokenKind.API: "API token",
    TokenKind.PASSKEY: "passkey challenge",
}

SESSIONS: Final = ("another session", "weak session", "login token", "autologin token")
LINKS: Final = ("reset link", "confirmation link", "link of a change")
CHALLENGES: Final = ("sign-in challenge", "passkey challenge")
SIGNING_IN: Final = ("this session", *SESSIONS, "device token", "factor", "passkey", "sign-in challenge")

Cells: TypeAlias = dict[str, str]


def ends(*things: str) -> Cells:
    return dict.fromkeys(things, ENDED)


def refuses(*things: str) -> Cells:
    return dict.fromkeys(things, REFUSED)


@attrs.frozen(kw_only=True)
class Event:
    """What happens, what becomes of things (those that are not named stay valid), and what makes it over."""

    happen: Callable[..., object]
    cells: Cells = attrs.field(factory=dict)
    over: Callable[[Holder], object] | None = None
    before: Callable[[Holder], Any] | None = None
    """What comes before the things are made; ``happen`` gets its result as a second argument."""
    policy: RevocationPolicy = RevocationPolicy()
    reason: RevocationReason | None = None


def _reset(holder: Holder) -> None:
    holder.core.passwords.request_reset(holder.email)
    holder.core.passwords.reset(holder.mailed(holder.email, MailKind.PASSWORD_RESET), ANOTHER)


def _change(holder: Holder) -> None:
    assert holder.core.passwords.change(holder.session, PASSWORD, ANOTHER)


def _undo_what_was_requested_after(holder: Holder) -> None:
    holder.clock.tick()
    secret = holder.change_email_by_link(LEE)
    holder.clock.tick()
    holder.core.emails.undo_change(secret)


def _system(holder: Holder) -> Any:
    return holder.core.tenant("system").tenants


NEW_PASSWORD: Final = ends("this session", *SESSIONS, "pairing", *LINKS, *CHALLENGES)
KEEP_ALL: Final = RevocationPolicy(keep_at_password_change=True, keep_at_deactivation=True)


def _claim_away(one: Holder) -> None:
    """Claim, for another user, what the holder has, who is made unclaimed for that."""
    unclaim(one.core, one.user)
    one.core.registration.claim(one.user.id, register(one.core, "claimer").id)


def _deactivate(holder: Holder) -> None:
    holder.core.users.deactivate(holder.user.id)


def _activate(holder: Holder) -> None:
    holder.core.users.activate(holder.user.id)


EVENTS: Final[dict[str, Event]] = {
    "nothing": Event(happen=lambda one: one.core.meta.upsert(one.user.id, "size", "9")),
    "sign out": Event(happen=lambda one: one.core.access_tokens.revoke(one.session), cells=ends("this session")),
    "sign out everywhere": Event(
        happen=lambda one: one.core.access_tokens.revoke_all(one.user.id),
        cells=ends("this session", "another session", "weak session", "login token", "pairing", "passkey challenge"),
        reason=RevocationReason.SIGNED_OUT,
    ),
    "password changed by its owner": Event(
        happen=_change,
        cells=ends(*SESSIONS, *LINKS, *CHALLENGES),
        reason=RevocationReason.PASSWORD_CHANGED,
    ),
    "password changed by its owner, with a policy that keeps tokens": Event(
        happen=_change,
        cells=ends("reset link", "sign-in challenge"),  # both are bound to the password
        policy=KEEP_ALL,
    ),
    "password reset": Event(happen=_reset, cells=NEW_PASSWORD, reason=RevocationReason.RESET_REQUESTED),
    "password set by an operator": Event(
        happen=lambda one: one.core.passwords.set(one.user.id, ANOTHER),
        cells=NEW_PASSWORD,
        policy=KEEP_ALL,
        reason=RevocationReason.PASSWORD_SET,
    ),
    "suspicious": Event(
        happen=lambda one: one.core.passwords.mark_suspicious(one.user.id), cells=NEW_PASSWORD, policy=KEEP_ALL
    ),
    "another reset requested": Event(
        happen=lambda one: (one.core.passwords.request_reset(one.email), one.core.outbox.deliver()),
        cells=ends("reset link"),
    ),
    "email changed at once": Event(
        happen=lambda one: one.core.emails.change(one.user.id, LEE),
        cells=ends("login token", *LINKS, *CHALLENGES, "undo link"),  # the host has the last word
        reason=RevocationReason.EMAIL_CHANGED,
    ),
    "email changed by a link": Event(
        happen=lambda one: one.change_email_by_link(LEE),
        cells=ends("login token", *LINKS, *CHALLENGES),
    ),
    "email respelled": Event(
        happen=lambda one: one.core.emails.change(one.user.id, one.email.upper()),
        cells=ends("sign-in challenge"),  # it is bound to the version of the user
    ),
    "change of the email undone that was requested after": Event(
        happen=_undo_what_was_requested_after,
        cells=ends("login token", *LINKS, *CHALLENGES),
    ),
    "change of the email undone that was requested before": Event(
        before=lambda one: (one.change_email_by_link(LEE), one.clock.tick())[0],
        happen=lambda one, secret: one.core.emails.undo_change(secret),
        cells=ends(*(set(THINGS) - {"this session", "device token"})),  # made before, and no credential
        reason=RevocationReason.EMAIL_UNDONE,
    ),
    "deactivated": Event(
        happen=_deactivate,
        over=_activate,
        cells=ends(
            "this session",
            "another session",
            "weak session",
            "login token",
            "pairing",
            *LINKS,
            "undo link",
            "passkey challenge",
        )
        | refuses("autologin token", "device token", "factor", "passkey")
        | ends("sign-in challenge"),  # it is bound to the version of the user
        reason=RevocationReason.DEACTIVATED,
    ),
    "claimed away": Event(
        happen=_claim_away,
        over=_activate,
        cells=ends(*(set(THINGS) - {"API token", "device token"})) | refuses("device token"),
        reason=RevocationReason.CLAIMED_AWAY,
    ),
    "erased": Event(
        happen=lambda one: one.core.privacy.erase(one.user.id, "asked for it"),
        cells=ends(*(set(THINGS) - {"API token"})),  # it is a program's; a device token is no credential
        policy=KEEP_ALL,
    ),
    "deactivated, with a policy that keeps tokens": Event(
        happen=_deactivate,
        over=_activate,
        cells=refuses(*SIGNING_IN, "pairing", *LINKS, "undo link", "passkey challenge") | ends("sign-in challenge"),
        policy=KEEP_ALL,
    ),
    "inactive tenant": Event(
        happen=lambda one: _system(one).deactivate("main"),
        over=lambda one: _system(one).activate("main"),
        cells=refuses(*SIGNING_IN, "pairing", *LINKS, "undo link", "passkey challenge", "API token"),
    ),
    "privileged": Event(
        happen=lambda one: one.core.roles.give(one.user.id, one.core.roles.create("Staff", privileged=True).id),
        over=lambda one: one.core.roles.take(one.user.id, "Staff"),
        cells=refuses("weak session", "login token", "autologin token", "device token", "factor", "sign-in challenge"),
    ),
    "privileged by a change of the role": Event(
        happen=lambda one: one.core.roles.update("Reader", privileged=True),
        over=lambda one: one.core.roles.update("Reader", privileged=False),
        cells=refuses("weak session", "login token", "autologin token", "device token", "factor", "sign-in challenge"),
    ),
    "only inactive roles": Event(
        happen=lambda one: one.core.roles.update("Reader", active=False),
        over=lambda one: one.core.roles.update("Reader", active=True),
        cells=refuses(*SIGNING_IN, "pairing", *LINKS, "undo link"),
    ),
}


def is_usable(use: Use) -> bool:
    try:
        return bool(use())
    except UsercoreError:
        return False


@pytest.mark.rule("K9")
def test_every_kind_of_token_and_every_reason_has_its_cells() -> None:
    assert set(TokenKind) - {TokenKind.REGISTRATION} == OF_KINDS.keys(), "THINGS need each kind that has a user"
    assert set(OF_KINDS.values()) <= THINGS.keys()
    assert set(RevocationReason) == {event.reason for event in EVENTS.values()} - {None}, "EVENTS need each reason"


@pytest.mark.rule("K9", "T5")
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("thing", THINGS)
def test_each_event_does_to_each_thing_what_the_table_says(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, thing: str, name: str
) -> None:
    event = EVENTS[name]
    core = over(core, policy=attrs.evolve(core.policy, revocation=event.policy))
    holder = holder_in(core, clock, mailer)
    earlier = () if event.before is None else (event.before(holder),)
    use = THINGS[thing](holder)
    event.happen(holder, *earlier)
    fate = event.cells.get(thing, KEPT)
    assert is_usable(use) == (fate == KEPT)
    if event.over is not None and fate != KEPT:
        event.over(holder)
        assert is_usable(use) == (fate == REFUSED)


@pytest.mark.rule("K9")
@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.reason is not None])
def test_each_reason_is_recorded_by_its_event(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, name: str
) -> None:
    event, holder = EVENTS[name], holder_in(core, clock, mailer)
    earlier = () if event.before is None else (event.before(holder),)
    _login_token(holder)
    THINGS["reset link"](holder)
    event.happen(holder, *earlier)
    reasons = [entry.new["reason"] for entry in core.history.of_user(holder.user.id) if entry.kind == "tokens.revoked"]
    assert event.reason in reasons


@pytest.mark.rule("K9")
@pytest.mark.parametrize("thing", THINGS)
def test_events_of_a_user_do_not_end_what_others_have(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer, thing: str
) -> None:
    holder, bob = holder_in(core, clock, mailer), core.emails.set_verified(register(core, "bob").id, verified=True)
    theirs = attrs.evolve(holder, user=bob, session=sign_in(core, bob), other=sign_in(core, bob))
    use = THINGS[thing](theirs)
    core.passwords.set(holder.user.id, ANOTHER)
    core.passwords.mark_suspicious(holder.user.id)
    core.emails.change(holder.user.id, LEE)
    core.access_tokens.revoke_all(holder.user.id)
    core.users.deactivate(holder.user.id)
    assert is_usable(use)
