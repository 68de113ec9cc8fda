"""Changing a password by its owner, setting one by an operator, suspicious accounts, and unlocking."""

import re
from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.services.helpers import (
    ANN,
    ANOTHER,
    PASSWORD,
    TRIES,
    BusyHasher,
    BusyStorage,
    credential_of,
    dump,
    fail,
    opens,
    over,
    recorded,
    refused,
    register,
    sign_in,
    unchanged,
    unclaim,
)
from usercore import (
    Actor,
    AttemptStatus,
    Email,
    ExternalId,
    LastAdmin,
    MailKind,
    PasswordRefused,
    RateLimited,
    RevocationPolicy,
    Secret,
    SignInRefused,
    TokenInvalid,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
    Username,
    UserNotFound,
)
from usercore.passwords.model import PasswordChange
from usercore.testing import FakeClock, FakeHasher, MemoryMailer, WatchedStorage

THIRD = "forty green umbrellas in Nitra"
LONGEST = timedelta(minutes=15)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, username="ann", password=PASSWORD)


def enters(core: UserCore, password: str) -> bool:
    try:
        core.sign_in.with_password(ANN, password)
    except SignInRefused:
        return False
    return True


@pytest.mark.rule("P5", "K9")
def test_the_owner_changes_the_password_and_stays_signed_in_here_only(core: UserCore, ann: User) -> None:
    here, there, login = sign_in(core, ann), sign_in(core, ann), core.login_tokens.issue(ann.id)
    assert core.passwords.change(here, PASSWORD, ANOTHER)
    assert [opens(core, token) for token in (here, there)] == [True, False]
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(login)
    assert [enters(core, password) for password in (PASSWORD, ANOTHER)] == [False, True]


@pytest.mark.rule("P6")
def test_a_change_is_recorded_with_its_kind_and_by_whom(core: UserCore, clock: FakeClock, ann: User) -> None:
    clock.tick()
    web = core.bind(actor=Actor.user(ann.id), ip="192.0.2.1")
    web.passwords.change(sign_in(core, ann), PASSWORD, ANOTHER)
    newest, first = core.history.password_changes(ann.id).rows
    assert (newest.new["reason"], newest.actor, newest.ip, newest.at) == (
        "change",
        f"user:{ann.id}",
        "192.0.2.1",
        clock.now,
    )
    assert first.new["reason"] == "registration"
    assert "fake$" not in repr(dump(core)["history"])


@pytest.mark.rule("P6")
def test_changes_of_passwords_are_listed_page_by_page_and_nothing_else_is(core: UserCore, ann: User) -> None:
    for number in range(4):
        core.users.update(ann.id, first_name=f"Ann {number}")
        core.passwords.set(ann.id, f"{ANOTHER} {number}")
    core.passwords.mark_suspicious(ann.id)
    pages = [core.history.password_changes(ann.id, limit=4)]
    pages.append(core.history.password_changes(ann.id, cursor=pages[0].cursor, limit=4))
    assert [[entry.new["reason"] for entry in page.rows] for page in pages] == [
        ["suspicious", "reset", "reset", "reset"],
        ["reset", "registration"],
    ]
    with pytest.raises(UserNotFound):
        core.history.password_changes(7)


@pytest.mark.rule("P5")
@pytest.mark.parametrize("is_temporary", [False, True])
def test_a_change_to_the_present_password_changes_nothing_and_says_so(
    core: UserCore,
    hasher: FakeHasher,
    is_temporary: bool,  # noqa: FBT001 - parametrized
) -> None:
    user = core.registration.register(ANN, password=None if is_temporary else PASSWORD).user
    core.outbox.deliver()
    password = mailed_password(core) if is_temporary else PASSWORD
    here, there = sign_in(core, user), sign_in(core, user)
    hasher.hashes = 0
    with unchanged(core, but=TRIES):
        assert not core.passwords.change(here, password, password)
    assert hasher.hashes == 1
    assert opens(core, there)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.OK
    assert core.users.status(user.id).must_change_password == is_temporary


def mailed_password(core: UserCore) -> str:
    mailer = core._runtime.host.mailer
    assert isinstance(mailer, MemoryMailer)
    found = re.search(r"password: (\S+)", mailer.sent[-1].text)
    assert found
    return found[1]


@pytest.mark.rule("P5", "R6")
def test_a_changed_temporary_password_need_not_be_changed_again(core: UserCore) -> None:
    user = core.registration.register(ANN).user
    core.outbox.deliver()
    assert core.passwords.change(sign_in(core, user), mailed_password(core), ANOTHER)
    assert not core.users.status(user.id).must_change_password
    assert enters(core, ANOTHER)


@pytest.mark.rule("P5", "S7", "S6")
def test_a_wrong_old_password_counts_as_a_failed_attempt_to_sign_in(
    core: UserCore, clock: FakeClock, hasher: FakeHasher, ann: User
) -> None:
    token = sign_in(core, ann)
    hasher.hashes = hasher.places = 0
    for number in range(10):
        with refused(core, SignInRefused):
            core.passwords.change(token, "wrong", ANOTHER)
        assert core.users.status(ann.id).failures_in_a_row == number + 1
        assert core.history.attempts(ann.id).rows[0].status is AttemptStatus.WRONG_PASS
    assert (hasher.hashes, hasher.places) == (10, 10)
    with refused(core, RateLimited):
        core.passwords.change(token, PASSWORD, ANOTHER)
    with pytest.raises(RateLimited):
        core.sign_in.with_password(ANN, PASSWORD)
    assert hasher.hashes == 10
    clock.advance(timedelta(seconds=10))
    assert core.passwords.change(token, PASSWORD, ANOTHER)
    assert core.users.status(ann.id).failures_in_a_row == 0


@pytest.mark.rule("P5", "S7")
def test_a_void_password_cannot_be_changed(core: UserCore, clock: FakeClock, ann: User) -> None:
    token = sign_in(core, ann)
    for _ in range(100):
        with pytest.raises(SignInRefused):
            core.passwords.change(token, "wrong", ANOTHER)
        clock.advance(LONGEST)
    with pytest.raises(SignInRefused):
        core.passwords.change(token, PASSWORD, ANOTHER)
    core.passwords.unlock(ann.id)
    assert core.passwords.change(token, PASSWORD, ANOTHER)


@pytest.mark.rule("P2", "P5")
def test_a_weak_new_password_is_refused_before_the_old_one_is_verified(
    core: UserCore, hasher: FakeHasher, ann: User
) -> None:
    token = sign_in(core, ann)
    hasher.hashes = 0
    for old in (PASSWORD, "wrong"):
        with refused(core, PasswordRefused, but=()) as raised:
            core.passwords.change(token, old, "short")
        assert "too_short" in raised.value.reasons
    assert hasher.hashes == 0


@pytest.mark.rule("P2", "S7")
def test_a_common_password_that_only_the_estimator_finds_leaves_no_failure(core: UserCore, ann: User) -> None:
    token = sign_in(core, ann)
    fail(core)
    with refused(core, PasswordRefused):
        core.passwords.change(token, PASSWORD, "abcdefgh12345678")
    assert core.users.status(ann.id).failures_in_a_row == 1


@pytest.mark.rule("P5", "K1", "T2")
def test_only_an_access_token_that_is_valid_changes_a_password(core: UserCore, hasher: FakeHasher, ann: User) -> None:
    token, other = sign_in(core, ann), sign_in(core, ann)
    core.access_tokens.revoke(other)
    hasher.hashes = 0
    login = core.login_tokens.issue(ann.id)
    cases: list[tuple[Secret | str, type[TokenInvalid]]] = [
        ("garbage", TokenUnknown),
        (login, TokenUnknown),
        (other, TokenRevoked),
    ]
    for secret, error in cases:
        with refused(core, error, but=()):
            core.passwords.change(secret, PASSWORD, ANOTHER)
    with refused(core, TokenUnknown, but=()):
        core.tenant("system").passwords.change(token, PASSWORD, ANOTHER)
    unclaim(core, ann)
    with refused(core, TokenUnknown, but=()):
        core.passwords.change(token, PASSWORD, ANOTHER)
    assert hasher.hashes == 0


@pytest.mark.rule("P5")
def test_a_user_without_email_and_username_cannot_change_a_password(core: UserCore, hasher: FakeHasher) -> None:
    core.registration.import_users([{"external_id": "17"}])
    user = core.users.get(ExternalId("17"))
    core.passwords.set(user.id, PASSWORD)
    token = sign_in(core, user)
    hasher.hashes = 0
    with refused(core, SignInRefused, but=()):
        core.passwords.change(token, PASSWORD, ANOTHER)
    assert hasher.hashes == 0


@pytest.mark.rule("P5")
@pytest.mark.parametrize("value", [None, 7, b"correct horse"])
def test_values_of_the_wrong_type_are_refused(core: UserCore, ann: User, value: object) -> None:
    token = sign_in(core, ann)
    every: list[tuple[Any, ...]] = [(value, PASSWORD, ANOTHER), (token, value, ANOTHER), (token, PASSWORD, value)]
    for arguments in every:
        with refused(core, TypeError, but=()):
            core.passwords.change(*arguments)


@pytest.mark.rule("P5", "S4")
@pytest.mark.parametrize("after", [2, 3, 4])
def test_a_login_that_moves_to_another_user_does_not_change_their_password(
    core: UserCore, storage: WatchedStorage, ann: User, after: int
) -> None:
    bob = register(core, "bob", password=THIRD)
    token, busy = sign_in(core, ann), BusyStorage(storage)
    late = UserCore.over(busy, core._runtime.host)

    def move() -> None:
        core.emails.change(ann.id, "lee@example.com")
        core.emails.change(bob.id, ANN)

    busy.meanwhile, busy.looks = move, after - 1
    with pytest.raises(SignInRefused):
        late.passwords.change(token, THIRD, ANOTHER)
    assert [entry.new["reason"] for entry in core.history.password_changes(bob.id)] == ["registration"]


@pytest.mark.rule("P5", "K9")
@pytest.mark.parametrize("step", ["verify", "hash"])
def test_a_token_that_is_revoked_meanwhile_changes_nothing(
    core: UserCore, storage: WatchedStorage, ann: User, step: str
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    token = sign_in(core, ann)
    hasher.meanwhile = lambda: core.access_tokens.revoke_all(ann.id)
    if step == "hash":
        first = hasher.meanwhile
        hasher.meanwhile = lambda: setattr(hasher, "meanwhile", first)
    with pytest.raises(TokenRevoked):
        core.passwords.change(token, PASSWORD, ANOTHER)
    assert [enters(core, password) for password in (PASSWORD, ANOTHER)] == [True, False]


@pytest.mark.rule("P5")
def test_a_password_that_is_changed_meanwhile_is_no_longer_the_old_one(
    core: UserCore, storage: WatchedStorage, ann: User
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    token = sign_in(core, ann)
    hasher.meanwhile = lambda: core.passwords.set(ann.id, THIRD)
    with pytest.raises(SignInRefused):
        core.passwords.change(token, PASSWORD, ANOTHER)
    assert [enters(core, password) for password in (PASSWORD, ANOTHER, THIRD)] == [False, False, True]


@pytest.mark.rule("P5")
def test_setting_the_present_password_changes_nothing_and_says_so(
    core: UserCore, hasher: FakeHasher, mailer: MemoryMailer, ann: User
) -> None:
    token = sign_in(core, ann)
    hasher.hashes = 0
    with unchanged(core):
        assert not core.passwords.set(ann.id, PASSWORD)
    assert hasher.hashes == 1
    assert opens(core, token)
    assert core.passwords.set(ann.id, ANOTHER)
    core.outbox.deliver()
    assert [mail.kind for mail in mailer.sent] == [MailKind.PASSWORD_CHANGED]


@pytest.mark.rule("P5", "R6")
def test_an_expired_temporary_password_can_be_set_again(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register(ANN).user
    core.outbox.deliver()
    password = mailed_password(core)
    clock.advance(timedelta(days=14))
    assert not enters(core, password)
    assert core.passwords.set(user.id, password)
    assert enters(core, password)


@pytest.mark.rule("P6", "E1")
@pytest.mark.parametrize("by", ["change", "reset", "set"])
def test_the_user_is_told_of_a_new_password_at_the_address_of_then(
    core: UserCore, mailer: MemoryMailer, ann: User, by: str
) -> None:
    if by == "change":
        core.passwords.change(sign_in(core, ann), PASSWORD, ANOTHER)
    elif by == "set":
        core.passwords.set(ann.id, ANOTHER)
    else:
        core.passwords.request_reset(ANN)
        core.outbox.deliver()
        found = re.search(r"reset#(\S+)", mailer.sent[-1].text)
        assert found
        core.passwords.reset(found[1], ANOTHER)
        mailer.sent.clear()
    core.emails.change(ann.id, "thief@example.com")
    core.outbox.deliver()
    (mail,) = (mail for mail in mailer.sent if mail.kind is MailKind.PASSWORD_CHANGED)
    assert mail.to == ANN


@pytest.mark.rule("P6")
def test_a_user_without_an_email_is_not_told(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.import_users([{"username": "zed", "external_id": "17"}])
    core.passwords.set(Username("zed"), PASSWORD)
    core.outbox.deliver()
    assert (mailer.sent, core.outbox.pending().rows) == ([], ())


@pytest.mark.rule("P7", "K9")
def test_a_suspicious_account_loses_password_and_tokens_at_once(
    core: UserCore, clock: FakeClock, hasher: FakeHasher, ann: User
) -> None:
    access, login = sign_in(core, ann), core.login_tokens.issue(ann.id)
    clock.tick()
    hasher.hashes = 0
    revoked = core.bind(actor=Actor.operator("Olga")).passwords.mark_suspicious(ann.id)
    assert (revoked.access, revoked.login, hasher.hashes) == (1, 1, 0)
    assert not opens(core, access)
    assert not enters(core, PASSWORD)
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(login)
    status = core.users.status(ann.id)
    assert (status.password_set, status.password_changed_at, status.must_change_password) == (False, clock.now, False)
    assert core.history.explain(ann.id) == ("no_password",)
    entry = core.history.password_changes(ann.id).rows[0]
    assert (entry.new["reason"], entry.actor) == ("suspicious", "operator:Olga")
    credential = credential_of(core, ann.id)
    assert credential is not None
    assert (credential.hash, credential.is_void, credential.reason) == ("", True, PasswordChange.SUSPICIOUS)


@pytest.mark.rule("P7", "P3")
def test_a_voided_password_costs_one_hash_like_any_other(core: UserCore, hasher: FakeHasher, ann: User) -> None:
    core.passwords.mark_suspicious(ann.id)
    watched, recorder = recorded(core)
    seen = []
    for login in (ANN, "nobody@example.com"):
        hasher.hashes = 0
        names = recorder.names_of(lambda: watched.sign_in.with_password(login, PASSWORD))  # noqa: B023 - at once
        seen.append((names, hasher.hashes))
    assert seen[0] == seen[1]


@pytest.mark.rule("P7", "R6")
def test_a_suspicious_user_gets_a_temporary_password_when_the_mail_is_sent(
    core: UserCore, mailer: MemoryMailer, ann: User
) -> None:
    core.passwords.mark_suspicious(ann.id)
    assert mailer.sent == []
    core.outbox.deliver()
    (mail,) = mailer.sent
    assert (mail.to, mail.kind) == (ANN, MailKind.SUSPICIOUS_PASSWORD)
    identity = core.sign_in.with_password(ANN, mailed_password(core))
    assert identity.must_change_password
    assert not enters(core, PASSWORD)


@pytest.mark.rule("P7")
def test_a_user_without_a_password_is_told_and_gets_none(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core)
    core.passwords.mark_suspicious(user.id)
    core.outbox.deliver()
    (mail,) = mailer.sent
    assert (mail.to, mail.kind) == (ANN, MailKind.SUSPICIOUS)
    assert not core.users.status(user.id).password_set


@pytest.mark.rule("P7", "R6")
def test_without_a_mailer_a_suspicious_user_has_no_password(core: UserCore, ann: User) -> None:
    core = over(core, mailer=None)
    core.passwords.mark_suspicious(ann.id)
    assert core.outbox.deliver() == 0
    assert not core.users.status(ann.id).password_set
    assert core.passwords.set(ann.id, PASSWORD)
    assert enters(core, PASSWORD)


@pytest.mark.rule("P7", "R6")
@pytest.mark.parametrize("then", ["set", "mark again", "deactivate"])
def test_no_password_is_mailed_that_is_no_longer_current(
    core: UserCore, mailer: MemoryMailer, ann: User, then: str
) -> None:
    core.passwords.mark_suspicious(ann.id)
    if then == "set":
        core.passwords.set(ann.id, ANOTHER)
    elif then == "mark again":
        core.passwords.mark_suspicious(ann.id)
    else:
        core.users.deactivate(ann.id)
    core.outbox.deliver()
    assert MailKind.SUSPICIOUS_PASSWORD not in [mail.kind for mail in mailer.sent]


@pytest.mark.rule("P7", "K7")
@pytest.mark.parametrize("has_password", [True, False])
def test_a_request_to_reset_from_before_is_dropped(
    core: UserCore,
    mailer: MemoryMailer,
    has_password: bool,  # noqa: FBT001 - parametrized
) -> None:
    user = register(core, password=PASSWORD if has_password else None)
    core.passwords.request_reset(ANN)
    core.passwords.mark_suspicious(user.id)
    core.outbox.deliver()
    assert MailKind.PASSWORD_RESET not in [mail.kind for mail in mailer.sent]


@pytest.mark.rule("P7", "S7")
@pytest.mark.parametrize("failures", [10, 100])
def test_unlocking_ends_a_wait_and_makes_a_void_password_valid(
    core: UserCore, clock: FakeClock, ann: User, failures: int
) -> None:
    for _ in range(failures):
        clock.advance(LONGEST)
        fail(core)
    with pytest.raises(RateLimited):
        core.sign_in.with_password(ANN, PASSWORD)
    with unchanged(core, but=TRIES):
        core.passwords.unlock(Email(ANN))
    status = core.users.status(ann.id)
    assert (status.failures_in_a_row, status.locked_until) == (0, None)
    assert core.history.explain(ann.id) == ()
    assert enters(core, PASSWORD)


@pytest.mark.rule("P5", "S7")
def test_setting_the_present_password_makes_it_valid_again_if_it_is_void(
    core: UserCore, clock: FakeClock, ann: User
) -> None:
    for _ in range(100):
        clock.advance(LONGEST)
        fail(core)
    clock.advance(LONGEST)
    assert "password_void" in core.history.explain(ann.id)
    assert core.passwords.set(ann.id, PASSWORD)
    assert core.history.explain(ann.id) == ()
    assert enters(core, PASSWORD)
    with unchanged(core):
        assert not core.passwords.set(ann.id, PASSWORD)


@pytest.mark.rule("P7")
def test_unknown_users_cannot_be_marked_or_unlocked(core: UserCore) -> None:
    for call in (core.passwords.mark_suspicious, core.passwords.unlock):
        for unknown in (7, Email("nobody@example.com")):
            with refused(core, UserNotFound, but=()):
                call(unknown)
        with refused(core, TypeError, but=()):
            call("ann@example.com")  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("P5")
@pytest.mark.parametrize("call", ["change", "request_reset", "reset"])
def test_what_counts_failures_cannot_be_part_of_a_larger_transaction(core: UserCore, call: str) -> None:
    arguments = {"change": ("x", PASSWORD, ANOTHER), "request_reset": (ANN,), "reset": ("x", PASSWORD)}[call]
    with pytest.raises(TypeError, match="not for a joined or atomic core"):
        core.atomic(lambda inner: getattr(inner.passwords, call)(*arguments))


@pytest.mark.rule("P5")
def test_an_operator_sets_and_marks_in_one_transaction(core: UserCore, ann: User) -> None:
    def work(inner: UserCore) -> None:
        inner.passwords.mark_suspicious(ann.id)
        inner.passwords.set(ann.id, ANOTHER)
        inner.passwords.unlock(ann.id)

    over(core, hasher=FakeHasher()).atomic(work)  # it may hash while a unit is open
    assert enters(core, ANOTHER)


@pytest.mark.rule("P5", "K9")
def test_a_policy_keeps_other_tokens_when_the_owner_changes_the_password(core: UserCore, ann: User) -> None:
    kept = RevocationPolicy(keep_at_password_change=True)
    core = over(core, policy=attrs.evolve(core.policy, revocation=kept))
    here, there = sign_in(core, ann), sign_in(core, ann)
    assert core.passwords.change(here, PASSWORD, ANOTHER)
    assert [opens(core, token) for token in (here, there)] == [True, True]
    core.passwords.set(ann.id, THIRD)
    assert [opens(core, token) for token in (here, there)] == [False, False]


@pytest.mark.rule("P7", "T5")
def test_the_last_active_admin_cannot_be_marked_as_suspicious(core: UserCore) -> None:
    system = core.tenant("system")
    last = register(system, password=PASSWORD)
    with refused(system, LastAdmin, but=()):
        system.passwords.mark_suspicious(last.id)
    register(system, "bob", password=PASSWORD)
    system.passwords.mark_suspicious(last.id)
    assert not system.users.status(last.id).password_set
