"""Registrations of passkeys that are refused, and those that race."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from webauthn.helpers import encode_cbor, parse_cbor

from tests.fixtures import RELYING_PARTY
from tests.services.helpers import ANOTHER, add_tenant, over, refused, register
from tests.services.passkey_helpers import BAD_DEVICES, Response, add, decode, enter
from tests.sign_in.test_throttling_races import Delayed, in_threads
from usercore import (
    PasskeyPolicy,
    PasskeyRejected,
    PasskeyTaken,
    SignInRefused,
    TenantInactive,
    TokenExpired,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
    TooManyPasskeys,
    User,
    UserCore,
    UsercoreError,
    WrongState,
)
from usercore.passkeys.rules import encode
from usercore.testing import FakeClock, FakeRandomness, WatchedStorage
from usercore.testing.passkeys import (
    SoftwareAuthenticator,
)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, first_name="Ann", last_name="Lee")


@pytest.fixture
def device() -> SoftwareAuthenticator:
    return SoftwareAuthenticator()


@pytest.mark.rule("F6")
@pytest.mark.parametrize("attests", [False, True], ids=["none", "packed"])
@pytest.mark.parametrize("bad", BAD_DEVICES)
def test_a_registration_that_is_not_honest_is_rejected(core: UserCore, ann: User, bad: str, *, attests: bool) -> None:
    device = SoftwareAuthenticator(attests=attests, **BAD_DEVICES[bad])
    begun = core.passkeys.begin_registration(ann.id)
    with refused(core, PasskeyRejected, but=()):
        core.passkeys.finish_registration(ann.id, begun.secret, device.create(begun.options))


@pytest.mark.rule("F6")
def test_responses_of_one_ceremony_are_rejected_by_the_other(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    add(core, ann, device)
    registering, signing_in = core.passkeys.begin_registration(ann.id), core.passkeys.begin_sign_in()
    other = SoftwareAuthenticator(randomness=FakeRandomness("other"))
    made, signed = other.create(registering.options), device.get(signing_in.options)
    for response in (signed, {**made, "response": signed["response"]}, {**signed, "response": made["response"]}):
        with pytest.raises(PasskeyRejected):
            core.passkeys.finish_registration(ann.id, registering.secret, response)
    for response in (made, {**signed, "response": made["response"]}):
        with pytest.raises(SignInRefused):
            core.passkeys.finish_sign_in(signing_in.secret, response)


@pytest.mark.rule("F6")
def test_a_credential_id_that_the_authenticator_did_not_send_is_rejected(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    name = encode(b"another")
    with refused(core, PasskeyRejected, but=()):
        response = device.create(begun.options) | {"id": name, "rawId": name}
        core.passkeys.finish_registration(ann.id, begun.secret, response)


def with_attestation(response: Response, change: Callable[[dict[str, Any]], object]) -> Response:
    """Return the response with a changed attestation object."""
    changed = deepcopy(response)
    inner = changed["response"]
    text = inner["attestationObject"]
    read = parse_cbor(decode(text))
    change(read)
    inner["attestationObject"] = encode(encode_cbor(read))
    return changed


BAD_ATTESTATIONS: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "certificates": lambda read: read["attStmt"].update(x5c=[b"certificate"]),
    "no certificates in a list": lambda read: read["attStmt"].update(x5c=[]) or read.update(fmt="tpm"),
    "another signature": lambda read: read["attStmt"].update(sig=b"0" * 70),
    "no signature": lambda read: read["attStmt"].pop("sig"),
    "another algorithm": lambda read: read["attStmt"].update(alg=-257),
    "a statement without a format": lambda read: read.update(fmt="none"),
    "another format": lambda read: read.update(fmt="android-safetynet"),
    "an unknown format": lambda read: read.update(fmt="usercore"),
    "no format": lambda read: read.pop("fmt"),
    "no authenticator data": lambda read: read.pop("authData"),
    "half of the authenticator data": lambda read: read.update(authData=read["authData"][:60]),
    "a key that is none": lambda read: read.update(
        fmt="none", attStmt={}, authData=read["authData"][:-1] + bytes([read["authData"][-1] ^ 1])
    ),
    "more authenticator data": lambda read: read.update(authData=read["authData"] + b"\0"),
}


@pytest.mark.rule("F6")
@pytest.mark.parametrize("bad", BAD_ATTESTATIONS)
def test_an_attestation_that_cannot_be_verified_is_rejected(core: UserCore, ann: User, bad: str) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    made = SoftwareAuthenticator(attests=True).create(begun.options)
    with refused(core, PasskeyRejected, but=()):
        core.passkeys.finish_registration(ann.id, begun.secret, with_attestation(made, BAD_ATTESTATIONS[bad]))
    assert core.passkeys.finish_registration(ann.id, begun.secret, made).user_id == ann.id


@pytest.mark.rule("F6")
def test_a_registration_belongs_to_one_user_and_is_finished_once(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    bob, begun = register(core, "bob"), core.passkeys.begin_registration(ann.id)
    response = device.create(begun.options)
    with refused(core, TokenUnknown, but=()):
        core.passkeys.finish_registration(bob.id, begun.secret, response)
    core.passkeys.finish_registration(ann.id, begun.secret, response)
    with refused(core, TokenRedeemed, but=()):
        core.passkeys.finish_registration(ann.id, begun.secret, response)


@pytest.mark.rule("F6", "T2")
def test_the_secret_of_another_user_is_unknown_whatever_became_of_it(
    core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    add_tenant(core)
    others = register(core, "bob"), register(core.tenant("acme"))
    used, unused = (core.passkeys.begin_registration(ann.id) for _ in range(2))
    response = device.create(used.options)
    core.passkeys.finish_registration(ann.id, used.secret, response)
    clock.now = unused.expires_at
    for secret in (used.secret, unused.secret):
        for of, user in zip((core, core.tenant("acme")), others, strict=True):
            with refused(core, TokenUnknown, but=()) as refusal:
                of.passkeys.finish_registration(user.id, secret, response)
            assert type(refusal.value) is TokenUnknown


@pytest.mark.rule("F6")
def test_a_registration_expires(core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    clock.now = begun.expires_at
    with refused(core, TokenExpired, but=()):
        core.passkeys.finish_registration(ann.id, begun.secret, device.create(begun.options))


EVENTS: Final[dict[str, tuple[Callable[[UserCore, User], object], type[UsercoreError]]]] = {
    "password set": (lambda core, user: core.passwords.set(user.id, ANOTHER), TokenRevoked),
    "email changed": (lambda core, user: core.emails.change(user.id, "new@example.com"), TokenRevoked),
    "signed out": (lambda core, user: core.access_tokens.revoke_all(user.id), TokenRevoked),
    "deactivated": (lambda core, user: core.users.deactivate(user.id), TokenRevoked),
    "deactivated and activated": (
        lambda core, user: (core.users.deactivate(user.id), core.users.activate(user.id)),
        TokenRevoked,
    ),
    "inactive tenant": (lambda core, _: core.tenant("system").tenants.deactivate("main"), TenantInactive),
}


@pytest.mark.rule("F6", "K9")
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_ends_sessions_ends_a_registration(
    core: UserCore, ann: User, device: SoftwareAuthenticator, event: str
) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    response = device.create(begun.options)
    happen, error = EVENTS[event]
    happen(core, ann)
    with refused(core, error, but=()):
        core.passkeys.finish_registration(ann.id, begun.secret, response)


@pytest.mark.rule("F6", "K9")
@pytest.mark.parametrize("event", EVENTS)
def test_a_registration_that_is_ended_while_it_is_verified_stores_nothing(
    core: UserCore, storage: WatchedStorage, ann: User, device: SoftwareAuthenticator, event: str
) -> None:
    happens = [lambda: EVENTS[event][0](core, ann)]
    late = UserCore.over(Delayed(storage, lambda: happens.pop()() if happens else None), core._runtime.host)
    begun = core.passkeys.begin_registration(ann.id)
    with pytest.raises(UsercoreError):
        late.passkeys.finish_registration(ann.id, begun.secret, device.create(begun.options))
    assert not happens, "it happened"
    assert core.passkeys.list(ann.id) == ()


@pytest.mark.rule("F6")
def test_a_registration_that_expires_while_it_is_verified_stores_nothing(
    core: UserCore, storage: WatchedStorage, ann: User, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    happens = [lambda: clock.advance(timedelta(minutes=10))]
    late = UserCore.over(Delayed(storage, lambda: happens.pop()() if happens else None), core._runtime.host)
    begun = core.passkeys.begin_registration(ann.id)
    with refused(core, TokenExpired, but=()):
        late.passkeys.finish_registration(ann.id, begun.secret, device.create(begun.options))
    assert not happens, "it happened"


@pytest.mark.rule("F6", "K9")
def test_users_who_are_not_active_register_none(core: UserCore, ann: User) -> None:
    core.users.deactivate(ann.id)
    with refused(core, WrongState, but=()):
        core.passkeys.begin_registration(ann.id)
    core.users.activate(ann.id)
    core.tenant("system").tenants.deactivate("main")
    with refused(core, TenantInactive, but=()):
        core.passkeys.begin_registration(ann.id)


@pytest.mark.rule("F6", "T2")
def test_a_credential_id_belongs_to_one_user_of_a_tenant(core: UserCore, ann: User) -> None:
    add_tenant(core)
    first, again, elsewhere = (SoftwareAuthenticator() for _ in range(3))
    add(core, ann, first)
    for user in (register(core, "bob"), ann):
        begun = core.passkeys.begin_registration(user.id)
        again.keys.clear()
        again.randomness = FakeRandomness("authenticator")
        response = again.create({**begun.options, "excludeCredentials": []})
        with refused(core, PasskeyTaken, but=()):
            core.passkeys.finish_registration(user.id, begun.secret, response)
    acme = core.tenant("acme")
    theirs = register(acme)
    add(acme, theirs, elsewhere)
    assert elsewhere.keys[0].credential_id == first.keys[0].credential_id
    assert (enter(core, first).user.id, enter(acme, elsewhere).user.id) == (ann.id, theirs.id)


@pytest.mark.rule("F6")
def test_a_user_has_as_many_passkeys_as_the_policy_allows(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    passkeys = PasskeyPolicy(relying_party=RELYING_PARTY, max_per_user=1)
    core = over(core, policy=attrs.evolve(core.policy, passkeys=passkeys))
    early = core.passkeys.begin_registration(ann.id)
    made = add(core, ann, device)
    with refused(core, TooManyPasskeys, but=()):
        core.passkeys.begin_registration(ann.id)
    another = SoftwareAuthenticator(randomness=FakeRandomness("another")).create(early.options)
    with refused(core, TooManyPasskeys, but=()):
        core.passkeys.finish_registration(ann.id, early.secret, another)
    core.passkeys.remove(ann.id, made.id)
    assert core.passkeys.finish_registration(ann.id, early.secret, another).user_id == ann.id


@pytest.mark.rule("F6")
def test_of_eight_registrations_with_one_response_one_is_stored(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    response = device.create(begun.options)

    def finish(_: int) -> str:
        try:
            return core.passkeys.finish_registration(ann.id, begun.secret, response).name
        except UsercoreError as error:
            return error.code

    assert sorted(in_threads(8, finish)) == ["Passkey"] + ["tokens.redeemed"] * 7
