"""Users with second factors, and what their authenticator apps show."""

from base64 import b32decode
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest

from tests.services.helpers import PASSWORD, over, register
from usercore import (
    FactorKey,
    RequiredFor,
    SecondFactor,
    SecondFactorPolicy,
    SecondFactorRequired,
    Secret,
    TotpEnrollment,
    User,
    UserCore,
)
from usercore.second_factors.totp import STEP_SECONDS, code_at, step_at

STEP = timedelta(seconds=STEP_SECONDS)
KEY = FactorKey(id="2026", key=bytes(range(32)))
POLICY = SecondFactorPolicy(keys=(KEY,))


@attrs.frozen
class App:
    """An authenticator app: it shows codes by its secret and the clock of its phone."""

    enrollment: TotpEnrollment
    clock: Callable[[], datetime]

    def code(self, steps: int = 0) -> str:
        """Return the code that is shown now, or some steps later."""
        return code_at(b32decode(self.enrollment.secret.reveal()), step_at(self.clock()) + steps)

    def wrong_code(self) -> str:
        """Return a code of no step near."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in ("000000", *(str(n) * 6 for n in range(1, 9))) if code not in near)


def with_policy(core: UserCore, policy: SecondFactorPolicy = POLICY) -> UserCore:
    """Return a core with this policy of second factors."""
    return over(core, policy=attrs.evolve(core.policy, second_factors=policy))


def demanding(core: UserCore, required_for: RequiredFor = RequiredFor.ALL) -> UserCore:
    """Return a core whose policy demands second factors."""
    return with_policy(core, SecondFactorPolicy(keys=(KEY,), required_for=required_for))


def enroll(core: UserCore, user: User, *, name: str = "phone") -> tuple[App, SecondFactor]:
    """Enroll an app. Its present code is used up."""
    app = App(core.second_factors.begin(user.id, name=name), core._runtime.clock)
    return app, core.second_factors.confirm(user.id, app.code())


def enrolled(core: UserCore, name: str = "ann") -> tuple[User, App]:
    """Register a user with a password and a factor."""
    user = register(core, name, password=PASSWORD)
    return user, enroll(core, user)[0]


def challenge_of(action: Callable[[], object]) -> Secret:
    """Return the challenge that a sign-in raises."""
    with pytest.raises(SecondFactorRequired) as required:
        action()
    return required.value.challenge


def challenge_for(core: UserCore, name: str = "ann") -> Secret:
    """Return the challenge of a sign-in by password."""
    return challenge_of(lambda: core.sign_in.with_password(f"{name}@example.com", PASSWORD))
