"""Which event revokes which kind of token: each cell of the table in spec K9, by public calls.

A new kind of token or a new reason of revocations fails here until it has its row or column.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import attrs
import pytest

from tests.services.helpers import ANN, ANOTHER, PASSWORD, over, register, sign_in
from usercore import (
    RevocationPolicy,
    RevocationReason,
    Secret,
    SignInRefused,
    TokenInvalid,
    TokenKind,
    User,
    UserCore,
)
from usercore.kernel.secret import digest_of
from usercore.storage import Unit
from usercore.testing import NOON, TICK, FakeRandomness, MemoryMailer
from usercore.tokens.service import find_redeemable, issue, revoke_all

DAY = timedelta(days=1)

K: TypeAlias = TokenKind

KEPT, REVOKED, REFUSED = "valid", "revoked", "refused, and valid again when the event is undone"
"""What becomes of a token."""


@attrs.frozen
class Holder:
    """A user, and the access token of the present session."""

    core: UserCore
    user: User
    session: Secret


def issue_link(holder: Holder, kind: TokenKind) -> Secret:
    """Issue a link as the mails do."""

    def work(unit: Unit) -> Secret:
        unit.lock(holder.user.id)
        return issue(unit, kind, holder.user.id, at=NOON, lifetime=DAY, randomness=FakeRandomness(kind.name))

    return holder.core._service.units.write(work)


def find_link(holder: Holder, kind: TokenKind, secret: Secret) -> object:
    """Return the link if it can be redeemed."""
    return holder.core._service.units.read(lambda unit: find_redeemable(unit, secret, kind, now=NOON))


def change_password(holder: Holder) -> None:
    """Revoke what a user's own change of the password revokes."""

    def work(unit: Unit) -> None:
        unit.lock(holder.user.id)
        revoke_all(
            unit,
            holder.user.id,
            RevocationReason.PASSWORD_CHANGED,
            at=NOON,
            keep=digest_of(holder.session),
            policy=holder.core.policy.revocation,
        )

    holder.core._service.units.write(work)


def undo_email_change(holder: Holder, *, since: datetime) -> None:
    """Revoke what the undo of an email change revokes; ``tests/email_change/test_email_changes.py`` has all of it."""

    def work(unit: Unit) -> None:
        unit.lock(holder.user.id)
        revoke_all(unit, holder.user.id, RevocationReason.EMAIL_UNDONE, at=NOON, since=since)

    holder.core._service.units.write(work)


def request_reset(holder: Holder) -> str:
    """Request a link that resets the password, and return its secret."""
    mailer = holder.core._runtime.host.mailer
    assert isinstance(mailer, MemoryMailer)
    holder.core.passwords.request_reset(ANN)
    holder.core.outbox.deliver()
    return mailer.sent[-1].text.split("/reset#")[1].split()[0]


LINKS: Final = (K.RESET, K.CONFIRMATION, K.EMAIL_CHANGE, K.EMAIL_UNDO, K.PASSKEY)

ISSUE: Final[dict[TokenKind, Callable[[Holder], Secret]]] = {
    K.ACCESS: lambda holder: sign_in(holder.core, holder.user),
    K.LOGIN: lambda holder: holder.core.login_tokens.issue(holder.user.id),
    K.AUTOLOGIN: lambda holder: holder.core.autologin_tokens.issue(holder.user.id, valid_to=NOON + DAY, max_uses=9),
    **{kind: lambda holder, kind=kind: issue_link(holder, kind) for kind in LINKS},  # type: ignore[misc]  # a default
}
"""How a token of each kind is issued to a user."""

OPEN: Final[dict[TokenKind, Callable[[Holder, Secret], object]]] = {
    K.ACCESS: lambda holder, secret: holder.core.sign_in.identify(secret),
    K.LOGIN: lambda holder, secret: holder.core.sign_in.with_login_token(secret),
    K.AUTOLOGIN: lambda holder, secret: holder.core.sign_in.with_autologin_token(secret),
    **{kind: lambda holder, secret, kind=kind: find_link(holder, kind, secret) for kind in LINKS},  # type: ignore[misc]
}
"""How it is used."""

WITHOUT_USER: Final = {K.REGISTRATION, K.API, K.DEVICE}
"""Kinds that no event of a user revokes. What events do to pairings is in ``test_device_tokens.py``."""

Event: TypeAlias = Callable[[Holder], object]

EVENTS: Final[dict[str, tuple[Event, Event | None, dict[TokenKind, str]]]] = {
    "nothing": (lambda holder: holder.core.users.update(holder.user.id, first_name="Ann"), None, {}),
    "sign out": (lambda holder: holder.core.access_tokens.revoke(holder.session), None, {}),
    "sign out everywhere": (
        lambda holder: holder.core.access_tokens.revoke_all(holder.user.id),
        None,
        {K.ACCESS: REVOKED, K.LOGIN: REVOKED, K.PASSKEY: REVOKED},
    ),
    "password changed": (change_password, None, dict.fromkeys(K, REVOKED) | {K.EMAIL_UNDO: KEPT}),
    "password set": (
        lambda holder: holder.core.passwords.set(holder.user.id, ANOTHER),
        None,
        dict.fromkeys(K, REVOKED) | {K.EMAIL_UNDO: KEPT},
    ),
    "password reset": (
        lambda holder: holder.core.passwords.reset(request_reset(holder), ANOTHER),
        None,
        dict.fromkeys(K, REVOKED) | {K.EMAIL_UNDO: KEPT},
    ),
    "another reset requested": (request_reset, None, {K.RESET: REVOKED}),
    "email changed": (
        lambda holder: holder.core.emails.change(holder.user.id, "a@example.com"),
        None,
        dict.fromkeys([K.LOGIN, K.RESET, K.CONFIRMATION, K.EMAIL_CHANGE, K.PASSKEY], REVOKED),
    ),
    "email change undone, requested before": (
        lambda holder: undo_email_change(holder, since=NOON),
        None,
        dict.fromkeys(K, REVOKED) | {K.EMAIL_UNDO: KEPT},
    ),
    "email change undone, requested since": (
        lambda holder: undo_email_change(holder, since=NOON + TICK),
        None,
        dict.fromkeys([K.LOGIN, K.RESET, K.CONFIRMATION, K.EMAIL_CHANGE, K.PASSKEY], REVOKED),
    ),
    "email respelled": (lambda holder: holder.core.emails.change(holder.user.id, "ANN@example.com"), None, {}),
    "email verified": (lambda holder: holder.core.emails.set_verified(holder.user.id, verified=True), None, {}),
    "deactivated": (
        lambda holder: holder.core.users.deactivate(holder.user.id),
        lambda holder: holder.core.users.activate(holder.user.id),
        dict.fromkeys(K, REVOKED) | {K.AUTOLOGIN: REFUSED},
    ),
    "inactive tenant": (
        lambda holder: holder.core.tenant("system").tenants.deactivate("main"),
        lambda holder: holder.core.tenant("system").tenants.activate("main"),
        dict.fromkeys([K.ACCESS, K.LOGIN, K.AUTOLOGIN], REFUSED),
    ),
}
"""Each event, how it is undone, and what becomes of the tokens; those that are not named stay valid."""

REASONS: Final = {
    RevocationReason.SIGNED_OUT: "sign out everywhere",
    RevocationReason.PASSWORD_CHANGED: "password changed",
    RevocationReason.PASSWORD_SET: "password set",
    RevocationReason.RESET_REQUESTED: "another reset requested",
    RevocationReason.EMAIL_CHANGED: "email changed",
    RevocationReason.EMAIL_UNDONE: "email change undone, requested before",
    RevocationReason.DEACTIVATED: "deactivated",
}
"""The event that has each reason."""

OF_USERS: Final = [kind for kind in TokenKind if kind not in WITHOUT_USER]


def holder_in(core: UserCore) -> Holder:
    user = register(core, password=PASSWORD)
    return Holder(core, user, sign_in(core, user))


def is_open(holder: Holder, kind: TokenKind, secret: Secret) -> bool:
    try:
        OPEN[kind](holder, secret)
    except (SignInRefused, TokenInvalid):
        return False
    return True


@pytest.mark.rule("K9")
def test_every_kind_of_token_and_every_reason_has_its_cells() -> None:
    assert set(OF_USERS) == ISSUE.keys() == OPEN.keys(), "ISSUE and OPEN need each kind"
    assert set(RevocationReason) == REASONS.keys(), "REASONS and EVENTS need each reason"


@pytest.mark.rule("K9")
@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_each_reason_is_recorded_by_its_event(core: UserCore, reason: RevocationReason) -> None:
    holder = holder_in(core)
    core.login_tokens.issue(holder.user.id)
    issue_link(holder, K.RESET)
    EVENTS[REASONS[reason]][0](holder)
    reasons = [entry.new["reason"] for entry in core.history.of_user(holder.user.id) if entry.kind == "tokens.revoked"]
    assert reasons == [reason]


@pytest.mark.rule("K9")
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", OF_USERS, ids=lambda kind: kind.name)
def test_each_event_does_to_each_kind_what_the_table_says(core: UserCore, kind: TokenKind, event: str) -> None:
    holder = holder_in(core)
    secret = ISSUE[kind](holder)
    happen, undo, cells = EVENTS[event]
    fate = cells.get(kind, KEPT)
    happen(holder)
    assert is_open(holder, kind, secret) == (fate == KEPT)
    if undo is not None and fate != KEPT:
        undo(holder)
        assert is_open(holder, kind, secret) == (fate == REFUSED)


@pytest.mark.rule("K9")
@pytest.mark.parametrize("event", EVENTS)
def test_the_token_of_the_present_session_survives_its_own_change_of_the_password(core: UserCore, event: str) -> None:
    holder = holder_in(core)
    EVENTS[event][0](holder)
    survives = EVENTS[event][2].get(K.ACCESS, KEPT) == KEPT and event != "sign out"
    assert is_open(holder, K.ACCESS, holder.session) == (survives or event == "password changed")


@pytest.mark.rule("K9")
@pytest.mark.parametrize("kind", OF_USERS, ids=lambda kind: kind.name)
def test_events_of_a_user_do_not_revoke_the_tokens_of_others(core: UserCore, kind: TokenKind) -> None:
    holder, bob = holder_in(core), register(core, "bob")
    theirs = Holder(core, bob, sign_in(core, bob))
    secret = ISSUE[kind](theirs)
    change_password(holder)
    core.passwords.set(holder.user.id, ANOTHER)
    core.emails.change(holder.user.id, "a@example.com")
    core.access_tokens.revoke_all(holder.user.id)
    core.users.deactivate(holder.user.id)
    assert is_open(theirs, kind, secret)


@pytest.mark.rule("K9")
@pytest.mark.parametrize("kind", [K.ACCESS, K.LOGIN, K.AUTOLOGIN], ids=lambda kind: kind.name)
def test_a_policy_keeps_tokens_at_deactivation_which_are_refused_meanwhile(core: UserCore, kind: TokenKind) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_deactivation=True)))
    holder = holder_in(kept)
    secret = ISSUE[kind](holder)
    kept.users.deactivate(holder.user.id)
    assert not is_open(holder, kind, secret)
    kept.users.activate(holder.user.id)
    assert is_open(holder, kind, secret)
    change_password(holder)
    assert not is_open(holder, kind, secret)


@pytest.mark.rule("K9")
@pytest.mark.parametrize("kind", OF_USERS, ids=lambda kind: kind.name)
def test_a_policy_keeps_tokens_when_their_user_changes_the_password(core: UserCore, kind: TokenKind) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_password_change=True)))
    holder = holder_in(kept)
    secret = ISSUE[kind](holder)
    change_password(holder)
    assert is_open(holder, kind, secret)
    kept.passwords.set(holder.user.id, ANOTHER)
    assert is_open(holder, kind, secret) == (kind is K.EMAIL_UNDO), "an operator's password revokes them all the same"
