"""Every way to sign in takes a device token: an unknown one is refused, and the access token is paired with it.

The ways are found by what public methods return: a new one fails here until it takes a ``device_token``.
"""

from typing import Final

import pytest

from tests.device_tokens.samples import Devices
from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call, hints_of, vars_of
from tests.registration.test_registration_request import link_of
from tests.services.helpers import (
    ANN,
    PASSWORD,
    Badge,
    Door,
    fail,
    over,
    recorded,
    refused,
    register,
    registration_attempts,
    sign_in,
)
from usercore import (
    AttemptStatus,
    DeviceTokenUnknown,
    Identity,
    RateLimited,
    Registration,
    Secret,
    SignedIn,
    SignInRefused,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
)
from usercore.attempts.model import RegistrationStatus
from usercore.kernel.secret import digest_of, generate_secret
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.tokens.kinds import DEVICE

UNKNOWN: Final = generate_secret(DEVICE, None, FakeRandomness("unknown"))


def returned_by(call: Call) -> object:
    return hints_of(vars_of(call.service)[call.method])["return"]


WAYS: Final = [call for call in CALLS if returned_by(call) in (Identity, SignedIn) and call.method != "identify"]
REGISTERING: Final = [
    call for call in CALLS if returned_by(call) is Registration and call.method != "register_external"
]
"""Registering for an external system issues no token."""


def phone_of(core: UserCore) -> Secret:
    return core.device_tokens.issue("phone")


@pytest.mark.rule("S10", "R2")
def test_every_way_to_sign_in_takes_a_device_token() -> None:
    assert {call.method for call in WAYS} >= {"authenticate", "with_password", "with_login_token", "trusted"}
    missing = [str(call) for call in (*WAYS, *REGISTERING) if "device_token" not in call.kinds()]
    assert not missing, f"{missing} must take a device_token: it is refused if it is unknown, and paired on success"


def hashes_of(core: UserCore) -> int:
    """Return how many hashes were computed so far."""
    hasher = core._runtime.hasher
    assert isinstance(hasher, FakeHasher)
    return hasher.hashes


@pytest.mark.rule("S10")
@pytest.mark.parametrize("call", WAYS, ids=str)
def test_each_way_pairs_the_access_token_with_the_device(kept_in: Storage, call: Call) -> None:
    filled = build(WatchedStorage(kept_in))
    identity = call.of(filled)(**call.arguments(filled) | {"device_token": filled.of(Devices).new})
    tokens = {token.public_id: token for token in filled.core.access_tokens.list(identity.user.id)}
    assert tokens[identity.token_id].device_digest == digest_of(filled.of(Devices).new)


@pytest.mark.rule("S10", "S4")
@pytest.mark.parametrize("unknown", [UNKNOWN, "garbage", ""], ids=["well-formed", "garbage", "empty"])
@pytest.mark.parametrize("call", WAYS, ids=str)
def test_each_way_refuses_an_unknown_device_before_any_hash(
    kept_in: Storage, call: Call, unknown: Secret | str
) -> None:
    filled = build(WatchedStorage(kept_in))
    before = hashes_of(filled.core)
    arguments = call.arguments(filled) | {"device_token": unknown}
    with refused(filled.core, SignInRefused):
        call.of(filled)(**arguments)
    assert hashes_of(filled.core) == before
    statuses = {one.status for ref in (None, filled.ann.id) for one in filled.core.history.attempts(ref, limit=1).rows}
    assert AttemptStatus.DEVICE_TOKEN_NOT_FOUND in statuses
    call.of(filled)(**arguments | {"device_token": filled.of(Devices).new})


@pytest.mark.rule("S10", "R1", "R2")
@pytest.mark.parametrize("call", REGISTERING, ids=str)
def test_each_way_to_register_refuses_an_unknown_device_before_any_hash(kept_in: Storage, call: Call) -> None:
    filled = build(WatchedStorage(kept_in))
    before = hashes_of(filled.core)
    arguments = call.arguments(filled) | {"device_token": UNKNOWN}
    with refused(filled.core, DeviceTokenUnknown, but={"registration_attempts", "registration_links"}):
        call.of(filled)(**arguments)
    assert hashes_of(filled.core) == before
    assert registration_attempts(filled.core)[0].status is RegistrationStatus.DEVICE_TOKEN_NOT_FOUND
    user = call.of(filled)(**arguments | {"device_token": filled.of(Devices).new}).user
    assert [one.id for one in filled.core.device_tokens.users(filled.of(Devices).new)] == [user.id]


@pytest.mark.rule("S10", "K5")
def test_signing_in_on_a_device_unpairs_the_user_before(core: UserCore) -> None:
    users, phone = [register(core, name) for name in ("ann", "bob")], phone_of(core)
    for user in (*users, *users[::-1]):
        core.sign_in.trusted(user.id, device_token=phone)
        assert core.device_tokens.users(phone) == (core.users.get(user.id),)
    carl = core.registration.register("carl@example.com", device_token=phone, sign_in=True).user
    assert core.device_tokens.users(phone) == (carl,)


@pytest.mark.rule("S10")
def test_a_token_that_is_shown_is_paired_itself(core: UserCore) -> None:
    user, phone = register(core), phone_of(core)
    token = sign_in(core, user)
    core.sign_in.with_access_token(token, device_token=phone)
    (only,) = core.access_tokens.list(user.id)
    assert only.device_digest == digest_of(phone)


@pytest.mark.rule("S10")
def test_a_refused_sign_in_pairs_nothing(core: UserCore) -> None:
    user, phone = register(core, password=PASSWORD), phone_of(core)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(ANN, "wrong", device_token=phone)
    core.users.deactivate(user.id)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(ANN, PASSWORD, device_token=phone)
    assert core.device_tokens.users(phone) == ()


@pytest.mark.rule("S10", "T2")
def test_another_tenants_device_is_unknown(core: UserCore) -> None:
    theirs = phone_of(core.tenant("system"))
    user = register(core)
    with refused(core, SignInRefused):
        core.sign_in.trusted(user.id, device_token=theirs)


@pytest.mark.rule("S10", "K5")
def test_a_device_is_no_credential(core: UserCore, ann: User) -> None:
    phone = phone_of(core)
    core.sign_in.trusted(ann.id, device_token=phone)
    for way in (core.sign_in.with_access_token, core.sign_in.with_login_token, core.sign_in.with_autologin_token):
        with refused(core, SignInRefused):
            way(phone)
        with refused(core, SignInRefused):
            way(phone, device_token=phone)
    with refused(core, TokenUnknown):
        core.sign_in.identify(phone)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, password=PASSWORD, username="ann")


@pytest.mark.rule("S10", "S4")
@pytest.mark.parametrize("failures", [0, 1, 10])
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
@pytest.mark.usefixtures("ann")
def test_an_unknown_device_is_refused_alike_for_known_and_unknown_logins(
    core: UserCore, password: str, failures: int
) -> None:
    watched, recorder = recorded(core)
    web = watched.bind(ip="192.0.2.7")
    seen = []
    for login in (ANN, "unknown@example.com"):
        fail(core, login, times=failures)
        steps = recorder.names_of(lambda: web.sign_in.with_password(login, password, device_token=UNKNOWN))  # noqa: B023 - used at once
        seen.append(steps)
    assert seen[0] == seen[1]


@pytest.mark.rule("S7", "S10")
def test_an_unknown_device_counts_for_the_address_only(core: UserCore, ann: User) -> None:
    web, limit = core.bind(ip="192.0.2.7"), core.policy.throttles.address_failures_before_wait
    for _ in range(limit):
        with pytest.raises(SignInRefused):
            web.sign_in.with_password(ANN, PASSWORD, device_token=UNKNOWN)
    assert core.users.status(ann.id).failures_in_a_row == 0
    with pytest.raises(RateLimited):
        web.sign_in.with_password(ANN, PASSWORD, device_token=phone_of(core))
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == ann.id


@pytest.mark.rule("S7", "S10")
def test_an_unknown_device_neither_resets_nor_raises_the_failures_of_the_account(core: UserCore, ann: User) -> None:
    fail(core, times=3)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(ANN, PASSWORD, device_token=UNKNOWN)
    assert core.users.status(ann.id).failures_in_a_row == 3


@pytest.mark.rule("S10", "S7")
def test_a_device_that_is_removed_while_the_password_is_verified_is_refused_without_a_failure_of_the_account(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    fail(core)
    phone, gone = phone_of(core), core.policy.device_tokens.unpaired_retention + core.policy.access_tokens.lifetime

    def remove_and_answer() -> int:
        core._service.units.write(lambda unit: unit.device_tokens.remove_unused(clock.now + gone, limit=9))
        return ann.id

    door = Door(answer=remove_and_answer)
    late = over(core, authenticators=[door]).bind(ip="192.0.2.7")
    with pytest.raises(SignInRefused):
        late.sign_in.authenticate(Badge(1), device_token=phone)
    (attempt, *_) = core.history.attempts().rows
    assert attempt.status is AttemptStatus.DEVICE_TOKEN_NOT_FOUND
    assert core.users.status(ann.id).failures_in_a_row == 1
    assert core.access_tokens.list(ann.id).rows == ()


@pytest.mark.rule("K3", "S10")
@pytest.mark.parametrize("secret", ["garbage", "ucl_" + "0" * 58])
def test_an_unknown_secret_with_an_unknown_device_stores_no_row(core: UserCore, secret: str) -> None:
    with refused(core, SignInRefused, but=()):
        core.sign_in.with_login_token(secret, device_token=UNKNOWN)


@pytest.mark.rule("R2", "K7")
def test_ten_unknown_devices_use_up_a_registration_link(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.request("carl@example.com")
    link = link_of(core, mailer)
    for _ in range(10):
        with pytest.raises(DeviceTokenUnknown):
            core.registration.complete(link, device_token=UNKNOWN)
    with pytest.raises(TokenRevoked):
        core.registration.complete(link)
