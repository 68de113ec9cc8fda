"""Sign-ins by passkeys that are refused, and those that race."""

import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import attrs
import pytest
from webauthn.helpers import verify_signature

from tests.services.helpers import (
    Recorder,
    add_tenant,
    over,
    recorded,
    refused,
    register,
)
from tests.services.passkey_helpers import BAD_DEVICES, add, enter, last_status
from tests.sign_in.test_throttling_races import Delayed, in_threads
from usercore import (
    AttemptStatus,
    RateLimited,
    RetentionPolicy,
    SignInRefused,
    ThrottlePolicy,
    TokenUnknown,
    User,
    UserCore,
    UsercoreError,
)
from usercore.passkeys.rules import encode
from usercore.testing import FakeClock, FakeRandomness, WatchedStorage
from usercore.testing.passkeys import (
    BACKUP_ELIGIBLE,
    SoftwareAuthenticator,
)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, first_name="Ann", last_name="Lee")


@pytest.fixture
def device() -> SoftwareAuthenticator:
    return SoftwareAuthenticator()


@pytest.mark.rule("F6")
@pytest.mark.parametrize("bad", BAD_DEVICES)
def test_a_sign_in_that_is_not_honest_is_refused_and_stored(core: UserCore, ann: User, bad: str) -> None:
    honest = SoftwareAuthenticator()
    add(core, ann, honest)
    begun = core.passkeys.begin_sign_in()
    response = attrs.evolve(honest, **BAD_DEVICES[bad]).get(begun.options)
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, response)
    assert last_status(core, ann) is AttemptStatus.PASSKEY_WRONG
    assert enter(core, honest).user.id == ann.id


@pytest.mark.rule("F6")
@pytest.mark.parametrize(
    "secret", ["", "ucw_", "uca_" + "0" * 58, "é", "\ud800", "x" * 10_000], ids=["", "ucw", "uca", "é", "lone", "long"]
)
def test_a_secret_of_another_form_finishes_nothing(
    core: UserCore, ann: User, device: SoftwareAuthenticator, secret: str
) -> None:
    add(core, ann, device)
    registering, signing_in = core.passkeys.begin_registration(ann.id), core.passkeys.begin_sign_in()
    made = SoftwareAuthenticator(randomness=FakeRandomness("other")).create(registering.options)
    with refused(core, TokenUnknown, but=()):
        core.passkeys.finish_registration(ann.id, secret, made)
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(secret, device.get(signing_in.options))


@pytest.mark.rule("F6", "T2")
def test_a_challenge_belongs_to_its_tenant(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add_tenant(core)
    add(core, ann, device)
    begun = core.tenant("acme").passkeys.begin_sign_in()
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))


@pytest.mark.rule("F6", "S6")
@pytest.mark.parametrize("counts", [True, False], ids=["counter", "no counter"])
def test_a_response_signs_in_once(core: UserCore, ann: User, clock: FakeClock, *, counts: bool) -> None:
    device = SoftwareAuthenticator(counts=counts)
    add(core, ann, device)
    begun = core.passkeys.begin_sign_in()
    response = device.get(begun.options)
    core.passkeys.finish_sign_in(begun.secret, response)
    for _ in range(3):
        with refused(core, SignInRefused):
            core.passkeys.finish_sign_in(begun.secret, response)
        assert last_status(core, ann) is AttemptStatus.TOKEN_COUNT_EXPIRED
        clock.advance(timedelta(minutes=3))
    core.cleanup()
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))


@pytest.mark.rule("F6")
def test_a_challenge_is_used_by_one_user_only(core: UserCore, ann: User) -> None:
    bob = register(core, "bob")
    first, second = SoftwareAuthenticator(), SoftwareAuthenticator(randomness=FakeRandomness("other"))
    add(core, ann, first)
    add(core, bob, second)
    begun = core.passkeys.begin_sign_in()
    core.passkeys.finish_sign_in(begun.secret, first.get(begun.options))
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, second.get(begun.options))
    assert last_status(core, bob) is AttemptStatus.TOKEN_COUNT_EXPIRED


@pytest.mark.rule("F6")
@pytest.mark.parametrize("counts", [True, False], ids=["counter", "no counter"])
def test_of_eight_callers_with_one_response_one_is_signed_in(core: UserCore, ann: User, *, counts: bool) -> None:
    device = SoftwareAuthenticator(counts=counts)
    add(core, ann, device)
    begun = core.passkeys.begin_sign_in()
    response = device.get(begun.options)

    def finish(_: int) -> str:
        try:
            return core.passkeys.finish_sign_in(begun.secret, response).authenticator
        except UsercoreError as error:
            return error.code

    assert sorted(in_threads(8, finish)) == ["passkey"] + ["sign_in.refused"] * 7
    assert len(core.access_tokens.list(ann.id)) == 1


@pytest.mark.rule("F6", "S6")
@pytest.mark.parametrize("shown", [5, 4, 0])
def test_a_counter_that_does_not_go_forward_is_refused_and_stored(
    core: UserCore, ann: User, device: SoftwareAuthenticator, shown: int
) -> None:
    add(core, ann, device)
    device.keys[0].sign_count = 4
    enter(core, device)
    device.keys[0].sign_count = shown - device.counts
    if shown == 0:
        device.counts, device.keys[0].sign_count = False, 0
    begun = core.passkeys.begin_sign_in()
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))
    assert last_status(core, ann) is AttemptStatus.PASSKEY_COUNTER
    assert core.passkeys.list(ann.id)[0].sign_count == 5
    device.counts, device.keys[0].sign_count = True, 5
    assert enter(core, device).user.id == ann.id


@pytest.mark.rule("F6")
def test_a_passkey_cannot_become_one_that_is_synced(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add(core, ann, device)
    device.flags |= BACKUP_ELIGIBLE
    begun = core.passkeys.begin_sign_in()
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))
    assert last_status(core, ann) is AttemptStatus.PASSKEY_WRONG


@pytest.mark.rule("F6", "S6")
@pytest.mark.parametrize("late", [timedelta(minutes=10), timedelta(days=400), -timedelta(minutes=11)], ids=str)
def test_a_challenge_is_over_after_ten_minutes_and_if_the_clock_was_set_back_by_more(
    core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock, late: timedelta
) -> None:
    add(core, ann, device)
    begun = core.passkeys.begin_sign_in()
    clock.advance(late)
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))
    assert last_status(core, ann) is AttemptStatus.TOKEN_DATE_EXPIRED


@pytest.mark.rule("F6")
@pytest.mark.parametrize("late", [timedelta(minutes=10) - timedelta(milliseconds=1), -timedelta(minutes=5)], ids=str)
def test_a_challenge_is_valid_for_ten_minutes_also_where_clocks_differ(
    core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock, late: timedelta
) -> None:
    add(core, ann, device)
    begun = core.passkeys.begin_sign_in()
    clock.advance(late)
    assert core.passkeys.finish_sign_in(begun.secret, device.get(begun.options)).user.id == ann.id


@pytest.mark.rule("F6")
def test_a_user_handle_of_another_user_is_refused(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add(core, ann, device)
    other = core.passkeys.begin_registration(register(core, "bob").id).options["user"]["id"]
    for handle in (other, "", encode(bytes(64))):
        begun = core.passkeys.begin_sign_in()
        response = device.get(begun.options)
        response["response"]["userHandle"] = handle
        with refused(core, SignInRefused):
            core.passkeys.finish_sign_in(begun.secret, response)
        assert last_status(core, ann) is AttemptStatus.PASSKEY_WRONG


@pytest.mark.rule("F6")
def test_the_key_of_another_passkey_is_refused(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add(core, ann, device)
    other = SoftwareAuthenticator(randomness=FakeRandomness("other"))
    add(core, register(core, "bob"), other)
    forged = attrs.evolve(device.keys[0], private_key=other.keys[0].private_key)
    begun = core.passkeys.begin_sign_in()
    with refused(core, SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, device.get(begun.options, forged))
    assert last_status(core, ann) is AttemptStatus.PASSKEY_WRONG


@pytest.mark.rule("F6", "S4")
def test_an_unknown_passkey_is_refused_like_a_wrong_one_by_the_same_calls(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    add(core, ann, device)
    unknown = SoftwareAuthenticator(keys=[attrs.evolve(device.keys[0], credential_id=b"unknown")])
    wrong = attrs.evolve(device, origin="https://evil.example")
    watched, recorder = recorded(core.bind(ip="192.0.2.7"))
    watched = watched.bind(ip="192.0.2.7")
    seen = []
    for one in (wrong, unknown):
        begun = watched.passkeys.begin_sign_in()
        response = one.get(begun.options)
        seen.append(reads_of(recorder, lambda: watched.passkeys.finish_sign_in(begun.secret, response)))  # noqa: B023
    assert seen[0] == seen[1]
    assert "get" in seen[0]


@pytest.mark.rule("F6", "S4")
def test_a_signature_is_verified_also_if_the_passkey_is_unknown(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    add(core, ann, device)
    unknown = SoftwareAuthenticator(keys=[attrs.evolve(device.keys[0], credential_id=b"unknown")])
    wrong = SoftwareAuthenticator(keys=[attrs.evolve(unknown.keys[0], credential_id=device.keys[0].credential_id)])
    wrong.keys[0].user_handle = b"another"
    calls = []
    for one in (wrong, unknown):
        begun = core.passkeys.begin_sign_in()
        response = one.get(begun.options)
        calls.append(verifications_in(lambda: core.passkeys.finish_sign_in(begun.secret, response)))  # noqa: B023
    assert calls == [1, 1]


def verifications_in(action: Callable[[], object]) -> int:
    """Return how many signatures a refused action verifies."""
    calls = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is verify_signature.__code__:
            calls.append(frame)

    sys.setprofile(note)
    try:
        with pytest.raises(SignInRefused):
            action()
    finally:
        sys.setprofile(None)
    return len(calls)


@pytest.mark.rule("F6", "K8")
def test_the_use_of_a_challenge_is_stored_as_long_as_the_challenge_is_valid_whatever_is_cleaned_up(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    zero = timedelta(0)
    policy = attrs.evolve(
        core.policy,
        retention=RetentionPolicy(throttles=zero),
        registration=attrs.evolve(core.policy.registration, per_ip_window=zero, per_email_window=zero),
        resets=attrs.evolve(core.policy.resets, per_account_window=zero, per_ip_window=zero),
    )
    late, device = over(core, policy=policy), SoftwareAuthenticator(counts=False)
    add(late, ann, device)
    begun = late.passkeys.begin_sign_in()
    response = device.get(begun.options)
    late.passkeys.finish_sign_in(begun.secret, response)
    clock.now = begun.expires_at - timedelta(seconds=1)
    late.cleanup()
    with refused(late, SignInRefused):
        late.passkeys.finish_sign_in(begun.secret, response)


def reads_of(recorder: Recorder, action: Callable[[], object]) -> list[str]:
    """Return the names of the methods that an action calls, but for the one that stores the attempt of a user."""
    names = [name.rpartition(".")[2] for name in recorder.names_of(action)]
    return [name for name in names if name not in {"add", "write"}]


@pytest.mark.rule("F6", "S6", "K3")
def test_what_is_unknown_is_counted_and_leaves_no_row(
    core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    add(core, ann, device)
    unknown = SoftwareAuthenticator(keys=[attrs.evolve(device.keys[0], credential_id=b"unknown")])
    before = len(core.history.attempts().rows)
    for number in range(5):
        begun = core.passkeys.begin_sign_in()
        secret = "garbage" if number % 2 else begun.secret
        with pytest.raises(SignInRefused):
            core.passkeys.finish_sign_in(secret, unknown.get(begun.options))
    clock.advance(timedelta(minutes=2))
    with pytest.raises(SignInRefused):
        core.passkeys.finish_sign_in("garbage", {})
    rows = core.history.attempts().rows
    assert len(rows) == before + 1
    assert (rows[0].status, rows[0].count) == (AttemptStatus.GARBAGE, 6)


@pytest.mark.rule("F6", "S7")
def test_failures_of_an_address_are_throttled(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add(core, ann, device)
    throttles = ThrottlePolicy(address_failures_before_wait=3)
    late = over(core, policy=attrs.evolve(core.policy, throttles=throttles))
    bad = attrs.evolve(device, origin="https://evil.example")
    for _ in range(3):
        with pytest.raises(SignInRefused):
            enter(late.bind(ip="192.0.2.7"), bad)
    with pytest.raises(RateLimited):
        enter(late.bind(ip="192.0.2.7"), device)
    assert last_status(core) is AttemptStatus.RATE_LIMIT_EXCEEDED
    assert enter(late.bind(ip="192.0.2.8"), device).user.id == ann.id
    assert core.users.status(ann.id).locked_until is None


@pytest.mark.rule("F6")
@pytest.mark.parametrize("again", [False, True], ids=["removed", "removed and registered again"])
def test_a_passkey_that_is_removed_while_it_is_verified_does_not_sign_in(
    core: UserCore, storage: WatchedStorage, ann: User, *, again: bool
) -> None:
    device = SoftwareAuthenticator(counts=False)
    made = add(core, ann, device)

    def happen() -> None:
        core.passkeys.remove(ann.id, made.id)
        if again:
            same = SoftwareAuthenticator(counts=False)
            add(core, ann, same)
            assert same.keys[0].credential_id == made.credential_id

    happens = [happen]
    late = UserCore.over(Delayed(storage, lambda: happens.pop()() if happens else None), core._runtime.host)
    begun = core.passkeys.begin_sign_in()
    with pytest.raises(SignInRefused):
        late.passkeys.finish_sign_in(begun.secret, device.get(begun.options))
    assert not happens, "it happened"
    assert core.access_tokens.list(ann.id).rows == ()
    assert last_status(core, ann) is AttemptStatus.TOKEN_NOT_FOUND
