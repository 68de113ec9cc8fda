"""The second step of a sign-in: challenges, codes, waits, and what is looked at again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from tests.services.factors import (
    STEP,
    App,
    challenge_for,
    challenge_of,
    enroll,
    enrolled,
)
from tests.services.helpers import (
    ANN,
    ANOTHER,
    PASSWORD,
    Badge,
    Door,
    add_tenant,
    changed,
    dump,
    fail,
    opens,
    over,
    recorded,
    register,
)
from usercore import (
    Actor,
    AttemptStatus,
    RateLimited,
    SecondFactorRequired,
    Secret,
    SignInRefused,
    TokenInvalid,
    User,
    UserCore,
)
from usercore.kernel.secret import generate_secret, write_base62
from usercore.second_factors.model import CHALLENGE
from usercore.testing import NOON, FakeClock, FakeRandomness
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore.tokens.kinds import TokenKind

WAIT: Final = timedelta(seconds=10)


def statuses(core: UserCore, user: User, count: int = 3) -> list[str]:
    """Return the statuses of a user's last attempts, the newest first."""
    return [attempt.status.value for attempt in core.history.attempts(user.id, limit=count).rows]


def refuse_code(core: UserCore, challenge: Secret, code: str, *, times: int = 1) -> None:
    """Show a code that is refused."""
    for _ in range(times):
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge, code)


@pytest.mark.rule("F2", "S5")
def test_a_code_completes_the_sign_in(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    before = core.users.get(user.id)
    challenge = challenge_of(lambda: core.bind(source="app").sign_in.with_password(ANN, PASSWORD))
    assert core.users.get(user.id).last_sign_in_at is None
    assert core.access_tokens.list(user.id).rows == ()
    clock.advance(STEP)
    signed = core.bind(ip="192.0.2.7").sign_in.with_second_factor(challenge, app.code())
    assert (signed.user.id, signed.authenticator, signed.source) == (user.id, "password", "app")
    assert (signed.authenticated_at, signed.must_change_password) == (clock.now, False)
    assert opens(core, signed.access_token)
    now = core.users.get(user.id)
    assert (now.last_sign_in_at, now.last_sign_in_ip, now.version) == (clock.now, "192.0.2.7", before.version)
    assert statuses(core, user) == ["ok", "second_factor_required"]


@pytest.mark.rule("F2")
def test_a_challenge_names_no_user_and_is_no_token(core: UserCore) -> None:
    user, _ = enrolled(core)
    challenge = challenge_for(core)
    text = challenge.reveal()
    assert write_base62(user.id, 9).lstrip("0") not in text
    assert str(user.id) not in text
    assert not opens(core, challenge)
    refusals = (SignInRefused, TokenInvalid)
    for verify in (core.sign_in.with_access_token, core.sign_in.with_login_token, core.registration.complete):
        with pytest.raises(refusals):
            verify(challenge)
    assert text not in repr(challenge)
    assert text not in str(SecondFactorRequired(challenge))


@pytest.mark.rule("F2", "K1")
def test_only_challenges_are_challenges(core: UserCore) -> None:
    user, app = enrolled(core)
    right, randomness = challenge_for(core).reveal(), FakeRandomness("another")
    others = [generate_secret(kind, user.id, randomness).reveal() for kind in TokenKind]
    unknown = generate_secret(CHALLENGE, user.id, randomness).reveal()
    same_id = right[:13] + unknown[13:]
    for text in (*others, unknown, same_id, right[:-1], right + "x", right.lower(), "", "\ud800", "x" * 10_000):
        before = dump(core)
        refuse_code(core, Secret(text), app.code(1))
        assert changed(before, dump(core)) == set()
    core.cleanup()
    assert core.sign_in.with_second_factor(right, app.code(1)).user.id == user.id


@pytest.mark.rule("F2")
def test_a_challenge_completes_one_sign_in(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    challenge = challenge_for(core)
    refuse_code(core, challenge, app.wrong_code())
    core.sign_in.with_second_factor(challenge, app.code(1))
    clock.advance(2 * STEP)
    refuse_code(core, challenge, app.code())
    assert statuses(core, user, 1) == ["token_count_expired"]


@pytest.mark.rule("F2")
def test_a_challenge_lasts_ten_minutes(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    late, timely = challenge_for(core), challenge_for(core)
    clock.advance(timedelta(minutes=10))
    refuse_code(core, late, app.code())
    assert statuses(core, user, 1) == ["token_date_expired"]
    clock.now -= timedelta(microseconds=1)
    core.sign_in.with_second_factor(timely, app.code())


@pytest.mark.rule("F2", "T2")
def test_a_challenge_of_another_tenant_is_unknown(core: UserCore) -> None:
    _, app = enrolled(core)
    challenge = challenge_for(core)
    add_tenant(core)
    acme = core.tenant("acme")
    refuse_code(acme, challenge, app.code(1))
    with pytest.raises(SignInRefused):
        acme.second_factors.begin_by_challenge(challenge)
    core.sign_in.with_second_factor(challenge, app.code(1))


def by_login_token(core: UserCore, user: User) -> object:
    return core.sign_in.with_login_token(core.login_tokens.issue(user.id))


def by_autologin_token(core: UserCore, user: User) -> object:
    return core.sign_in.with_autologin_token(core.autologin_tokens.issue(user.id, valid_to=NOON + timedelta(days=1)))


def by_host(core: UserCore, user: User) -> object:
    return over(core, authenticators=[Door(answer=lambda: user.id)]).sign_in.authenticate(Badge(1))


class StrongDoor(Door):
    """A host's authenticator that proves two factors."""

    is_multi_factor = True


def by_strong_host(core: UserCore, user: User) -> object:
    return over(core, authenticators=[StrongDoor(answer=lambda: user.id)]).sign_in.authenticate(Badge(1))


def by_passkey(core: UserCore, user: User) -> object:
    device, begun = SoftwareAuthenticator(), core.passkeys.begin_registration(user.id)
    core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options))
    begun = core.passkeys.begin_sign_in()
    return core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))


ASKED: Final[dict[str, Callable[[UserCore, User], object]]] = {
    "password": lambda core, _: core.sign_in.with_password(ANN, PASSWORD),
    "login_token": by_login_token,
    "autologin_token": by_autologin_token,
    "door": by_host,
}
NOT_ASKED: Final[dict[str, Callable[[UserCore, User], object]]] = {
    "passkey": by_passkey,
    "trusted": lambda core, user: core.sign_in.trusted(user.id),
    "a host's that proves two": by_strong_host,
    "access_token": lambda core, user: core.sign_in.with_access_token(core.sign_in.trusted(user.id).access_token),
}


@pytest.mark.rule("F2")
@pytest.mark.parametrize("method", ASKED)
def test_methods_that_prove_one_factor_ask_for_another(core: UserCore, method: str) -> None:
    user, app = enrolled(core)
    challenge = challenge_of(lambda: ASKED[method](core, user))
    signed = core.sign_in.with_second_factor(challenge, app.code(1))
    assert (signed.user.id, signed.authenticator) == (user.id, method)
    ok = {"login_token": "login_token_ok", "autologin_token": "token_ok"}.get(method, "ok")
    assert sorted(statuses(core, user)) == sorted(["second_factor_required", ok])


@pytest.mark.rule("F2")
@pytest.mark.parametrize("method", NOT_ASKED)
def test_methods_that_prove_two_factors_or_go_on_with_a_sign_in_ask_for_none(core: UserCore, method: str) -> None:
    user, _ = enrolled(core)
    assert NOT_ASKED[method](core, user)


@pytest.mark.rule("F2")
def test_an_authenticator_that_only_says_so_is_refused_at_open(core: UserCore) -> None:
    class Odd(Door):
        is_multi_factor = "yes"

    with pytest.raises(TypeError, match="is_multi_factor"):
        over(core, authenticators=[Odd()])


@pytest.mark.rule("F2", "K3")
def test_the_login_token_of_a_first_step_is_redeemed(core: UserCore) -> None:
    user, _ = enrolled(core)
    secret = core.login_tokens.issue(user.id)
    challenge_of(lambda: core.sign_in.with_login_token(secret))
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(secret)


@pytest.mark.rule("F2", "T5")
def test_a_login_token_signs_in_no_user_who_became_privileged_between_the_steps(core: UserCore) -> None:
    user, app = enrolled(core)
    by_token = challenge_of(lambda: by_login_token(core, user))
    core.roles.give(user.id, core.roles.create("admins", privileged=True).uuid)
    refuse_code(core, by_token, app.code(1))
    assert statuses(core, user, 1) == ["refused"]
    assert core.sign_in.with_second_factor(challenge_for(core), app.code(1)).roles == ("admins",)


@pytest.mark.rule("F2", "S10")
def test_a_challenge_is_bound_to_the_device_token_of_the_first_step(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    phone, tablet = core.device_tokens.issue("phone"), core.device_tokens.issue("tablet")
    challenge = challenge_of(lambda: core.sign_in.with_password(ANN, PASSWORD, device_token=phone))
    for other in (None, tablet, Secret("malformed")):
        with pytest.raises(SignInRefused):
            core.sign_in.with_second_factor(challenge, app.code(1), device_token=other)
    assert core.device_tokens.users(phone) == ()
    signed = core.sign_in.with_second_factor(challenge, app.code(1), device_token=phone)
    assert [one.id for one in core.device_tokens.users(phone)] == [user.id]
    assert opens(core, signed.access_token)
    clock.advance(STEP)
    core.sign_in.with_second_factor(challenge_for(core), app.code(1), device_token=tablet)
    assert [one.id for one in core.device_tokens.users(tablet)] == [user.id]


OBSTACLES: Final[dict[str, tuple[Callable[[UserCore, User], object], str]]] = {
    "deactivated": (lambda core, user: core.users.deactivate(user.id), "inactive_user"),
    "inactive tenant": (lambda core, _: core.tenant("system").tenants.deactivate("main"), "inactive_user"),
    "password set": (lambda core, user: core.passwords.set(user.id, ANOTHER), "wrong_pass"),
    "only an inactive role": (
        lambda core, user: core.roles.give(user.id, core.roles.create("x", active=False).uuid),
        "inactive_user",
    ),
    "an own field changed": (lambda core, user: core.users.update(user.id, first_name="Ann"), "refused"),
}


@pytest.mark.rule("F2", "S3", "K9")
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_the_second_step_checks_again_what_the_first_one_did(core: UserCore, obstacle: str) -> None:
    user, app = enrolled(core)
    challenge = challenge_for(core)
    happen, status = OBSTACLES[obstacle]
    happen(core, user)
    refuse_code(core, challenge, app.code(1))
    assert statuses(core, user, 1) == [status]
    assert core.access_tokens.list(user.id).rows == ()
    assert core.users.get(user.id).last_sign_in_at is None


@pytest.mark.rule("F3")
def test_a_code_counts_once_also_for_another_challenge_and_after_its_confirmation(core: UserCore) -> None:
    _, app = enrolled(core)
    first, second = challenge_for(core), challenge_for(core)
    refuse_code(core, first, app.code())  # it confirmed the factor
    refuse_code(core, first, app.code(-1))
    core.sign_in.with_second_factor(first, app.code(1))
    refuse_code(core, second, app.code(1))


@pytest.mark.rule("F3")
@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2])
def test_codes_of_one_step_before_and_after_are_accepted(core: UserCore, clock: FakeClock, off: int) -> None:
    user, app = enrolled(core)
    clock.advance(9 * STEP)
    challenge = challenge_for(core)
    if abs(off) > 1:
        refuse_code(core, challenge, app.code(off))
    else:
        assert core.sign_in.with_second_factor(challenge, app.code(off)).user.id == user.id


@pytest.mark.rule("F3")
def test_ten_wrong_codes_in_a_row_start_a_wait_on_a_counter_of_their_own(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    refuse_code(core, challenge_for(core), app.wrong_code(), times=9)
    challenge = challenge_for(core)
    refuse_code(core, challenge, app.wrong_code())
    for code in (app.code(1), app.wrong_code()):
        with pytest.raises(RateLimited) as waiting:
            core.sign_in.with_second_factor(challenge, code)
        assert waiting.value.retry_after == WAIT
    assert statuses(core, user, 1) == ["rate_limit_exceeded"]
    assert core.history.explain(user.id) == ("second_factor_required", "second_factor_rate_limited")
    assert core.users.status(user.id).failures_in_a_row == 0
    challenge_for(core)  # the password is not delayed
    clock.advance(WAIT)
    refuse_code(core, challenge, app.wrong_code())
    with pytest.raises(RateLimited) as doubled:
        core.sign_in.with_second_factor(challenge, app.code(1))
    assert doubled.value.retry_after == 2 * WAIT
    clock.advance(2 * WAIT)
    core.sign_in.with_second_factor(challenge, app.code(1))
    refuse_code(core, challenge_for(core), app.wrong_code(), times=9)


@pytest.mark.rule("S7", "F3")
def test_an_operator_who_unlocks_a_user_ends_the_wait_for_codes_too(core: UserCore) -> None:
    user, app = enrolled(core)
    challenge = challenge_for(core)
    refuse_code(core, challenge, app.wrong_code(), times=10)
    assert "second_factor_rate_limited" in core.history.explain(user.id)
    core.passwords.set(user.id, ANOTHER)
    assert "second_factor_rate_limited" in core.history.explain(user.id), "who resets a password gets no more codes"
    core.passwords.unlock(user.id)
    assert core.history.explain(user.id) == ("second_factor_required",)
    challenge = challenge_of(lambda: core.sign_in.with_password(ANN, ANOTHER))
    assert core.sign_in.with_second_factor(challenge, app.code(1)).user.id == user.id


@pytest.mark.rule("F3", "S7")
def test_wrong_codes_and_unknown_challenges_count_for_the_address(core: UserCore) -> None:
    _, app = enrolled(core)
    here, unknown = core.bind(ip="192.0.2.7"), generate_secret(CHALLENGE, 7, FakeRandomness("unknown"))
    for _ in range(45):
        refuse_code(here, unknown, app.code(1))
    for _ in range(45):
        refuse_code(here, Secret("malformed"), app.code(1))
    challenge = challenge_for(core)
    refuse_code(here, challenge, app.wrong_code(), times=9)
    refuse_code(here, unknown, app.code(1))
    for other in (challenge, unknown, Secret("malformed")):
        with pytest.raises(RateLimited):
            here.sign_in.with_second_factor(other, app.code(1))
    core.sign_in.with_second_factor(challenge, app.code(1))


@pytest.mark.rule("S7", "F3")
def test_the_first_factor_resets_no_failures_before_the_sign_in_is_complete(core: UserCore) -> None:
    user, app = enrolled(core)
    fail(core, times=5)
    assert core.sign_in.verify_password(ANN, PASSWORD)
    challenge = challenge_for(core)
    assert core.users.status(user.id).failures_in_a_row == 5
    fail(core, times=1)
    core.sign_in.with_second_factor(challenge, app.code(1))
    assert core.users.status(user.id).failures_in_a_row == 1, "a failure after the first step stays"


@pytest.mark.rule("S7")
def test_a_right_password_without_a_code_ends_no_wait(core: UserCore, clock: FakeClock) -> None:
    enrolled(core)
    fail(core, times=9)
    challenge_for(core)
    fail(core)
    with pytest.raises(RateLimited):
        core.sign_in.with_password(ANN, PASSWORD)
    clock.advance(WAIT)
    challenge_for(core)


@pytest.mark.rule("S8", "S7")
def test_verifying_a_password_issues_no_challenge(core: UserCore) -> None:
    user, _ = enrolled(core)
    before = dump(core)
    assert core.sign_in.verify_password(ANN, PASSWORD)
    assert not core.sign_in.verify_password(ANN, "wrong")
    assert "sign_in_challenges" not in changed(before, dump(core))
    assert statuses(core, user, 2) == ["wrong_pass", "second_factor_required"]


@pytest.mark.rule("S4")
def test_a_wrong_password_costs_the_same_with_and_without_a_factor(core: UserCore) -> None:
    enrolled(core)
    register(core, "bob", password=PASSWORD)
    watched, recorder = recorded(core)
    steps = [
        recorder.names_of(lambda name=name: watched.sign_in.with_password(f"{name}@example.com", "wrong"))  # type: ignore[misc]
        for name in ("ann", "bob", "zed")
    ]
    assert steps[0] == steps[1] == steps[2]


@pytest.mark.rule("S4", "F3", "F4")
def test_all_wrong_codes_are_refused_alike(core: UserCore, clock: FakeClock) -> None:
    user, app = enrolled(core)
    used, *_ = core.second_factors.recovery_codes(user.id)
    core.sign_in.with_second_factor(challenge_for(core), used)
    clock.advance(3 * STEP)
    replayed = app.code()
    core.sign_in.with_second_factor(challenge_for(core), replayed)
    refuse_code(core, challenge_for(core), app.wrong_code())
    watched, recorder = recorded(core)
    challenge, steps, rows = challenge_for(core), [], []
    for code in (app.wrong_code(), "", "x" * 99, "١٢٣٤٥٦", used.reveal()[:-1] + "X", used.reveal(), "\ud800"):
        before = dump(core)
        steps.append(recorder.names_of(lambda code=code: watched.sign_in.with_second_factor(challenge, code)))  # type: ignore[misc]
        rows.append(changed(before, dump(core)))
    assert all(one == steps[0] for one in steps)
    assert all(one == rows[0] for one in rows)
    refuse_code(core, challenge, replayed)


@pytest.mark.rule("S4")
def test_challenges_that_do_not_exist_or_are_malformed_leave_no_rows(core: UserCore) -> None:
    enrolled(core)
    before = dump(core)
    for challenge in (generate_secret(CHALLENGE, 7, FakeRandomness("unknown")), Secret("malformed")):
        refuse_code(core, challenge, "123456")
        with pytest.raises(SignInRefused):
            core.second_factors.begin_by_challenge(challenge)
    assert changed(before, dump(core)) == set()


@pytest.mark.rule("S6")
def test_wrong_codes_are_attempts_of_the_user(core: UserCore) -> None:
    user, app = enrolled(core)
    refuse_code(core.bind(ip="192.0.2.7", user_agent="Lynx"), challenge_for(core), app.wrong_code())
    attempt = core.history.attempts(user.id, limit=1).rows[0]
    assert attempt.status is AttemptStatus.SECOND_FACTOR_WRONG
    assert (attempt.authenticator, attempt.ip, attempt.user_agent) == ("second_factor", "192.0.2.7", "Lynx")


@pytest.mark.rule("S1", "S3")
def test_a_second_step_is_recorded_of_its_api(core: UserCore) -> None:
    user, app = enrolled(core)
    challenge = challenge_of(lambda: core.sign_in.with_password(ANN, PASSWORD, source="api"))
    core.sign_in.with_second_factor(challenge, app.code(1))
    assert statuses(core, user, 1) == ["api_ok"]


@pytest.mark.rule("F2")
def test_wrong_types_are_refused_at_once(core: UserCore) -> None:
    for challenge, code in ((7, "1"), ("a", 7), (None, "1"), ("a", None)):
        with pytest.raises(TypeError):
            core.sign_in.with_second_factor(challenge, code)  # type: ignore[arg-type]


@pytest.mark.rule("F1")
def test_a_factor_that_is_removed_between_the_steps_asks_for_a_new_sign_in(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    app, factor = enroll(core, user)
    challenge = challenge_for(core)
    core.bind(actor=Actor.operator("Olga")).second_factors.remove(user.id, factor.id, reason="lost")
    refuse_code(core, challenge, app.code(1))
    later = App(core.second_factors.begin_by_challenge(challenge), core._runtime.clock)
    refuse_code(core, challenge, later.code(1))
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == user.id


@pytest.mark.rule("F3")
def test_a_clock_before_1970_accepts_no_code_twice(core: UserCore, clock: FakeClock) -> None:
    _, app = enrolled(core)
    clock.now = clock.now.replace(year=1960)
    challenge = challenge_for(core)
    refuse_code(core, challenge, app.code())


@pytest.mark.rule("K8")
def test_expired_challenges_are_removed_after_their_retention(core: UserCore, clock: FakeClock) -> None:
    enrolled(core)
    challenge_for(core)
    clock.advance(timedelta(minutes=10) + core.policy.retention.tokens)
    assert core.cleanup().sign_in_challenges == 0
    clock.advance(timedelta(microseconds=1))
    assert core.cleanup().sign_in_challenges == 1
