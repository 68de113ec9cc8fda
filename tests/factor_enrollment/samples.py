"""Samples of the service of second factors."""

from typing import Final

import attrs

from tests.samples import FilledStore, Samples, unknown_secret
from tests.services.factors import App, challenge_for, challenge_of, enroll
from tests.services.helpers import PASSWORD
from usercore import SecondFactor, Secret, TotpEnrollment, User, UserCore
from usercore.second_factors.model import CHALLENGE

OF_A_USER_WITH_FACTORS: Final = (
    "begin",
    "confirm",
    "forget_devices",
    "list",
    "recovery_codes",
    "remembered_devices",
    "remove",
)


@attrs.frozen(kw_only=True)
class Factors:
    """A user with two factors, an enrollment and recovery codes; and a challenge of a user who has none any more."""

    user: User
    factor: SecondFactor
    enrollment: TotpEnrollment
    recovery_code: Secret
    challenge: Secret
    setup_challenge: Secret


def fill(filled: FilledStore) -> Factors:
    """Enroll factors of three users, remove those of one, and remember two devices."""
    core = filled.core
    user, other, third = (
        core.registration.register(f"{name}@example.com", password=PASSWORD, send_email=False).user
        for name in ("fay", "gil", "hal")
    )
    factor, _, others, _ = (enroll(core, one)[1] for one in (user, user, other, third))
    codes = core.second_factors.recovery_codes(user.id)
    _remember_device(core, "fay", codes[1])
    _remember_device(core, "hal", core.second_factors.recovery_codes(third.id)[0])
    setup_challenge = challenge_for(core, "gil")
    core.second_factors.remove(other.id, others.id)
    return Factors(
        user=user,
        factor=factor,
        enrollment=core.second_factors.begin(user.id, name="another"),
        recovery_code=codes[0],
        challenge=challenge_for(core, "fay"),
        setup_challenge=setup_challenge,
    )


def _remember_device(core: UserCore, name: str, code: Secret) -> None:
    phone = core.device_tokens.issue(f"the phone of {name}")
    challenge = challenge_of(lambda: core.sign_in.with_password(f"{name}@example.com", PASSWORD, source="app"))
    core.sign_in.with_second_factor(challenge, code, device_token=phone, remember_device=True)


@attrs.frozen
class ChallengeName:
    """A challenge."""

    secret: Secret


def name(core: UserCore, user: User) -> tuple[ChallengeName, ChallengeName]:
    """Enroll a factor, and sign in by the password."""
    enroll(core, user)
    return ChallengeName(challenge_for(core)), ChallengeName(unknown_secret(CHALLENGE, user))


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "challenge": lambda filled: filled.of(Factors).challenge,
        "factor_id": lambda filled: filled.of(Factors).factor.id,
        **{
            f"second_factors.{method}.ref": lambda filled: filled.of(Factors).user.id
            for method in OF_A_USER_WITH_FACTORS
        },
        "second_factors.begin_by_challenge.challenge": lambda filled: filled.of(Factors).setup_challenge,
        "second_factors.confirm.code": lambda filled: App(filled.of(Factors).enrollment, filled.clock).code(),
        "sign_in.with_second_factor.code": lambda filled: filled.of(Factors).recovery_code,
    },
    name=name,
    calls={
        "second_factors.begin_by_challenge": lambda core, names: core.second_factors.begin_by_challenge(
            names.of(ChallengeName).secret
        ),
        "sign_in.with_second_factor": lambda core, names: core.sign_in.with_second_factor(
            names.of(ChallengeName).secret, "123456"
        ),
    },
)
