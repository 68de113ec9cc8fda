"""Races about second factors, each for a core on any storage: of many callers at once, one succeeds."""

from collections.abc import Callable, Sequence

from tests.services.factors import App, challenge_for, enroll, enrolled
from tests.services.helpers import PASSWORD, register
from usercore import CodeWrong, EnrollmentNotFound, RateLimited, SignInRefused, UserCore
from usercore.testing.contracts.races import THREADS, Meet, race


def outcomes(action: Callable[[int], object]) -> list[str]:
    """Run an action in eight threads at once, and return how each ended."""

    def run(number: int, meet: Meet) -> str:
        meet()
        try:
            action(number)
        except (SignInRefused, RateLimited, CodeWrong, EnrollmentNotFound) as refusal:
            return refusal.code
        return "ok"

    return sorted(race(run))


ONE_OF_EIGHT = ["ok", *["sign_in.refused"] * (THREADS - 1)]


def a_challenge_completes_one_sign_in(core: UserCore) -> None:
    user, _ = enrolled(core)
    codes, challenge = core.second_factors.recovery_codes(user.id), challenge_for(core)
    assert outcomes(lambda number: core.sign_in.with_second_factor(challenge, codes[number])) == ONE_OF_EIGHT
    assert len(core.access_tokens.list(user.id)) == 1
    left = core._service.units.read(lambda unit: unit.recovery_codes.list_of(user.id))
    assert sum(code.used_at is not None for code in left) == 1, "the others' codes are not used up"


def a_code_signs_in_once_with_any_number_of_challenges(core: UserCore) -> None:
    user, app = enrolled(core)
    challenges, code = [challenge_for(core) for _ in range(THREADS)], app.code(1)
    assert outcomes(lambda number: core.sign_in.with_second_factor(challenges[number], code)) == ONE_OF_EIGHT
    assert len(core.access_tokens.list(user.id)) == 1


def a_recovery_code_signs_in_once_with_any_number_of_challenges(core: UserCore) -> None:
    user, _ = enrolled(core)
    challenges = [challenge_for(core) for _ in range(THREADS)]
    code = core.second_factors.recovery_codes(user.id)[0]
    assert outcomes(lambda number: core.sign_in.with_second_factor(challenges[number], code)) == ONE_OF_EIGHT


def no_more_than_ten_wrong_codes_are_tried_at_once(core: UserCore) -> None:
    user, app = enrolled(core)
    challenges, wrong = [challenge_for(core) for _ in range(THREADS)], app.wrong_code()

    def try_twice(number: int) -> None:
        for _ in range(2):
            try:
                core.sign_in.with_second_factor(challenges[number], wrong)
            except SignInRefused:
                continue

    outcomes(try_twice)
    tried = [attempt.status.value for attempt in core.history.attempts(user.id, limit=1000).rows]
    assert tried.count("second_factor_wrong") == 10
    assert tried.count("rate_limit_exceeded") >= 3, "at most five threads tried twice"


def an_enrollment_is_confirmed_once(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    app = App(core.second_factors.begin(user.id), core._runtime.clock)
    code = app.code()
    found = outcomes(lambda _: core.second_factors.confirm(user.id, code))
    assert found == ["ok", *["second_factors.enrollment_not_found"] * (THREADS - 1)]
    assert len(core.second_factors.list(user.id)) == 1


def a_removed_factor_signs_in_no_more(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    app, factor = enroll(core, user)
    challenge = challenge_for(core)

    def remove_or_use(number: int) -> None:
        if number:
            core.sign_in.with_second_factor(challenge, app.code(1))
        else:
            core.second_factors.remove(user.id, factor.id)

    assert outcomes(remove_or_use).count("ok") in {1, 2}, "the removal, and the sign-in if it came first"
    assert core.second_factors.list(user.id) == ()
    assert "ok" not in outcomes(lambda _: core.sign_in.with_second_factor(challenge, app.code(2)))


RACES: Sequence[Callable[[UserCore], None]] = (
    a_challenge_completes_one_sign_in,
    a_code_signs_in_once_with_any_number_of_challenges,
    a_recovery_code_signs_in_once_with_any_number_of_challenges,
    no_more_than_ten_wrong_codes_are_tried_at_once,
    an_enrollment_is_confirmed_once,
    a_removed_factor_signs_in_no_more,
)
