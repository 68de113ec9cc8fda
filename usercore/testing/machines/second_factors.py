"""Second factors: apps, challenges, codes that count once, recovery codes, waits and a device, predicted by dicts."""

from base64 import b32decode
from datetime import datetime, timedelta
from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, invariant, multiple, rule

from usercore.authenticators.errors import SignInRefused
from usercore.composition.policy import Policy
from usercore.kernel.errors import RateLimited, WrongState
from usercore.kernel.secret import Secret
from usercore.second_factors.errors import (
    CodeWrong,
    EnrollmentNotFound,
    NoSecondFactor,
    SecondFactorNotFound,
    SecondFactorRequired,
    TooManySecondFactors,
)
from usercore.second_factors.model import FactorKey, SecondFactorPolicy
from usercore.second_factors.totp import STEP_SECONDS, code_at, step_at
from usercore.testing.machines.base import StateMachine
from usercore.throttling.model import ThrottlePolicy

EMAIL: Final = "ann@example.com"
PASSWORDS: Final = ("the first of two passwords", "the second of two passwords")
REMEMBERED: Final = timedelta(hours=2)
POLICY: Final = SecondFactorPolicy(
    keys=(FactorKey(id="1", key=bytes(32)),), max_factors=2, recovery_codes=3, remember_device_for=REMEMBERED
)
THROTTLE: Final = ThrottlePolicy()
WHICH: Final = st.integers(0, 1)


@attrs.define
class _App:
    """An app, and the last step whose code was accepted."""

    factor_id: int
    secret: bytes
    begun_at: datetime
    last_step: int = 0


@attrs.define
class _Challenge:
    """A challenge of a sign-in by the password of this generation, of the user in this version."""

    secret: Secret
    issued_at: datetime
    generation: int
    version: int
    is_redeemed: bool = False


@pytest.mark.rule("F1", "F2", "F3", "F4", "F7", "S7", "K9")
class SecondFactorMachine(StateMachine):
    """One user, up to two apps, any number of challenges, and a device."""

    outcomes = frozenset(
        {
            "signed in by a password",
            "signed in by a code",
            "signed in by a recovery code",
            "signed in on a remembered device",
            "asked on the device",
            "confirmed",
            "removed",
            "too old",
            "used before",
            "SecondFactorRequired",
            "SignInRefused",
            "RateLimited",
            "CodeWrong",
            "EnrollmentNotFound",
            "NoSecondFactor",
            "SecondFactorNotFound",
            "TooManySecondFactors",
            "WrongState",
        }
    )
    policy = Policy(second_factors=POLICY)

    challenges: Bundle[_Challenge] = Bundle("challenges")

    def begin(self) -> None:
        """Register one user."""
        given = self.core.registration.register(EMAIL, password=PASSWORDS[0])
        self.user_id, self.generation, self.version, self.is_active = given.user.id, 0, 0, True
        self.other_id = self.core.registration.register("bob@example.com").user.id
        self.apps: list[_App] = []
        self.pending: _App | None = None
        self.codes: list[str] = []
        self.failures, self.failed_at = 0, self.clock.now
        self.phone = self.core.device_tokens.issue("phone")
        self.remembered_at: datetime | None = None

    @rule()
    def begin_enrollment(self) -> None:
        """Begin to enroll an app."""
        if not self.is_active or len(self.apps) == POLICY.max_factors:
            error = TooManySecondFactors if self.is_active else WrongState
            self.refuses(error, lambda: self.core.second_factors.begin(self.user_id))
            return
        begun = self.core.second_factors.begin(self.user_id)
        self.pending = _App(begun.factor_id, b32decode(begun.secret.reveal()), self.clock.now)

    @rule(off=st.sampled_from([0, 0, -1, 1, 2]))
    def confirm(self, off: int) -> None:
        """Confirm the enrollment by a code of now or of a step near it."""
        pending, step = self.pending, step_at(self.clock.now) + off
        if pending is None or self.clock.now - pending.begun_at >= POLICY.enrollment_lifetime:
            self.refuses(EnrollmentNotFound, lambda: self.core.second_factors.confirm(self.user_id, "000000"))
            return
        code = code_at(pending.secret, step)
        if abs(off) > 1:
            self.refuses(CodeWrong, lambda: self.core.second_factors.confirm(self.user_id, code))
            return
        assert self.core.second_factors.confirm(self.user_id, code).id == pending.factor_id
        pending.last_step, self.pending, self.remembered_at = step, None, None
        self.apps.append(pending)
        self.saw("confirmed")

    @rule(which=WHICH)
    def remove(self, which: int) -> None:
        """Remove an app; with the last one the recovery codes go."""
        if which >= len(self.apps):
            self.refuses(SecondFactorNotFound, lambda: self.core.second_factors.remove(self.user_id, 7))
            return
        app = self.apps.pop(which)
        assert self.core.second_factors.remove(self.user_id, app.factor_id).id == app.factor_id
        self.remembered_at = None
        if not self.apps:
            self.codes = []
        self.saw("removed")

    @rule()
    def make_recovery_codes(self) -> None:
        """Make recovery codes, which end the ones before."""
        if not self.apps:
            self.refuses(NoSecondFactor, lambda: self.core.second_factors.recovery_codes(self.user_id))
            return
        self.codes = [code.reveal() for code in self.core.second_factors.recovery_codes(self.user_id)]

    @rule()
    def remove_all(self) -> None:
        """Remove all apps; then recovery codes are refused."""
        while self.apps:
            self.remove(0)
        self.make_recovery_codes()

    @rule(target=challenges)
    def sign_in(self) -> MultipleResults[_Challenge] | _Challenge:
        """Sign in by the right password."""
        password = PASSWORDS[self.generation % 2]
        if not self.is_active:
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_password(EMAIL, password))
        elif self.apps:
            with pytest.raises(SecondFactorRequired) as required:
                self.core.sign_in.with_password(EMAIL, password)
            self.saw("SecondFactorRequired")
            return _Challenge(required.value.challenge, self.clock.now, self.generation, self.version)
        else:
            assert self.core.sign_in.with_password(EMAIL, password).user.id == self.user_id
            self.saw("signed in by a password")
        return multiple()

    @rule(target=challenges)
    def enroll_and_sign_in(self) -> MultipleResults[_Challenge] | _Challenge:
        """Enroll an app if there is none, and sign in."""
        if not self.is_active:
            self.deactivate_or_activate()
        if not self.apps:
            self.begin_enrollment()
            self.confirm(0)
        return self.sign_in()

    @rule()
    def sign_in_by_a_code(self) -> None:
        """Sign in by a password and the next code of an app, and show that code again."""
        for is_again in (False, True):
            challenge = self.enroll_and_sign_in()
            if isinstance(challenge, _Challenge):
                if not is_again:
                    self.clock.advance(timedelta(seconds=STEP_SECONDS))
                self.show_code(challenge, 0, 0)

    @rule()
    def sign_in_by_a_recovery_code(self) -> None:
        """Sign in by a password and a new recovery code."""
        challenge = self.enroll_and_sign_in()
        if isinstance(challenge, _Challenge):
            self.make_recovery_codes()
            self.show_recovery_code(challenge)

    @rule()
    def sign_in_on_the_device(self) -> None:
        """Sign in by a password on the device; if it asks for a code, have it remembered and sign in there again."""
        if not self.is_active or not self.apps:
            return
        is_remembered = self.remembered_at is not None and self.clock.now < self.remembered_at + REMEMBERED
        try:
            self.core.sign_in.with_password(EMAIL, PASSWORDS[self.generation % 2], device_token=self.phone)
        except SecondFactorRequired as required:
            assert not is_remembered
            self.saw("asked on the device")
            challenge = _Challenge(required.challenge, self.clock.now, self.generation, self.version)
            self.make_recovery_codes()
            if self._show(challenge, self.codes[0], is_right=True, device=self.phone):
                self.codes, self.remembered_at = self.codes[1:], self.clock.now
                self.sign_in_on_the_device()
        else:
            assert is_remembered
            self.saw("signed in on a remembered device")

    @rule()
    def unpair(self) -> None:
        """Sign another user in on the device, which is then forgotten."""
        self.core.sign_in.trusted(self.other_id, device_token=self.phone)
        self.remembered_at = None

    @rule(off=st.sampled_from([0, 1]))
    def try_too_often(self, off: int) -> None:
        """Sign in by a password, and show so many wrong codes that the next one has to wait, right or not."""
        challenge = self.enroll_and_sign_in()
        if isinstance(challenge, _Challenge):
            self.show_wrong_codes(challenge, THROTTLE.failures_before_wait + 1)
            self.show_code(challenge, 0, off)

    @rule(off=st.sampled_from([0, 0, 2]))
    def enroll(self, off: int) -> None:
        """Enroll another app, or fail to."""
        self.begin_enrollment()
        self.confirm(off)

    def _is_over(self, challenge: _Challenge) -> bool:
        is_other = (challenge.generation, challenge.version) != (self.generation, self.version)
        if challenge.is_redeemed or not self.is_active or is_other:
            return True
        return self.clock.now >= challenge.issued_at + POLICY.challenge_lifetime

    def _counting(self) -> int:
        return 0 if self.clock.now - self.failed_at >= THROTTLE.forgotten_after else self.failures

    def _waits(self) -> bool:
        beyond = self._counting() - THROTTLE.failures_before_wait
        doubled: int = 2 ** max(beyond, 0)
        return beyond >= 0 and self.clock.now < self.failed_at + min(THROTTLE.first_wait * doubled, THROTTLE.max_wait)

    def _show(self, challenge: _Challenge, code: str, *, is_right: bool, device: Secret | None = None) -> bool:
        """Show a code, and return whether it signed the user in, as the model says."""

        def show() -> object:
            return self.core.sign_in.with_second_factor(
                challenge.secret, code, device_token=device, remember_device=device is not None
            )

        if self._is_over(challenge):
            self.refuses(SignInRefused, show)
            self.saw("too old")
            return False
        if self._waits():
            self.refuses(RateLimited, show)
            return False
        if not is_right:
            self.refuses(SignInRefused, show)
            self.failures, self.failed_at = self._counting() + 1, self.clock.now
            return False
        show()
        challenge.is_redeemed, self.failures = True, 0
        return True

    @rule(challenge=challenges, which=WHICH, off=st.sampled_from([0, 0, 1, -1, 2, -2]))
    def show_code(self, challenge: _Challenge, which: int, off: int) -> None:
        """Show a code of an app: of now, or of a step near it."""
        if which >= len(self.apps):
            return
        app, step = self.apps[which], step_at(self.clock.now) + off
        is_new = step > app.last_step
        if self._show(challenge, code_at(app.secret, step), is_right=abs(off) < 2 and is_new):
            app.last_step = step
            self.saw("signed in by a code")
        elif abs(off) < 2 and not is_new:
            self.saw("used before")

    @rule(challenge=challenges, times=st.sampled_from([1, 4, 11]))
    def show_wrong_codes(self, challenge: _Challenge, times: int) -> None:
        """Show wrong codes."""
        for _ in range(times):
            self._show(challenge, "no code", is_right=False)

    @rule(challenge=challenges)
    def show_recovery_code(self, challenge: _Challenge) -> None:
        """Show a recovery code, and show it again."""
        if not self.codes:
            self._show(challenge, "000000-000000-000000-000000", is_right=False)
            return
        code = self.codes[0]
        if self._show(challenge, code, is_right=True):
            self.codes.remove(code)
            self.saw("signed in by a recovery code")
        self._show(challenge, code, is_right=code in self.codes)

    @rule(seconds=st.sampled_from([STEP_SECONDS, STEP_SECONDS, 10, 600, 3600]))
    def wait(self, seconds: int) -> None:
        """Advance the clock."""
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def set_password(self) -> None:
        """Set the other password: the factors stay, and the challenges end."""
        self.generation, self.remembered_at = self.generation + 1, None
        self.core.passwords.set(self.user_id, PASSWORDS[self.generation % 2])

    @rule()
    def deactivate_or_activate(self) -> None:
        """Deactivate or activate the user, which is another version and ends the challenges."""
        (self.core.users.deactivate if self.is_active else self.core.users.activate)(self.user_id)
        self.is_active, self.version, self.remembered_at = not self.is_active, self.version + 1, None

    @invariant()
    def the_factors_agree(self) -> None:
        """Compare the apps with the model."""
        if hasattr(self, "apps"):
            listed = {factor.id for factor in self.core.second_factors.list(self.user_id)}
            assert listed == {app.factor_id for app in self.apps}
            assert ("second_factor_rate_limited" in self.core.history.explain(self.user_id)) == self._waits()
