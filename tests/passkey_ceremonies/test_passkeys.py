"""Passkeys: registering, signing in, listing, removing. The device is a software authenticator."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

import usercore
from tests.fixtures import RELYING_PARTY
from tests.services.helpers import (
    PASSWORD,
    dump,
    over,
    recorded,
    refused,
    register,
    unchanged,
)
from tests.services.passkey_helpers import FIELDS, add, enter, last_status
from usercore import (
    Actor,
    AttemptStatus,
    LastAdmin,
    PasskeyCeremony,
    PasskeyCredentials,
    PasskeyNotFound,
    PasskeyPolicy,
    PasskeyRejected,
    Policy,
    SignInRefused,
    User,
    UserCore,
)
from usercore.kernel.entity import evolve
from usercore.kernel.secret import digest_of
from usercore.passkeys.rules import encode
from usercore.passkeys.service import remove_passkeys_since
from usercore.storage import KINDS
from usercore.testing import FakeClock, FakeRandomness, MemoryMailer
from usercore.testing.passkeys import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    USER_PRESENT,
    USER_VERIFIED,
    Algorithm,
    SoftwareAuthenticator,
)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, first_name="Ann", last_name="Lee")


@pytest.fixture
def device() -> SoftwareAuthenticator:
    return SoftwareAuthenticator()


def kinds(core: UserCore, user: User) -> list[str]:
    return [entry.kind for entry in core.history.of_user(user.id).rows if entry.kind.startswith("passkey")]


@pytest.mark.rule("F6")
@pytest.mark.parametrize("attests", [False, True], ids=["none", "packed"])
@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_passkey_is_registered_and_signs_in_without_a_login(
    core: UserCore, ann: User, algorithm: Algorithm, clock: FakeClock, *, attests: bool
) -> None:
    device = SoftwareAuthenticator(algorithm=algorithm, attests=attests)
    made = add(core, ann, device, name=" Phone ")
    assert (made.name, made.sign_count, made.transports, made.last_used_at) == ("Phone", 0, "hybrid internal", None)
    clock.tick()
    signed_in = enter(core.bind(ip="192.0.2.7"), device)
    assert (signed_in.user.id, signed_in.authenticator) == (ann.id, "passkey")
    assert core.sign_in.identify(signed_in.access_token).user.id == ann.id
    assert last_status(core, ann) is AttemptStatus.PASSKEY_OK
    assert last_status(core, ann).is_ok
    (listed,) = core.passkeys.list(ann.id)
    assert listed == evolve(made, sign_count=1, last_used_at=clock.now)
    assert kinds(core, ann) == ["passkey.added"]


@pytest.mark.rule("F6")
def test_responses_are_taken_as_text_and_by_the_general_call(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    made = core.passkeys.finish_registration(ann.id, begun.secret.reveal(), json.dumps(device.create(begun.options)))
    assert made.name == "Passkey"
    begun = core.passkeys.begin_sign_in()
    response = json.dumps(device.get(begun.options))
    credentials = PasskeyCredentials(secret=begun.secret, response=response)
    assert core.sign_in.authenticate(credentials, source="passkey").user.id == ann.id


@pytest.mark.rule("F6")
def test_options_of_a_registration_ask_for_a_verified_user_and_do_not_reveal_the_id(
    core: UserCore, ann: User, device: SoftwareAuthenticator, clock: FakeClock
) -> None:
    made = add(core, ann, device)
    begun = core.passkeys.begin_registration(ann.id)
    options = json.loads(json.dumps(begun.options))
    assert options == begun.options
    assert options["rp"] == {"id": "example.com", "name": "Example"}
    assert (options["user"]["name"], options["user"]["displayName"]) == ("ann@example.com", "Ann Lee")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["attestation"] == "none"
    assert [one["id"] for one in options["excludeCredentials"]] == [encode(made.credential_id)]
    assert begun.expires_at == clock.now + timedelta(minutes=10)
    with pytest.raises(ValueError, match="InvalidStateError"):
        device.create(options)
    bob = core.passkeys.begin_registration(register(core, "bob").id).options["user"]["id"]
    assert options["user"]["id"] == core.passkeys.begin_registration(ann.id).options["user"]["id"] != bob
    assert len(options["user"]["id"]) == 86
    assert str(ann.id) not in options["user"]["id"]


@pytest.mark.rule("F6", "S4")
def test_a_sign_in_begins_without_a_login_and_without_the_store(core: UserCore, ann: User) -> None:
    watched, recorder = recorded(core)
    add(core, ann, SoftwareAuthenticator())
    recorder.names.clear()
    with unchanged(core):
        begun = watched.passkeys.begin_sign_in()
    assert recorder.names == []
    assert (begun.options["rpId"], begun.options["allowCredentials"]) == ("example.com", [])
    assert begun.options["userVerification"] == "required"
    assert begun.secret.reveal() not in json.dumps(begun.options)


@pytest.mark.rule("F6")
def test_a_passkey_without_a_counter_signs_in_any_number_of_times(core: UserCore, ann: User) -> None:
    device = SoftwareAuthenticator(counts=False, flags=USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE)
    made = add(core, ann, device)
    assert (made.backup_eligible, made.backed_up) == (True, False)
    for backed_up in (False, True, False):
        device.flags = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | backed_up * BACKED_UP
        assert enter(core, device).user.id == ann.id
        assert core.passkeys.list(ann.id)[0].backed_up is backed_up


@pytest.mark.rule("F6", "K9")
def test_passkeys_stay_when_a_password_is_set(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    add(core, ann, device)
    core.passwords.set(ann.id, PASSWORD)
    core.emails.change(ann.id, "new@example.com")
    assert enter(core, device).user.id == ann.id


@pytest.mark.rule("F6", "F8")
def test_a_passkey_is_removed_with_a_reason_for_operators_and_its_user_is_told(
    core: UserCore, ann: User, device: SoftwareAuthenticator, mailer: MemoryMailer
) -> None:
    made = add(core, ann, device, name="Phone")
    core.outbox.deliver()
    operator = core.bind(actor=Actor.operator("Olga"))
    operator.passkeys.remove(ann.id, made.id, reason="lost phone")
    core.outbox.deliver()
    assert [mail.kind for mail in mailer.sent if mail.to == ann.email] == ["passkey_added", "passkey_removed"]
    assert not [mail for mail in mailer.sent if "lost phone" in mail.text]
    entry = core.history.of_user(ann.id).rows[0]
    assert (entry.kind, entry.actor) == ("passkey.removed", "operator:Olga")
    assert entry.new == {"id": made.id, "name": "Phone", "removal_reason": "lost phone"}
    assert KINDS["passkey.removed"].operator_only == {"removal_reason"}
    assert core.passkeys.list(ann.id) == ()
    with refused(core, SignInRefused):
        enter(core, device)
    with refused(core, PasskeyNotFound, but=()):
        core.passkeys.remove(ann.id, made.id)


@pytest.mark.rule("F6")
def test_a_passkey_is_removed_from_its_own_user_only(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    made, bob = add(core, ann, device), register(core, "bob")
    for number in (made.id + 1, 0, -1, 2**63):
        with refused(core, PasskeyNotFound, but=()):
            core.passkeys.remove(ann.id, number)
    with refused(core, PasskeyNotFound, but=()):
        core.passkeys.remove(bob.id, made.id)


@pytest.mark.rule("F6", "T5")
def test_the_last_admin_keeps_a_password_or_a_passkey(core: UserCore) -> None:
    system = core.tenant("system")
    admin, device = register(system), SoftwareAuthenticator()
    first = add(system, admin, device)
    with refused(core, LastAdmin, but=()):
        system.passkeys.remove(admin.id, first.id)
    second = add(system, admin, SoftwareAuthenticator(randomness=FakeRandomness("second")))
    system.passkeys.remove(admin.id, second.id)
    assert enter(system, device).user.id == admin.id
    system.passwords.set(admin.id, PASSWORD)
    system.passkeys.remove(admin.id, first.id)
    other = add(system, register(system, "bob"), device)
    system.passkeys.remove(other.user_id, other.id)


@pytest.mark.rule("F6", "K9")
def test_passkeys_that_were_made_since_an_instant_are_removed(core: UserCore, ann: User, clock: FakeClock) -> None:
    before = add(core, ann, SoftwareAuthenticator(randomness=FakeRandomness("before")))
    since = clock.tick()
    for name in ("first", "second"):
        add(core, ann, SoftwareAuthenticator(randomness=FakeRandomness(name)))
        clock.tick()

    def undo(unit: usercore.storage.Unit) -> int:
        unit.lock(ann.id)
        return remove_passkeys_since(unit, ann.id, since, reason="undone", recipient=None)

    assert [core._service.units.write(undo) for _ in range(2)] == [2, 0]
    assert core.passkeys.list(ann.id) == (before,)
    assert kinds(core, ann)[:2] == ["passkey.removed"] * 2


ANSWER: Final = ("clientDataJSON", "attestationObject")

CALLS: Final[dict[str, Callable[[UserCore, User], object]]] = {
    "begin_registration": lambda core, user: core.passkeys.begin_registration(user.id),
    "finish_registration": lambda core, user: core.passkeys.finish_registration(
        user.id,
        "",
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {**dict.fromkeys(FIELDS, "YQ"), "attestationObject": "YQ"},
        },
    ),
    "begin_sign_in": lambda core, _: core.passkeys.begin_sign_in(),
    "finish_sign_in": lambda core, _: core.passkeys.finish_sign_in("", {}),
}


@pytest.mark.rule("F6")
@pytest.mark.parametrize("call", CALLS)
def test_without_a_relying_party_the_calls_say_what_is_missing(core: UserCore, ann: User, call: str) -> None:
    late = over(core, policy=attrs.evolve(core.policy, passkeys=PasskeyPolicy()))
    with pytest.raises(ValueError, match="passkeys need a relying party: set Policy"):
        CALLS[call](late, ann)
    assert late.passkeys.list(ann.id) == ()


def test_without_the_extra_a_relying_party_is_refused_when_a_store_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webauthn", None)
    usercore.open("memory://").close()
    with pytest.raises(ValueError, match=r"extra 'passkeys'.*usercore\[passkeys\]"):
        usercore.open("memory://", policy=Policy(passkeys=PasskeyPolicy(relying_party=RELYING_PARTY)))


@pytest.mark.rule("F6")
def test_passkeys_are_registered_but_do_not_sign_in_inside_an_atomic_call(
    core: UserCore, ann: User, device: SoftwareAuthenticator
) -> None:
    core.atomic(lambda part: add(part, ann, device))
    begun: PasskeyCeremony = core.passkeys.begin_sign_in()
    with pytest.raises(TypeError, match=r"passkeys\.finish_sign_in"):
        core.atomic(lambda part: part.passkeys.finish_sign_in(begun.secret, device.get(begun.options)))
    assert enter(core, device).user.id == ann.id


@pytest.mark.rule("F6")
def test_nothing_of_a_secret_is_stored(core: UserCore, ann: User, device: SoftwareAuthenticator) -> None:
    begun, signing_in = core.passkeys.begin_registration(ann.id), core.passkeys.begin_sign_in()
    core.passkeys.finish_registration(ann.id, begun.secret, device.create(begun.options))
    core.passkeys.finish_sign_in(signing_in.secret, device.get(signing_in.options))
    stored = repr(dump(core))
    assert begun.secret.reveal() not in stored
    assert signing_in.secret.reveal() not in stored
    token = core._service.units.read(lambda unit: unit.limited_use_tokens.get(ann.id, digest_of(begun.secret)))
    assert token is not None
    assert (token.kind, token.uses) == (usercore.TokenKind.PASSKEY, 1)


def test_errors_of_a_rejected_response_have_their_reason(core: UserCore, ann: User) -> None:
    begun = core.passkeys.begin_registration(ann.id)
    made = SoftwareAuthenticator(origin="https://evil.example").create(begun.options)
    with pytest.raises(PasskeyRejected) as raised:
        core.passkeys.finish_registration(ann.id, begun.secret, made)
    assert "origin" in str(raised.value.__cause__)
