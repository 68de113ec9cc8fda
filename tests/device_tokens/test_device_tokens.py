"""Device tokens: issuing, pairing and unpairing, and what events do to pairings."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

from tests.services.helpers import ANN, PASSWORD, add_tenant, over, refused, register, sign_in, unchanged, unclaim
from usercore import (
    AccessToken,
    DeviceToken,
    DeviceTokenUnknown,
    Email,
    Invalid,
    RevocationPolicy,
    Secret,
    SignInRefused,
    TenantInactive,
    TokenExpired,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
    UserNotFound,
    forms,
)
from usercore.kernel.ids import UserId
from usercore.kernel.secret import digest_of, generate_secret, read_secret
from usercore.testing import NOON, TICK, FakeClock, FakeRandomness
from usercore.tokens.kinds import ACCESS, DEVICE

DAY: Final = timedelta(days=1)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, password=PASSWORD)


@pytest.fixture
def bob(core: UserCore) -> User:
    return register(core, "bob")


@pytest.fixture
def phone(core: UserCore) -> Secret:
    return core.device_tokens.issue("phone")


def stored(core: UserCore, token: Secret) -> AccessToken:
    """Return an access token as it is stored, also if it was revoked."""
    read = read_secret(token, ACCESS)
    assert read is not None
    found = core._service.units.read(lambda unit: unit.access_tokens.get(UserId(read[0]), read[1]))
    assert found is not None
    return found


def users_of(core: UserCore, device: Secret) -> list[int]:
    return [user.id for user in core.device_tokens.users(device)]


def changes(core: UserCore, user: User) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """Return the changes of pairings in the user's history, oldest first."""
    found = [
        (entry.kind, dict(entry.old), dict(entry.new))
        for entry in core.history.of_user(user.id)
        if entry.kind.startswith("device_token.")
    ]
    return found[::-1]


@pytest.mark.rule("K5", "K1")
def test_each_call_issues_a_new_token_for_the_device(core: UserCore, ann: User) -> None:
    issued = [core.device_tokens.issue("phone 7") for _ in range(2)]
    assert len(set(issued)) == 2
    for secret in issued:
        assert secret.reveal().startswith("ucd_")
        assert len(secret.reveal()) == len("ucd_") + 43 + 6
        core.device_tokens.pair(sign_in(core, ann), secret)
    second, first = core.device_tokens.list(ann.id)
    assert [first.digest, second.digest] == list(map(digest_of, issued))
    assert first == DeviceToken(
        id=first.id,
        tenant_id=core.context.tenant_id,
        digest=digest_of(issued[0]),
        device_id="phone 7",
        issued_at=NOON,
        last_used_at=NOON,
    )


@pytest.mark.rule("K5")
@pytest.mark.parametrize("device_id", ["x", "Zoë's 📱", "0" * 255, "a b"])
def test_a_device_id_is_stored_exactly(core: UserCore, ann: User, device_id: str) -> None:
    core.device_tokens.pair(sign_in(core, ann), core.device_tokens.issue(device_id))
    assert [token.device_id for token in core.device_tokens.list(ann.id)] == [device_id]


@pytest.mark.rule("K5")
@pytest.mark.parametrize("device_id", ["", " ", "a ", "\ta", "a\nb", "a\0", "\ud800", "x" * 256])
def test_a_malformed_device_id_is_refused(core: UserCore, device_id: str) -> None:
    with refused(core, Invalid, but=()):
        core.device_tokens.issue(device_id)


@pytest.mark.rule("K9")
def test_no_token_is_issued_in_an_inactive_tenant(core: UserCore) -> None:
    core.tenant("system").tenants.deactivate("main")
    with refused(core, TenantInactive, but=()):
        core.device_tokens.issue("phone")


@pytest.mark.rule("K5")
def test_pairing_unpairs_the_tokens_of_other_users_and_leaves_those_of_the_same_user(
    core: UserCore, ann: User, bob: User, phone: Secret, clock: FakeClock
) -> None:
    anns, bobs = [sign_in(core, ann) for _ in range(3)], [sign_in(core, bob) for _ in range(2)]
    tablet = core.device_tokens.issue("tablet")
    for token in anns[:2]:
        core.device_tokens.pair(token, phone)
    core.device_tokens.pair(anns[2], tablet)
    clock.advance(DAY)
    for token in bobs:
        paired = core.device_tokens.pair(token, phone)
        assert paired == stored(core, token)
        assert (paired.device_digest, paired.paired_at) == (digest_of(phone), NOON + DAY)
    assert [stored(core, token).device_digest for token in anns] == [None, None, digest_of(tablet)]
    assert [stored(core, token).device_digest for token in bobs] == [digest_of(phone)] * 2
    assert (users_of(core, phone), users_of(core, tablet)) == ([bob.id], [ann.id])
    assert all(stored(core, token).revoked_at is None for token in anns)


@pytest.mark.rule("K5", "X2")
def test_pairing_and_unpairing_are_recorded_with_their_users(
    core: UserCore, ann: User, bob: User, phone: Secret
) -> None:
    anns, bobs = [sign_in(core, ann) for _ in range(2)], sign_in(core, bob)
    for token in (*anns, anns[0], bobs, bobs):
        core.device_tokens.pair(token, phone)
    (device,) = [token.public_id for token in core.device_tokens.list(bob.id)]
    core.device_tokens.unpair(bobs)
    core.device_tokens.unpair(bobs)
    named = [{"public_id": stored(core, token).public_id, "device": device} for token in anns]
    assert changes(core, ann) == [
        ("device_token.paired", {"public_id": named[0]["public_id"], "device": None}, named[0]),
        ("device_token.paired", {"public_id": named[1]["public_id"], "device": None}, named[1]),
        ("device_token.unpaired", {}, {"device": device, "tokens": 2}),
    ]
    assert [kind for kind, _, _ in changes(core, bob)] == ["device_token.paired", "device_token.unpaired"]
    assert changes(core, bob)[1][2] == {"device": device, "tokens": 1}


@pytest.mark.rule("K5")
def test_a_token_is_paired_with_the_last_device_only(core: UserCore, ann: User, phone: Secret) -> None:
    token, tablet = sign_in(core, ann), core.device_tokens.issue("tablet")
    core.device_tokens.pair(token, phone)
    core.device_tokens.pair(token, tablet)
    assert (users_of(core, phone), users_of(core, tablet)) == ([], [ann.id])
    assert [token.device_id for token in core.device_tokens.list(ann.id)] == ["tablet"]


@pytest.mark.rule("K5")
def test_pairing_the_same_again_and_unpairing_nothing_change_nothing(core: UserCore, ann: User, phone: Secret) -> None:
    token = sign_in(core, ann)
    with unchanged(core):
        assert core.device_tokens.unpair(token).device is None
    core.device_tokens.pair(token, phone)
    with unchanged(core):
        assert core.device_tokens.pair(token, phone) == stored(core, token)


@pytest.mark.rule("K5")
def test_an_unpaired_token_stays_valid(core: UserCore, ann: User, phone: Secret) -> None:
    token = sign_in(core, ann)
    core.device_tokens.pair(token, phone)
    unpaired = core.device_tokens.unpair(token)
    assert unpaired == stored(core, token)
    assert (unpaired.device, unpaired.paired_at, users_of(core, phone)) == (None, None, [])
    assert core.sign_in.identify(token).user.id == ann.id
    assert core.device_tokens.list(ann.id) == ()


@pytest.mark.rule("K5")
def test_an_access_token_that_does_not_identify_its_user_cannot_be_paired(
    core: UserCore, ann: User, phone: Secret, clock: FakeClock
) -> None:
    well_formed: list[Secret | str] = [
        generate_secret(ACCESS, number, FakeRandomness("unknown")) for number in (ann.id, 7)
    ]
    for unknown in ["garbage", phone, *well_formed]:
        with refused(core, TokenUnknown, but=()):
            core.device_tokens.pair(unknown, phone)
        with refused(core, TokenUnknown, but=()):
            core.device_tokens.unpair(unknown)
    revoked, expired = sign_in(core, ann), sign_in(core, ann)
    core.access_tokens.revoke(revoked)
    with refused(core, TokenRevoked, but=()):
        core.device_tokens.pair(revoked, phone)
    with refused(core, TokenUnknown, but=()):
        core.device_tokens.unpair(revoked)
    clock.advance(core.policy.access_tokens.idle_lifetime)
    with refused(core, TokenExpired, but=()):
        core.device_tokens.pair(expired, phone)


@pytest.mark.rule("K5", "K9")
def test_an_access_token_of_a_user_who_may_not_sign_in_cannot_be_paired(
    core: UserCore, ann: User, phone: Secret
) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_deactivation=True)))
    token = sign_in(core, ann)
    kept.users.deactivate(ann.id)
    with refused(core, TokenUnknown, but=()):
        core.device_tokens.pair(token, phone)
    kept.users.activate(ann.id)
    core.device_tokens.pair(token, phone)
    core.tenant("system").tenants.deactivate("main")
    with refused(core, TokenUnknown, but=()):
        core.device_tokens.pair(token, phone)


@pytest.mark.rule("K5")
def test_an_unknown_device_is_refused(core: UserCore, ann: User) -> None:
    token, acme = sign_in(core, ann), add_tenant(core)
    theirs = core.tenant(acme.key).device_tokens.issue("phone")
    for unknown in ("garbage", "", token, theirs, generate_secret(DEVICE, None, FakeRandomness("unknown"))):
        with refused(core, DeviceTokenUnknown, but=()):
            core.device_tokens.pair(token, unknown)
        with refused(core, DeviceTokenUnknown, but=()):
            core.device_tokens.users(unknown)


@pytest.mark.rule("K5")
def test_a_public_id_is_no_device_token(core: UserCore, ann: User, phone: Secret) -> None:
    core.device_tokens.pair(sign_in(core, ann), phone)
    (device,) = core.device_tokens.list(ann.id)
    for text in (device.public_id, device.device_id, digest_of(phone).hex()):
        with refused(core, DeviceTokenUnknown, but=()):
            core.device_tokens.users(text)


@pytest.mark.rule("K5")
def test_users_are_those_with_valid_tokens(core: UserCore, ann: User, phone: Secret, clock: FakeClock) -> None:
    core.device_tokens.pair(sign_in(core, ann), phone)
    clock.advance(core.policy.access_tokens.idle_lifetime - TICK)
    assert users_of(core, phone) == [ann.id]
    clock.tick()
    assert users_of(core, phone) == []


@pytest.mark.rule("K5")
def test_unclaimed_users_are_not_shown(core: UserCore, ann: User, phone: Secret) -> None:
    core.device_tokens.pair(sign_in(core, ann), phone)
    unclaim(core, ann)
    assert users_of(core, phone) == []


@pytest.mark.rule("K5")
def test_devices_are_listed_newest_first_without_those_of_revoked_tokens(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    tokens = [sign_in(core, ann) for _ in range(4)]
    for token, device_id in zip(tokens, ("first", "second", "third", "fourth"), strict=True):
        clock.advance(DAY)
        core.device_tokens.pair(token, core.device_tokens.issue(device_id))
    core.access_tokens.revoke(tokens[2])
    assert [device.device_id for device in core.device_tokens.list(ann.id)] == ["fourth", "second", "first"]
    with pytest.raises(UserNotFound):
        core.device_tokens.list(Email("unknown@example.com"))


WRONG: Final[dict[str, Callable[[UserCore], object]]] = {
    "issue": lambda core: core.device_tokens.issue(7),  # type: ignore[arg-type]
    "list": lambda core: core.device_tokens.list("ann"),  # type: ignore[arg-type]
    "pair nothing": lambda core: core.device_tokens.pair(None, "x"),  # type: ignore[arg-type]
    "pair with nothing": lambda core: core.device_tokens.pair("x", None),  # type: ignore[arg-type]
    "unpair": lambda core: core.device_tokens.unpair(b"x"),  # type: ignore[arg-type]
    "users": lambda core: core.device_tokens.users(None),  # type: ignore[arg-type]
    "sign in": lambda core: core.sign_in.with_password(ANN, PASSWORD, device_token=7),  # type: ignore[arg-type]
    "trusted": lambda core: core.sign_in.trusted(Email(ANN), device_token=b"x"),  # type: ignore[arg-type]
    "register": lambda core: core.registration.register("b@example.com", device_token=7),  # type: ignore[arg-type]
    "complete": lambda core: core.registration.complete("x", device_token=7),  # type: ignore[arg-type]
}


@pytest.mark.rule("K5", "S10")
@pytest.mark.parametrize("call", WRONG)
@pytest.mark.usefixtures("ann")
def test_a_value_of_a_wrong_type_is_refused_at_once(core: UserCore, call: str) -> None:
    with refused(core, TypeError, but=()):
        WRONG[call](core)


def can_sign_in_on(core: UserCore, user: User, device: Secret) -> bool:
    """Return whether the user can sign in on the device, and is its user then."""
    try:
        core.sign_in.trusted(user.id, device_token=device)
    except SignInRefused:
        assert users_of(core, device) == []
        return False
    return users_of(core, device) == [user.id]


@pytest.mark.rule("K9")
def test_a_policy_keeps_pairings_at_deactivation_which_are_refused_meanwhile(
    core: UserCore, ann: User, phone: Secret
) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_deactivation=True)))
    core.device_tokens.pair(sign_in(core, ann), phone)
    kept.users.deactivate(ann.id)
    assert users_of(core, phone) == []
    kept.users.activate(ann.id)
    assert users_of(core, phone) == [ann.id]


@pytest.mark.rule("K5", "K9")
def test_a_deactivated_user_loses_the_device_to_another(core: UserCore, ann: User, bob: User, phone: Secret) -> None:
    kept = over(core, policy=attrs.evolve(core.policy, revocation=RevocationPolicy(keep_at_deactivation=True)))
    core.device_tokens.pair(sign_in(core, ann), phone)
    kept.users.deactivate(ann.id)
    core.device_tokens.pair(sign_in(core, bob), phone)
    kept.users.activate(ann.id)
    assert users_of(core, phone) == [bob.id]


@pytest.mark.rule("K5", "K9", "T4")
def test_a_user_with_only_inactive_roles_cannot_be_paired_and_is_not_shown(
    core: UserCore, ann: User, phone: Secret
) -> None:
    token = sign_in(core, ann)
    core.device_tokens.pair(token, phone)
    core.roles.give(ann.id, core.roles.create("editor").id)
    core.roles.update("editor", active=False)
    assert users_of(core, phone) == []
    with refused(core, TokenUnknown, but=()):
        core.device_tokens.pair(token, phone)
    core.roles.update("editor", active=True)
    assert users_of(core, phone) == [ann.id]


@pytest.mark.rule("K9", "X2")
def test_a_set_password_counts_what_it_unpaired(core: UserCore, ann: User, phone: Secret) -> None:
    for _ in range(2):
        core.device_tokens.pair(sign_in(core, ann), phone)
    sign_in(core, ann)
    core.passwords.set(ann.id, "seven pelicans over Trnava")
    (revoked,) = [entry.new for entry in core.history.of_user(ann.id) if entry.kind == "tokens.revoked"]
    assert (revoked["access"], revoked["devices"]) == (3, 2)


@pytest.mark.rule("K8")
def test_a_device_token_is_removed_a_year_after_the_last_token_paired_with_it_expired(
    core: UserCore, ann: User, phone: Secret, clock: FakeClock
) -> None:
    clock.advance(30 * DAY)
    core.sign_in.trusted(ann.id, device_token=phone)
    clock.advance(core.policy.access_tokens.lifetime + core.policy.device_tokens.unpaired_retention)
    assert core.cleanup().device_tokens == 0
    assert users_of(core, phone) == []
    clock.tick()
    assert core.cleanup().device_tokens == 1
    with pytest.raises(DeviceTokenUnknown):
        core.device_tokens.users(phone)


@pytest.mark.rule("K5", "Y2")
@pytest.mark.parametrize("audience", ["user", "operator"])
def test_the_forms_of_access_tokens_name_their_device(core: UserCore, ann: User, phone: Secret, audience: str) -> None:
    core.device_tokens.pair(sign_in(core, ann), phone)
    (token,), (device,) = core.access_tokens.list(ann.id), core.device_tokens.list(ann.id)
    shown = forms.access_token(token, audience)  # type: ignore[call-overload]
    assert (shown["device"], shown["paired_at"]) == (device.public_id, "2026-03-01T12:00:00+00:00")
    assert forms.device_token(device, audience) == {  # type: ignore[call-overload]
        "public_id": device.public_id,
        "device_id": "phone",
        "issued_at": "2026-03-01T12:00:00+00:00",
        "last_used_at": "2026-03-01T12:00:00+00:00",
    }


@pytest.mark.rule("K5")
def test_neither_secret_nor_digest_is_shown_by_accident(core: UserCore, ann: User, phone: Secret) -> None:
    core.device_tokens.pair(sign_in(core, ann), phone)
    (token,), (device,) = core.access_tokens.list(ann.id), core.device_tokens.list(ann.id)
    assert isinstance(device, DeviceToken)
    assert repr(digest_of(phone)) not in repr(token) + repr(device)
