"""A remembered device skips the second factor for a time: who has it remembered, for how long, and what ends it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

from tests.services.factors import KEY, POLICY, STEP, App, challenge_of, demanding, enroll, enrolled, with_policy
from tests.services.helpers import ANN, PASSWORD, changed, dump, over, recorded, refused, register, sign_in
from tests.services.test_what_ends_what import EVENTS, Holder
from tests.sign_in.test_throttling_races import Delayed
from usercore import (
    Identity,
    Invalid,
    RevocationPolicy,
    SecondFactorPolicy,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    Secret,
    SignInRefused,
    User,
    UserCore,
)
from usercore.kernel.secret import digest_of
from usercore.testing import TICK, FakeClock, FakeHasher, MemoryMailer, WatchedStorage
from usercore.tokens.model import public_id_of_device

DAYS: Final = timedelta(days=30)
REMEMBERING: Final = SecondFactorPolicy(keys=(KEY,), remember_device_for=DAYS)


@pytest.fixture
def core(core: UserCore) -> UserCore:
    """A core whose policy lets users have their devices remembered."""
    return with_policy(core, REMEMBERING)


@pytest.fixture
def phone(core: UserCore) -> Secret:
    return core.device_tokens.issue("phone")


def remember(core: UserCore, user: User, app: App, device: Secret) -> Identity:
    """Sign in on a device by password and code, and have it remembered."""
    clock = core._runtime.host.clock
    assert isinstance(clock, FakeClock)
    clock.advance(2 * STEP)
    challenge = challenge_of(lambda: by_password(core, user, device))
    return core.sign_in.with_second_factor(challenge, app.code(), device_token=device, remember_device=True)


def by_password(core: UserCore, user: User, device: Secret | None) -> Identity:
    return core.sign_in.with_password(user.email or "", PASSWORD, device_token=device)


def is_asked(core: UserCore, user: User, device: Secret | None) -> bool:
    """Return whether a sign-in of the user on this device lacks a second factor."""
    try:
        core.sign_in.with_login_token(core.login_tokens.issue(user.id), device_token=device)
    except SecondFactorRequired:
        return True
    return False


@pytest.mark.rule("F7")
def test_a_remembered_device_skips_the_second_factor_for_at_most_30_days(
    core: UserCore, clock: FakeClock, phone: Secret
) -> None:
    user, app = enrolled(core)
    remember(core, user, app, phone)
    at = clock.now
    assert by_password(core, user, phone).user.id == user.id
    clock.now = at + DAYS - TICK
    assert by_password(core, user, phone).authenticator == "password"
    for now in (at + DAYS, at - TICK, at + 2 * DAYS):  # also if the clock was set back
        clock.now = now
        assert is_asked(core, user, phone)
    remember(core, user, app, phone)
    assert not is_asked(core, user, phone)


@pytest.mark.rule("F7")
@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(hours=1)])
def test_the_policy_decides_at_the_sign_in_how_long_a_device_is_remembered(
    core: UserCore, clock: FakeClock, phone: Secret, lasts: timedelta
) -> None:
    user, app = enrolled(core)
    remember(core, user, app, phone)
    shorter = with_policy(core, SecondFactorPolicy(keys=(KEY,), remember_device_for=lasts))
    assert len(shorter.second_factors.remembered_devices(user.id)) == bool(lasts)
    assert is_asked(shorter, user, phone) != bool(lasts)
    clock.advance(lasts)
    assert is_asked(shorter, user, phone)
    assert shorter.second_factors.remembered_devices(user.id) == ()


@pytest.mark.rule("F7")
def test_devices_are_remembered_only_where_policy_and_user_ask_for_it(core: UserCore, phone: Secret) -> None:
    assert SecondFactorPolicy().remember_device_for == timedelta(0)
    user, app = enrolled(core)
    challenge = challenge_of(lambda: by_password(core, user, phone))
    core.sign_in.with_second_factor(challenge, app.code(1), device_token=phone)
    assert is_asked(core, user, phone)
    off = with_policy(core, POLICY)
    remember(off, user, app, phone)
    assert is_asked(core, user, phone), "nothing was stored that a later policy would find"
    for days in (timedelta(days=30, microseconds=1), timedelta(microseconds=-1)):
        with pytest.raises(ValueError, match="remember_device_for"):
            SecondFactorPolicy(remember_device_for=days)


@pytest.mark.rule("F7", "K5")
def test_a_device_is_remembered_for_one_user_and_no_other_device_with_it(core: UserCore, phone: Secret) -> None:
    (ann, app), (bob, _) = enrolled(core), enrolled(core, "bob")
    remember(core, ann, app, phone)
    for device in (None, core.device_tokens.issue("phone"), core.device_tokens.issue("tablet")):
        assert is_asked(core, ann, device)
    assert is_asked(core, bob, phone)
    assert not is_asked(core, ann, phone), "a first factor alone takes the device from no one"


@pytest.mark.rule("F7")
def test_skipping_does_not_prolong_what_is_remembered(core: UserCore, clock: FakeClock, phone: Secret) -> None:
    user, app = enrolled(core)
    remember(core, user, app, phone)
    at = clock.now
    clock.now = at + DAYS - TICK
    assert not is_asked(core, user, phone)
    clock.now = at + DAYS
    assert is_asked(core, user, phone)


def with_another_user(holder: Holder, phone: Secret) -> None:
    bob = register(holder.core, "bob")
    holder.core.device_tokens.pair(sign_in(holder.core, bob), phone)


def after_signing_out_with_another_user(holder: Holder, phone: Secret) -> None:
    for token in holder.core.access_tokens.list(holder.user.id):
        holder.core.access_tokens.revoke_by_id(holder.user.id, token.public_id)
    holder.core.sign_in.trusted(register(holder.core, "bob").id, device_token=phone)


def remove_one_of_two(holder: Holder, _: Secret) -> None:
    first = holder.core.second_factors.list(holder.user.id)[0]
    holder.core.second_factors.remove(holder.user.id, first.id)


def undo_a_change(holder: Holder, _: Secret) -> None:
    """Undo a change of the email that was requested after the device was remembered."""
    core, mailer = holder.core, holder.core._runtime.host.mailer
    core.emails.set_verified(holder.user.id, verified=True)
    core.emails.change(holder.user.id, "thief@example.com", undo=True)
    core.outbox.deliver()
    assert isinstance(mailer, MemoryMailer)
    link = next(mail.text for mail in reversed(mailer.sent) if "/undo#" in mail.text)
    core.emails.undo_change(link.split("/undo#")[1].split()[0])


ENDING: Final[dict[str, Callable[[Holder, Secret], object]]] = {
    "unpaired": lambda holder, _: holder.core.device_tokens.unpair(holder.session),
    "paired with another device": lambda holder, _: holder.core.device_tokens.pair(
        holder.session, holder.core.device_tokens.issue("tablet")
    ),
    "paired with another user": with_another_user,
    "paired with another user after signing out": after_signing_out_with_another_user,
    "factor added": lambda holder, _: enroll(holder.core, holder.user, name="third"),
    "factor removed": remove_one_of_two,
    "forgotten": lambda holder, _: holder.core.second_factors.forget_devices(holder.user.id),
    "suspicious": lambda holder, _: holder.core.passwords.mark_suspicious(holder.user.id),
    "undone": undo_a_change,
}
"""What ends it besides the events of a user that revoke tokens."""

ENDING_EVENTS: Final = {
    "sign out everywhere",
    "password set by an operator",
    "password reset",
    "suspicious",
    "change of the email undone that was requested after",
    "change of the email undone that was requested before",
    "deactivated",
    "deactivated, with a policy that keeps tokens",
}


def holder_on(core: UserCore, phone: Secret) -> Holder:
    """Return a user with two factors who has the phone remembered, and the access token of that sign-in."""
    user, app = enrolled(core)
    enroll(core, user, name="second")
    identity = remember(core, user, app, phone)
    assert not is_asked(core, user, phone)
    core.outbox.deliver()
    core.emails.set_verified(user.id, verified=True)
    clock, mailer = core._runtime.host.clock, core._runtime.host.mailer
    assert isinstance(clock, FakeClock)
    assert isinstance(mailer, MemoryMailer)
    session, other = identity.access_token, sign_in(core, user)  # type: ignore[attr-defined]  # a SignedIn
    return Holder(core=core, clock=clock, mailer=mailer, user=user, session=session, other=other)


@pytest.mark.rule("F7", "K5", "K9")
@pytest.mark.parametrize("event", ENDING)
def test_what_changes_device_factors_or_owner_ends_it(core: UserCore, phone: Secret, event: str) -> None:
    holder = holder_on(core, phone)
    ENDING[event](holder, phone)
    assert is_asked(core, holder.user, phone)
    assert core.second_factors.remembered_devices(holder.user.id) == ()
    kinds = [entry.kind for entry in core.history.of_user(holder.user.id)]
    assert kinds.count("device_token.forgotten") == 1


@pytest.mark.rule("F7", "K9")
@pytest.mark.parametrize("event", sorted(EVENTS.keys() - {"erased"}))  # of which no user is left
def test_each_event_that_takes_the_account_from_a_thief_ends_it(core: UserCore, phone: Secret, event: str) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_deactivation=True)))
    holder, row = holder_on(kept, phone), EVENTS[event]
    kept.roles.give(holder.user.id, kept.roles.create("Reader").id)
    earlier = () if row.before is None else (row.before(holder),)
    row.happen(holder, *earlier)
    if row.over is not None:
        row.over(holder)
    assert is_asked(core, holder.user, phone) == (event in ENDING_EVENTS)


@pytest.mark.rule("F7", "K5", "K9")
def test_a_stolen_device_token_signs_no_user_in_and_skips_nothing_for_the_thief(core: UserCore, phone: Secret) -> None:
    holder = holder_on(core, phone)
    mallory, _ = enrolled(core, "mallory")
    for way in (core.sign_in.with_access_token, core.sign_in.with_login_token, core.sign_in.with_autologin_token):
        with refused(core, SignInRefused):
            way(phone, device_token=phone)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(ANN, "wrong", device_token=phone)
    assert is_asked(core, mallory, phone)
    assert not is_asked(core, holder.user, phone)


@pytest.mark.rule("F7", "S4")
def test_without_the_password_it_cannot_be_told_of_whom_a_device_is_remembered(
    core: UserCore, hasher: FakeHasher, mailer: MemoryMailer, phone: Secret
) -> None:
    user, app = enrolled(core)
    enrolled(core, "bob")
    remember(core, user, app, phone)
    core.outbox.deliver()
    watched, recorder = recorded(core)
    seen = []
    for login in ("ann", "bob", "unknown"):
        before, hasher.hashes, mailer.sent[:] = dump(core), 0, []
        names = recorder.names_of(
            lambda: watched.sign_in.with_password(f"{login}@example.com", "wrong", device_token=phone)  # noqa: B023 - used at once
        )
        core.outbox.deliver()
        seen.append((names, changed(before, dump(core)), hasher.hashes, len(mailer.sent)))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][2:] == (1, 0)


@pytest.mark.rule("F7")
def test_the_device_of_an_enrollment_during_the_sign_in_is_remembered(core: UserCore, phone: Secret) -> None:
    core = with_policy(demanding(core), attrs.evolve(demanding(core).policy.second_factors, remember_device_for=DAYS))
    user = register(core, password=PASSWORD)
    with pytest.raises(SecondFactorSetupRequired) as required:
        by_password(core, user, phone)
    app = App(core.second_factors.begin_by_challenge(required.value.challenge), core._runtime.clock)
    core.sign_in.with_second_factor(required.value.challenge, app.code(), device_token=phone, remember_device=True)
    assert not is_asked(core, user, phone)
    (factor,) = core.second_factors.list(user.id)
    core.second_factors.remove(user.id, factor.id, reason="the phone was lost")
    with pytest.raises(SecondFactorSetupRequired):
        by_password(core, user, phone)


@pytest.mark.rule("F7", "F3")
def test_a_wrong_code_has_nothing_remembered(core: UserCore, phone: Secret) -> None:
    user, app = enrolled(core)
    challenge = challenge_of(lambda: by_password(core, user, phone))
    for code in (app.wrong_code(), app.code()):  # the second one was used
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge, code, device_token=phone, remember_device=True)
    assert is_asked(core, user, phone)


@pytest.mark.rule("F7")
def test_only_a_device_that_is_named_can_be_remembered(core: UserCore, phone: Secret) -> None:
    user, app = enrolled(core)
    challenge = challenge_of(lambda: by_password(core, user, None))
    with refused(core, Invalid, but=()) as raised:
        core.sign_in.with_second_factor(challenge, app.code(1), remember_device=True)
    assert [(error.field, error.reason) for error in raised.value.errors] == [("device_token", "missing")]
    with refused(core, TypeError, but=()):
        core.sign_in.with_second_factor(challenge, app.code(1), device_token=phone, remember_device=1)  # type: ignore[arg-type]
    core.sign_in.with_second_factor(challenge, app.code(1), device_token=phone, remember_device=True)
    assert not is_asked(core, user, phone)


@pytest.mark.rule("F7", "X2")
def test_users_see_their_devices_and_history_names_them(core: UserCore, clock: FakeClock, phone: Secret) -> None:
    user, app = enrolled(core)
    devices = [phone, core.device_tokens.issue("tablet")]
    for device in devices:
        remember(core, user, app, device)
    names = [public_id_of_device(digest_of(device)) for device in devices]
    found = core.second_factors.remembered_devices(user.id)
    assert [(one.device, one.user_id) for one in found] == [(name, user.id) for name in names[::-1]]
    assert found[0].remembered_at == clock.now
    assert phone.reveal() not in repr(found)
    assert core.second_factors.forget_devices(user.id) == 2
    assert core.second_factors.forget_devices(user.id) == 0
    entries = [entry for entry in core.history.of_user(user.id).rows if "remembered" in entry.kind + str(entry.new)]
    assert [entry.new["device"] for entry in entries] == names[::-1]
    forgotten = [entry.new for entry in core.history.of_user(user.id).rows if entry.kind == "device_token.forgotten"]
    assert sorted(map(str, forgotten)) == sorted(str({"device": name, "reason": "requested"}) for name in names)


@pytest.mark.rule("F7")
def test_a_device_that_is_forgotten_before_the_sign_in_commits_is_not_skipped(
    core: UserCore, storage: WatchedStorage, phone: Secret
) -> None:
    holder, happens = holder_on(core, phone), list[Callable[[], object]]()
    late = UserCore.over(Delayed(storage, lambda: happens.pop()() if happens else None), core._runtime.host)
    happens.append(lambda: core.second_factors.forget_devices(holder.user.id))
    challenge_of(lambda: by_password(late, holder.user, phone))
    assert not happens, "it happened"


@pytest.mark.rule("F7", "K8")
def test_clean_up_removes_what_is_remembered_no_longer(core: UserCore, clock: FakeClock, phone: Secret) -> None:
    user, app = enrolled(core)
    remember(core, user, app, phone)
    clock.advance(DAYS)
    assert core.cleanup().remembered_devices == 0
    clock.tick()
    assert core.cleanup().remembered_devices == 1
