"""Each method of signing in refuses users who may not sign in, also if that changes before it completes.

The methods are read from the core: a new one fails here until it has its row.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

import attrs
import pytest

from tests.registration.test_registration_request import link_of
from tests.services.factors import challenge_for, demanding, enroll
from tests.services.helpers import ANN, PASSWORD, Door, fail, over, register, sign_in
from tests.sign_in.test_throttling_races import Delayed
from usercore import (
    AttemptStatus,
    Email,
    Identity,
    RateLimited,
    RequiredFor,
    Role,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    Secret,
    SignInRefused,
    TokenInvalid,
    User,
    UserCore,
    UsercoreError,
    UserNotFound,
    UserState,
)
from usercore.kernel.entity import evolve
from usercore.kernel.units import Units
from usercore.passkeys.keys import challenge_of
from usercore.passkeys.rules import encode
from usercore.storage import Unit
from usercore.testing import NOON, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.testing.passkeys import SoftwareAuthenticator

Action: TypeAlias = Callable[[], Identity]


@attrs.frozen
class Pass:
    """The credentials of the host's authenticator."""

    login: str = ANN


def by_access_token(core: UserCore, user: User) -> Action:
    token = core.sign_in.trusted(user.id, allow_privileged=True).access_token
    return lambda: core.sign_in.with_access_token(token)


def by_login_token(core: UserCore, user: User) -> Action:
    secret = core.login_tokens.issue(user.id)
    return lambda: core.sign_in.with_login_token(secret)


def by_autologin_token(core: UserCore, user: User) -> Action:
    secret = core.autologin_tokens.issue(user.id, valid_to=NOON + timedelta(days=1))
    return lambda: core.sign_in.with_autologin_token(secret)


def by_passkey(core: UserCore, user: User) -> Action:
    device, begun = SoftwareAuthenticator(), core.passkeys.begin_registration(user.id)
    core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options))
    begun = core.passkeys.begin_sign_in()
    response = device.get(begun.options)
    return lambda: core.passkeys.finish_sign_in(begun.secret, response)


def by_second_factor(core: UserCore, user: User) -> Action:
    enroll(core, user)
    code = core.second_factors.recovery_codes(user.id)[0]
    challenge = challenge_for(core)
    return lambda: core.sign_in.with_second_factor(challenge, code)


METHODS: Final[dict[str, Callable[[UserCore, User], Action]]] = {
    "password": lambda core, _: lambda: core.sign_in.with_password(ANN, PASSWORD),
    "login_token": by_login_token,
    "autologin_token": by_autologin_token,
    "access_token": by_access_token,
    "trusted": lambda core, user: lambda: core.sign_in.trusted(user.id),
    "passkey": by_passkey,
    "host": lambda core, _: lambda: core.sign_in.authenticate(Pass()),
    "second_factor": by_second_factor,
}
"""How to prepare each method, while the user may still sign in, and how to use it."""


def put(core: UserCore, user: User, state: UserState) -> None:
    def move(unit: Unit) -> None:
        unit.users.replace(evolve(unit.users.lock(user.id), state=state))

    units: Units[Unit] = core._service.units
    units.write(move)


def give(core: UserCore, user: User, *, active: bool = True, privileged: bool = False) -> Role:
    role = core.roles.create("Editors", active=active, privileged=privileged)
    core.roles.give(user.id, role.id)
    return role


OBSTACLES: Final[dict[str, Callable[[UserCore, User], object]]] = {
    "unclaimed": lambda core, user: put(core, user, UserState.UNCLAIMED),
    "deactivated": lambda core, user: core.users.deactivate(user.id),
    "deactivated, tokens stay": lambda core, user: put(core, user, UserState.DEACTIVATED),
    "erased": lambda core, user: put(core, user, UserState.ERASED),
    "its role is inactive": lambda core, user: give(core, user, active=False),
    "its role becomes inactive": lambda core, user: core.roles.update(give(core, user).id, active=False),
    "its role is taken": lambda core, user: core.roles.take(user.id, give(core, user).id),
    "a role is required": lambda core, user: core.roles.require(user.id, required=True),
    "inactive tenant": lambda core, _: core.tenant("system").tenants.deactivate("main"),
}


def with_host(core: UserCore, user: User) -> UserCore:
    host = Door(name="host", credentials=Pass, answer=lambda: user.id)
    return over(core, authenticators=[host])


@pytest.mark.rule("S2", "S3")
def test_each_method_of_signing_in_is_tested(core: UserCore) -> None:
    late = with_host(core, register(core))
    assert {method.name for method in late.sign_in._authenticators} | {"second_factor", "trusted"} == METHODS.keys()


@pytest.mark.rule("S3", "S5")
@pytest.mark.parametrize("name", METHODS)
def test_each_method_signs_in_users_who_may_sign_in(core: UserCore, name: str) -> None:
    user = register(core, password=PASSWORD)
    assert METHODS[name](with_host(core, user), user)().user.id == user.id


@pytest.mark.rule("S3", "T3", "T4")
@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", METHODS)
def test_each_method_refuses_users_who_may_not_sign_in_when_its_secret_is_issued(
    core: UserCore, name: str, obstacle: str
) -> None:
    user = register(core, password=PASSWORD)
    late, tokens = with_host(core, user), tokens_of(core, user)
    OBSTACLES[obstacle](core, user)
    with pytest.raises(UsercoreError):  # issuing is refused, or using what was issued
        METHODS[name](late, user)()
    assert tokens_of(core, user) <= tokens


@pytest.mark.rule("S3", "T3", "T4")
@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", METHODS)
def test_each_method_refuses_users_who_may_not_sign_in(core: UserCore, name: str, obstacle: str) -> None:
    user = register(core, password=PASSWORD)
    enter = METHODS[name](with_host(core, user), user)
    check_refused(core, user, enter, lambda: OBSTACLES[obstacle](core, user))


@pytest.mark.rule("S3", "T3", "T4")
@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", METHODS)
def test_each_method_refuses_users_who_may_no_longer_sign_in_when_it_completes(
    core: UserCore, storage: WatchedStorage, name: str, obstacle: str
) -> None:
    user = register(core, password=PASSWORD)
    happens: list[Callable[[], object]] = []
    delayed = Delayed(storage, lambda: happens.pop()() if happens else None)
    late = with_host(UserCore.over(delayed, core._runtime.host), user)
    enter = METHODS[name](late, user)
    happens.append(lambda: OBSTACLES[obstacle](core, user))
    check_refused(core, user, enter, lambda: None)
    assert not happens, "it happened"


def check_refused(core: UserCore, user: User, enter: Action, happen: Callable[[], object]) -> None:
    tokens, last = tokens_of(core, user), core.users.get(user.id).last_sign_in_at
    happen()
    with pytest.raises((SignInRefused, UserNotFound)):
        enter()
    assert tokens_of(core, user) <= tokens
    stored = core._service.units.read(lambda unit: unit.users.get(user.id))
    assert stored is None or stored.last_sign_in_at == last


def tokens_of(core: UserCore, user: User) -> set[bytes]:
    return {token.digest for token in core._service.units.read(lambda unit: unit.access_tokens.list_of(user.id))}


MULTI_FACTOR: Final = {"access_token", "trusted", "passkey", "second_factor"}
"""The methods that prove two factors, or go on with a sign-in that was complete."""


def check_asked(core: UserCore, user: User, name: str, enter: Action, error: type[UsercoreError]) -> None:
    """Check that a method asks for the second factor, and signs in no user without; or that it needs none."""
    tokens, last = tokens_of(core, user), core.users.get(user.id).last_sign_in_at
    if name in MULTI_FACTOR:
        assert enter().user.id == user.id
        return
    with pytest.raises(error):
        enter()
    assert tokens_of(core, user) == tokens
    assert core.users.get(user.id).last_sign_in_at == last
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.SECOND_FACTOR_REQUIRED


@pytest.mark.rule("S3", "F2")
@pytest.mark.parametrize("when", ["before issuing", "between issuing and use", "between use and commit"])
@pytest.mark.parametrize("name", METHODS)
def test_each_method_asks_for_a_second_factor_that_is_missing(
    core: UserCore, storage: WatchedStorage, name: str, when: str
) -> None:
    user = register(core, password=PASSWORD)
    happens: list[Callable[[], object]] = []
    delayed = Delayed(storage, lambda: happens.pop()() if happens else None)
    late = with_host(UserCore.over(delayed, core._runtime.host), user)
    if when == "before issuing":
        enroll(core, user)
    enter = METHODS[name](late, user)
    if when == "between issuing and use":
        enroll(core, user)
    elif when == "between use and commit":
        happens.append(lambda: enroll(core, user))
    check_asked(core, user, name, enter, SecondFactorRequired)
    assert core.second_factors.list(user.id), "it happened"


@pytest.mark.rule("S3", "F7")
@pytest.mark.parametrize("name", METHODS)
def test_each_method_asks_for_a_second_factor_that_is_demanded_of_all(core: UserCore, name: str) -> None:
    user = register(core, password=PASSWORD)
    enter = METHODS[name](with_host(demanding(core), user), user)
    check_asked(core, user, name, enter, SecondFactorSetupRequired)


PRIVILEGES: Final[dict[str, Callable[[UserCore, User], object]]] = {
    "given a privileged role": lambda core, user: give(core, user, privileged=True),
    "a role becomes privileged": lambda core, user: core.roles.update(give(core, user).id, privileged=True),
    "a privileged role becomes active": lambda core, user: core.roles.update(
        give(core, user, active=False, privileged=True).id, active=True
    ),
}
"""How a user becomes privileged."""


@pytest.mark.rule("T5")
@pytest.mark.parametrize("name", METHODS)
def test_only_a_password_and_a_passkey_sign_in_an_admin(core: UserCore, name: str) -> None:
    system = core.tenant("system")
    admin = register(system, password=PASSWORD)
    check_privileged(system, admin, name, METHODS[name](with_host(system, admin), admin), lambda: None)


@pytest.mark.rule("T5")
@pytest.mark.parametrize("privilege", PRIVILEGES)
@pytest.mark.parametrize("name", METHODS)
def test_only_a_password_and_a_passkey_sign_in_the_holder_of_a_privileged_role(
    core: UserCore, name: str, privilege: str
) -> None:
    user = register(core, password=PASSWORD)
    enter = METHODS[name](with_host(core, user), user)
    check_privileged(core, user, name, enter, lambda: PRIVILEGES[privilege](core, user))


@pytest.mark.rule("T5")
@pytest.mark.parametrize("privilege", PRIVILEGES)
@pytest.mark.parametrize("name", METHODS)
def test_a_user_who_becomes_privileged_before_the_sign_in_completes_is_signed_in_only_by_a_password_or_a_passkey(
    core: UserCore, storage: WatchedStorage, name: str, privilege: str
) -> None:
    user = register(core, password=PASSWORD)
    happens: list[Callable[[], object]] = []
    delayed = Delayed(storage, lambda: happens.pop()() if happens else None)
    enter = METHODS[name](with_host(UserCore.over(delayed, core._runtime.host), user), user)
    happens.append(lambda: PRIVILEGES[privilege](core, user))
    check_privileged(core, user, name, enter, lambda: None)
    assert not happens, "it happened"


@pytest.mark.rule("F7", "T5")
@pytest.mark.parametrize("privilege", PRIVILEGES)
@pytest.mark.parametrize("when", ["before use", "between use and commit"])
def test_a_user_who_becomes_privileged_needs_the_second_factor_that_is_demanded_of_privileged_users(
    core: UserCore, storage: WatchedStorage, privilege: str, when: str
) -> None:
    core = demanding(core, RequiredFor.PRIVILEGED)
    user = register(core, password=PASSWORD)
    happens: list[Callable[[], object]] = [lambda: PRIVILEGES[privilege](core, user)]
    late = UserCore.over(Delayed(storage, lambda: happens.pop()() if happens else None), core._runtime.host)
    if when == "before use":
        happens.pop()()
    check_asked(core, user, "password", METHODS["password"](late, user), SecondFactorSetupRequired)
    assert not happens, "it happened"


def check_privileged(
    core: UserCore, user: User, name: str, enter: Action, become_privileged: Callable[[], object]
) -> None:
    if name in {"password", "passkey"} or (name == "second_factor" and user.is_admin):  # a new role ends its challenge
        become_privileged()
        assert enter().user.id == user.id
    else:
        check_refused(core, user, enter, become_privileged)
        assert core.history.attempts(user.id).rows[0].status is AttemptStatus.REFUSED


@pytest.mark.rule("S7")
@pytest.mark.parametrize("name", METHODS)
def test_methods_with_guessable_credentials_are_throttled(core: UserCore, name: str) -> None:
    user = register(core, password=PASSWORD)
    late = with_host(core, user)
    enter = METHODS[name](late, user)
    fail(core, times=10)
    guessable = {method.name for method in late.sign_in._authenticators if method.is_guessable}
    assert guessable == {"password", "host", "passkey"}
    if name in guessable - {"passkey"}:  # which names no account, and is throttled by address
        check_throttled(enter)
    else:
        assert enter().user.id == user.id


def check_throttled(enter: Action) -> None:
    with pytest.raises(RateLimited):
        enter()


DEVICE: Final = SoftwareAuthenticator()
"""A device with a passkey of the user, which signs any challenge."""


def sign_in_by_passkey(core: UserCore, secret: str) -> object:
    response = DEVICE.get({"challenge": encode(challenge_of(secret)), "rpId": "example.com"})
    return core.passkeys.finish_sign_in(secret, response)


def register_a_passkey(core: UserCore, secret: str) -> object:
    device = SoftwareAuthenticator(randomness=FakeRandomness(secret))
    options = {**core.passkeys.begin_registration(Email(ANN)).options, "challenge": encode(challenge_of(secret))}
    return core.passkeys.finish_registration(Email(ANN), secret, device.create(options))


VERIFIERS: Final[dict[str, Callable[[UserCore, str], object]]] = {
    "access token, identify": lambda core, secret: core.sign_in.identify(secret),
    "access token, sign in": lambda core, secret: core.sign_in.with_access_token(secret),
    "login token": lambda core, secret: core.sign_in.with_login_token(secret),
    "registration link": lambda core, secret: core.registration.complete(secret),
    "password": lambda core, secret: core.sign_in.with_password(ANN, secret),
    "passkey, sign in": sign_in_by_passkey,
    "passkey, registration": register_a_passkey,
    "device token": lambda core, secret: core.device_tokens.users(secret),
    "device token, pair": lambda core, secret: core.device_tokens.pair(
        sign_in(core, core.users.get(Email(ANN))), secret
    ),
    "access token, pair": lambda core, secret: core.device_tokens.pair(secret, core.device_tokens.issue("tablet")),
    "access token, unpair": lambda core, secret: core.device_tokens.unpair(secret),
    "challenge": lambda core, secret: core.second_factors.begin_by_challenge(secret),
}


def secrets_of(core: UserCore, mailer: MemoryMailer) -> dict[str, str]:
    """Return a secret of each kind, and texts derived from them."""
    core.registration.request("bob@example.com")
    link = link_of(core, mailer)
    user = register(core, password=PASSWORD)
    access: Secret = sign_in(core, user)
    identity = core.sign_in.identify(access)
    login = core.login_tokens.issue(user.id).reveal()
    DEVICE.keys.clear()
    begun = core.passkeys.begin_registration(user.id)
    core.passkeys.finish_registration(user.id, begun.secret, DEVICE.create(begun.options))
    cid = register(core, "cid", password=PASSWORD)
    _, factor = enroll(core, cid)
    challenge = challenge_for(core, "cid")
    core.second_factors.remove(cid.id, factor.id)
    return {
        "passkey, sign in": core.passkeys.begin_sign_in().secret.reveal(),
        "passkey, registration": core.passkeys.begin_registration(user.id).secret.reveal(),
        "access token": access.reveal(),
        "login token": login,
        "registration link": link,
        "device token": paired_device(core, access).reveal(),
        "password": PASSWORD,
        "public id": identity.token_id,
        "digest": identity.token_digest.hex(),
        "renamed": login.replace(login.split("_")[0], access.reveal().split("_")[0]),
        "challenge": challenge.reveal(),
        "nothing": "",
    }


def paired_device(core: UserCore, access: Secret) -> Secret:
    """Return the token of a device that this access token is paired with."""
    device = core.device_tokens.issue("phone")
    core.device_tokens.pair(access, device)
    return device


@pytest.mark.rule("K1", "K5", "S2", "S9")
@pytest.mark.parametrize("verifier", VERIFIERS)
def test_each_verifier_accepts_only_secrets_of_its_own_kind(
    core: UserCore, mailer: MemoryMailer, verifier: str
) -> None:
    opened = set()
    for kind, secret in secrets_of(core, mailer).items():
        try:
            VERIFIERS[verifier](core, secret)
        except (SignInRefused, TokenInvalid):
            continue
        opened.add(kind)
    assert opened == {verifier if verifier.startswith("passkey") else verifier.split(",", maxsplit=1)[0]}
    assert core.users.find(Email("bob@example.com")) is None or verifier == "registration link"
