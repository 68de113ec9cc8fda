"""Enrolling second factors, listing, removing, recovery codes, and who is told."""

from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.services.factors import KEY, POLICY, STEP, App, challenge_for, demanding, enroll, enrolled, with_policy
from tests.services.helpers import ANN, PASSWORD, add_tenant, over, register, unclaim
from usercore import (
    Actor,
    AttemptStatus,
    CodeWrong,
    EnrollmentNotFound,
    Event,
    FactorKey,
    Invalid,
    LastSecondFactor,
    NoFactorKey,
    NoSecondFactor,
    NotAllowed,
    PasswordRefused,
    Policy,
    RequiredFor,
    SecondFactorNotFound,
    SecondFactorPolicy,
    SecondFactorSetupRequired,
    SignInRefused,
    Subscriber,
    TooManySecondFactors,
    User,
    UserCore,
    WrongState,
)
from usercore.kernel.entity import evolve
from usercore.testing import FakeClock, MemoryMailer

SHORT: Final = "qzv7 kwt9"
"""A password that is long enough only where a second factor is demanded."""


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, password=PASSWORD)


def kinds(core: UserCore, user: User) -> list[str]:
    """Return the kinds of changes of second factors, the oldest first."""
    changes = [entry.kind for entry in core.history.of_user(user.id).rows]
    return [kind for kind in changes[::-1] if kind.startswith(("second_factor", "recovery_code"))]


def subjects(core: UserCore, mailer: MemoryMailer) -> list[str]:
    """Return the subjects of the mails that are sent now."""
    mailer.sent.clear()
    core.outbox.deliver()
    assert all(mail.to == ANN for mail in mailer.sent)
    return [mail.subject for mail in mailer.sent]


@pytest.mark.rule("F1")
def test_beginning_returns_a_secret_and_a_uri_for_apps(core: UserCore, ann: User) -> None:
    enrollment = core.second_factors.begin(ann.id, name="Anns Händi")
    uri = urlsplit(enrollment.uri.reveal())
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", f"/your account:{ANN}")
    assert parse_qs(uri.query) == {"secret": [enrollment.secret.reveal()], "issuer": ["your account"]}
    assert len(enrollment.secret.reveal()) == 32
    assert enrollment.secret.reveal() not in repr(enrollment)
    assert core.second_factors.begin(ann.id).secret != enrollment.secret


@pytest.mark.rule("F1")
def test_a_factor_counts_when_its_first_code_is_confirmed(core: UserCore, clock: FakeClock, ann: User) -> None:
    app = App(core.second_factors.begin(ann.id, name="phone"), clock)
    assert core.second_factors.list(ann.id) == ()
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == ann.id
    with pytest.raises(CodeWrong):
        core.second_factors.confirm(ann.id, app.wrong_code())
    factor = core.second_factors.confirm(ann.id, f" {app.code()[:3]} {app.code()[3:]}")
    assert (factor.id, factor.name, factor.confirmed_at) == (app.enrollment.factor_id, "phone", clock.now)
    assert core.second_factors.list(ann.id) == (factor,)
    challenge_for(core)
    with pytest.raises(EnrollmentNotFound):
        core.second_factors.confirm(ann.id, app.code(1))
    assert kinds(core, ann) == ["second_factor.begun", "second_factor.added"]


@pytest.mark.rule("F1")
def test_several_factors_are_enrolled_by_name_and_removed_one_by_one(core: UserCore, ann: User) -> None:
    (phone, first), (tablet, second) = enroll(core, ann), enroll(core, ann, name="tablet")
    assert [factor.name for factor in core.second_factors.list(ann.id)] == ["phone", "tablet"]
    for app in (phone, tablet):
        assert core.sign_in.with_second_factor(challenge_for(core), app.code(1)).user.id == ann.id
    assert core.second_factors.remove(ann.id, first.id).id == first.id
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core), phone.code(1))
    with pytest.raises(SecondFactorNotFound):
        core.second_factors.remove(ann.id, first.id)
    with pytest.raises(SecondFactorNotFound):
        core.second_factors.remove(register(core, "bob").id, second.id)
    core.second_factors.remove(ann.id, second.id)
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == ann.id


@pytest.mark.rule("F1")
def test_a_newer_enrollment_ends_the_one_before(core: UserCore, clock: FakeClock, ann: User) -> None:
    older, newer = (App(core.second_factors.begin(ann.id), clock) for _ in range(2))
    with pytest.raises(CodeWrong):
        core.second_factors.confirm(ann.id, older.code())
    assert core.second_factors.confirm(ann.id, newer.code()).id == newer.enrollment.factor_id


@pytest.mark.rule("F1")
def test_an_enrollment_is_confirmed_within_an_hour(core: UserCore, clock: FakeClock, ann: User) -> None:
    app = App(core.second_factors.begin(ann.id), clock)
    clock.now = app.enrollment.expires_at
    with pytest.raises(EnrollmentNotFound):
        core.second_factors.confirm(ann.id, app.code())
    clock.now -= timedelta(microseconds=1)
    core.second_factors.confirm(ann.id, app.code())


@pytest.mark.rule("F1")
def test_only_active_users_enroll_and_only_as_many_factors_as_allowed(core: UserCore, ann: User) -> None:
    core = with_policy(core, SecondFactorPolicy(keys=(KEY,), max_factors=2))
    for name in ("a", "b"):
        enroll(core, ann, name=name)
    with pytest.raises(TooManySecondFactors):
        core.second_factors.begin(ann.id)
    with pytest.raises(Invalid):
        core.second_factors.begin(ann.id, name=" ")
    bob, cid = register(core, "bob"), register(core, "cid")
    unclaim(core, bob)
    core.users.deactivate(cid.id)
    for user in (bob, cid):
        with pytest.raises(WrongState):
            core.second_factors.begin(user.id)


@pytest.mark.rule("F1", "F8")
def test_the_last_factor_goes_where_one_is_demanded_only_with_an_operators_reason(
    core: UserCore, mailer: MemoryMailer, ann: User
) -> None:
    core = demanding(core)
    (_, first), (_, last) = enroll(core, ann), enroll(core, ann)
    core.second_factors.recovery_codes(ann.id)
    core.second_factors.remove(ann.id, first.id)
    with pytest.raises(LastSecondFactor):
        core.second_factors.remove(ann.id, last.id)
    with pytest.raises(NotAllowed):
        core.bind(actor=Actor.user(ann.id)).second_factors.remove(ann.id, last.id, reason="I want to")
    subjects(core, mailer)
    operator = core.bind(actor=Actor.operator("Olga"))
    operator.second_factors.remove(ann.id, last.id, reason="the phone was lost")
    assert core.second_factors.list(ann.id) == ()
    entry = core.history.of_user(ann.id).rows[0]
    assert (entry.kind, entry.actor, entry.old["reason"]) == (
        "second_factor.removed",
        "operator:Olga",
        "the phone was lost",
    )
    assert subjects(core, mailer) == ["An authenticator app was removed for your account"]
    assert "lost" not in mailer.sent[0].text
    with pytest.raises(SecondFactorSetupRequired):
        core.sign_in.with_password(ANN, PASSWORD)


@pytest.mark.rule("F8")
def test_the_reason_of_a_removal_is_left_out_of_events(core: UserCore, ann: User) -> None:
    told: list[Event] = []
    hearing = over(core, subscribers=[Subscriber(name="crm", kinds={"second_factor.removed"}, handle=told.append)])
    _, factor = enroll(hearing, ann)
    hearing.second_factors.remove(ann.id, factor.id, reason="the phone was lost")
    hearing.outbox.deliver()
    assert [event.entry.old for event in told] == [{"factor_id": factor.id, "name": "phone"}]


@pytest.mark.rule("F7")
@pytest.mark.parametrize(
    ("required_for", "users", "admins"),
    [(RequiredFor.NONE, False, False), (RequiredFor.PRIVILEGED, False, True), (RequiredFor.ALL, True, True)],
)
def test_the_policy_demands_a_factor_of_these_users(
    core: UserCore,
    ann: User,
    required_for: RequiredFor,
    users: bool,  # noqa: FBT001 - a parameter of the test
    admins: bool,  # noqa: FBT001 - as above
) -> None:
    core = demanding(core, required_for)
    system, chief = core.tenant("system"), register(core, "chief", password=PASSWORD)
    core.roles.give(chief.id, core.roles.create("chiefs", privileged=True).uuid)
    admin = register(system, "admin", password=PASSWORD)
    for bound, user, is_demanded in ((core, ann, users), (core, chief, admins), (system, admin, admins)):
        assert ("second_factor_setup_required" in bound.history.explain(user.id)) == is_demanded
        if is_demanded:
            with pytest.raises(SecondFactorSetupRequired):
                bound.sign_in.with_password(user.email or "", PASSWORD)
        else:
            assert bound.sign_in.with_password(user.email or "", PASSWORD).user.id == user.id


@pytest.mark.rule("F1", "F7", "P2")
@pytest.mark.parametrize("spelling", ["acme", "ACME"])
def test_the_policy_demands_a_factor_of_all_users_of_a_tenant(core: UserCore, ann: User, spelling: str) -> None:
    core = with_policy(core, SecondFactorPolicy(keys=(KEY,), required_in=frozenset({spelling, "another"})))
    acme = core.tenant(add_tenant(core).key)
    bob = register(acme, "bob", password=SHORT)
    with pytest.raises(PasswordRefused):
        core.passwords.set(ann.id, SHORT)
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == ann.id
    with pytest.raises(SecondFactorSetupRequired):
        acme.sign_in.with_password("bob@example.com", SHORT)
    assert acme.history.explain(bob.id) == ("second_factor_setup_required",)
    (_, of_ann), (_, of_bob) = enroll(core, ann), enroll(acme, bob)
    core.second_factors.remove(ann.id, of_ann.id)
    with pytest.raises(LastSecondFactor):
        acme.second_factors.remove(bob.id, of_bob.id)


@pytest.mark.rule("F7")
def test_a_user_without_the_demanded_factor_enrolls_in_the_sign_in(core: UserCore, clock: FakeClock, ann: User) -> None:
    core = demanding(core)
    with pytest.raises(SecondFactorSetupRequired) as required:
        core.sign_in.with_password(ANN, PASSWORD)
    challenge = required.value.challenge
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge, "000000")
    app = App(core.second_factors.begin_by_challenge(challenge, name="phone"), clock)
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge, app.wrong_code())
    assert core.sign_in.with_second_factor(challenge, app.code()).user.id == ann.id
    assert [factor.name for factor in core.second_factors.list(ann.id)] == ["phone"]
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core), app.code())
    assert kinds(core, ann) == ["second_factor.begun", "second_factor.added"]


@pytest.mark.rule("F7", "F2")
def test_a_challenge_enrolls_no_factor_beside_one_that_counts(core: UserCore, clock: FakeClock, ann: User) -> None:
    core = demanding(core)
    with pytest.raises(SecondFactorSetupRequired) as required:
        core.sign_in.with_password(ANN, PASSWORD)
    app = App(core.second_factors.begin_by_challenge(required.value.challenge), clock)
    enroll(core, ann)
    for challenge in (required.value.challenge, challenge_for(core)):
        with pytest.raises(SignInRefused):
            core.second_factors.begin_by_challenge(challenge)
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge, app.code())


@pytest.mark.rule("P2", "F7")
@pytest.mark.parametrize(
    ("required_for", "least"), [(RequiredFor.NONE, 15), (RequiredFor.PRIVILEGED, 15), (RequiredFor.ALL, 8)]
)
def test_passwords_may_have_8_characters_where_a_factor_is_demanded_of_all(
    core: UserCore, ann: User, required_for: RequiredFor, least: int
) -> None:
    core, text = demanding(core, required_for), "qzv7 kwt9 xjp3 m"
    core.passwords.set(ann.id, text[:least])
    with pytest.raises(PasswordRefused) as refused:
        core.passwords.set(ann.id, text[: least - 1])
    assert "too_short" in refused.value.reasons
    with pytest.raises(PasswordRefused):
        register(core, "bob", password=text[: least - 1])


@pytest.mark.rule("F7", "F5")
def test_a_policy_that_demands_factors_without_a_key_is_refused() -> None:
    for demanded in ({"required_for": RequiredFor.ALL}, {"required_in": frozenset({"acme"})}):
        with pytest.raises(ValueError, match="keys must have a key"):
            SecondFactorPolicy(**demanded)
    with pytest.raises(ValueError, match="32 bytes"):
        FactorKey(id="a", key=b"short")
    with pytest.raises(ValueError, match="ids of their own"):
        SecondFactorPolicy(keys=(KEY, KEY))


@pytest.mark.rule("F5")
def test_without_a_key_enrolling_is_refused_with_a_sentence(core: UserCore, ann: User) -> None:
    with pytest.raises(NoFactorKey) as refused:
        with_policy(core, SecondFactorPolicy()).second_factors.begin(ann.id)
    assert "Policy(second_factors=SecondFactorPolicy(keys=" in str(refused.value)
    assert core.second_factors.list(ann.id) == ()


@pytest.mark.rule("F5")
def test_secrets_are_encrypted_at_rest(core: UserCore) -> None:
    user, app = enrolled(core)
    (stored,) = core._service.units.read(lambda unit: unit.second_factors.list_of(user.id))
    secret = app.enrollment.secret.reveal()
    assert stored.key_id == KEY.id
    assert secret.encode() not in stored.encrypted
    assert core._runtime.factor_cipher.decrypt(stored) is not None
    assert not any(secret in str(entry) for entry in core.history.of_user(user.id).rows)


@pytest.mark.rule("F5")
def test_a_secret_that_was_moved_to_another_user_or_factor_accepts_no_code(core: UserCore) -> None:
    (ann, app), (bob, _) = enrolled(core), enrolled(core, "bob")
    units = core._service.units
    (of_ann,), (of_bob,) = (units.read(lambda unit: unit.second_factors.list_of(user.id)) for user in (ann, bob))  # noqa: B023 - used at once
    units.write(lambda unit: unit.second_factors.put(evolve(of_bob, encrypted=of_ann.encrypted)))
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core, "bob"), app.code(1))
    assert core.history.explain(bob.id) == ("second_factor_required", "second_factor_unusable")
    assert core.sign_in.with_second_factor(challenge_for(core), app.code(1)).user.id == ann.id


@pytest.mark.rule("F5")
def test_a_code_encrypts_the_secret_by_the_newest_key(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    newer = FactorKey(id="2027", key=bytes(32))
    rotated, later = (with_policy(core, SecondFactorPolicy(keys=keys)) for keys in ((newer, KEY), (newer,)))
    with pytest.raises(SignInRefused):
        later.sign_in.with_second_factor(challenge_for(later), app.code(1))
    assert rotated.sign_in.with_second_factor(challenge_for(rotated), app.code(1)).user.id == user.id
    clock.advance(2 * STEP)
    assert later.sign_in.with_second_factor(challenge_for(later), app.code()).user.id == user.id
    with pytest.raises(SignInRefused):
        later.sign_in.with_second_factor(challenge_for(later), app.code())


@pytest.mark.rule("F4")
def test_each_of_ten_recovery_codes_signs_in_once(core: UserCore, mailer: MemoryMailer) -> None:
    user, _ = enrolled(core)
    codes = [code.reveal() for code in core.second_factors.recovery_codes(user.id)]
    assert len(set(codes)) == 10
    subjects(core, mailer)
    for code in codes:
        assert core.sign_in.with_second_factor(challenge_for(core), code.lower().replace("-", " ")).user.id == user.id
        assert subjects(core, mailer) == ["A recovery code for your account was used"]
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge_for(core), code)
    used = [entry for entry in core.history.of_user(user.id).rows if entry.kind == "recovery_code.used"]
    assert [entry.new["left"] for entry in used[::-1]] == [*range(9, -1, -1)]


@pytest.mark.rule("F4")
def test_new_recovery_codes_end_the_old_ones(core: UserCore, mailer: MemoryMailer) -> None:
    user, _ = enrolled(core)
    (old, *_), (new, *_) = (core.second_factors.recovery_codes(user.id) for _ in range(2))
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core), old)
    assert core.sign_in.with_second_factor(challenge_for(core), new).user.id == user.id
    assert "New recovery codes for your account" in subjects(core, mailer)


@pytest.mark.rule("F4")
def test_recovery_codes_need_a_factor_and_end_with_the_last(core: UserCore, ann: User) -> None:
    with pytest.raises(NoSecondFactor):
        core.second_factors.recovery_codes(ann.id)
    _, factor = enroll(core, ann)
    code = core.second_factors.recovery_codes(ann.id)[0]
    core.second_factors.remove(ann.id, factor.id)
    enroll(core, ann)
    with pytest.raises(SignInRefused):
        core.sign_in.with_second_factor(challenge_for(core), code)


@pytest.mark.rule("F4")
def test_recovery_codes_are_stored_as_digests(core: UserCore) -> None:
    user, _ = enrolled(core)
    code = core.second_factors.recovery_codes(user.id)[0].reveal()
    stored = core._service.units.read(lambda unit: unit.recovery_codes.list_of(user.id))
    assert [len(one.digest) for one in stored] == [32] * 10
    assert code.replace("-", "") not in repr([one.digest for one in stored])


@pytest.mark.rule("F1")
def test_the_user_is_told_of_a_new_factor(core: UserCore, mailer: MemoryMailer, ann: User) -> None:
    subjects(core, mailer)
    enroll(core, ann)
    assert subjects(core, mailer) == ["An authenticator app was added for your account"]


@pytest.mark.rule("K9")
def test_factors_stay_when_the_password_is_set(core: UserCore, ann: User) -> None:
    app, _ = enroll(core, ann)
    core.passwords.set(ann.id, "another password of Anns")
    with pytest.raises(Exception, match="required") as required:
        core.sign_in.with_password(ANN, "another password of Anns")
    assert core.sign_in.with_second_factor(required.value.challenge, app.code(1)).user.id == ann.id  # type: ignore[attr-defined]


def test_a_host_without_second_factors_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import usercore  # noqa: PLC0415 - opened without the extra

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name.partition(".")[0])

    monkeypatch.setattr("usercore.second_factors.encryption.import_module", missing)
    usercore.open("memory://").close()
    with pytest.raises(ValueError, match=r"need pyotp: pip install '.\[totp\]'"):
        usercore.open("memory://", policy=Policy(second_factors=POLICY))


def test_the_status_of_a_first_factor_is_no_success() -> None:
    assert not AttemptStatus.SECOND_FACTOR_REQUIRED.is_ok
    assert not AttemptStatus.SECOND_FACTOR_WRONG.is_ok
