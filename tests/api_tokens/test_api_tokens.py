"""API tokens: what they authorize, why they are refused, and what operators change."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from tests.services.helpers import add_tenant, dump, recorded, refused
from usercore import (
    Actor,
    AddressNotAllowed,
    ApiToken,
    AttemptStatus,
    Full,
    Invalid,
    IssuedApiToken,
    Rejected,
    ResourceNotGranted,
    Secret,
    TenantInactive,
    TokenExpired,
    TokenInactive,
    TokenMalformed,
    TokenMissing,
    TokenNotFound,
    TokenRevoked,
    TokenUnknown,
    UserCore,
)
from usercore.kernel.changes import Subject
from usercore.kernel.secret import generate_secret
from usercore.storage import Unit
from usercore.testing import NOON, TICK, FakeClock, FakeRandomness, FaultyStorage, WatchedStorage
from usercore.tokens.kinds import API

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def issue(core: UserCore, *resources: str, **limits: Any) -> IssuedApiToken:
    issued = core.api_tokens.issue("Nightly export", **limits)
    if resources:
        core.api_tokens.grant(issued.token.public_id, resources)
    return issued


def stored(core: UserCore) -> ApiToken:
    (token,) = core.api_tokens.list()
    return token


@pytest.mark.rule("K6")
def test_a_new_token_names_who_issued_it_and_is_granted_nothing(core: UserCore) -> None:
    zoe = core.bind(actor=Actor.operator("Zoë"))
    issued = zoe.api_tokens.issue(" Export ", addresses=["2001:DB8::/32", "192.0.2.7"], expires_at=NOON + DAY)
    token = issued.token
    assert (token.name, token.created_by, token.issued_at) == ("Export", "operator:Zoë", NOON)
    assert (token.active, token.resources, token.last_used_at) == (True, (), None)
    assert (token.addresses, token.expires_at) == (("192.0.2.7", "2001:db8::/32"), NOON + DAY)
    assert stored(core) == token
    with pytest.raises(ResourceNotGranted) as refusal:
        core.api_tokens.authorize(issued.secret, "orders", ip="192.0.2.7")
    assert refusal.value.fields() == {"resource": "orders"}


@pytest.mark.rule("K1", "K6")
def test_only_the_digest_of_a_secret_is_stored(core: UserCore) -> None:
    issued = issue(core, "orders")
    secret = issued.secret.reveal()
    assert secret.startswith("ucs_")
    assert len(secret) == len("ucs_") + 43 + 6
    assert secret not in repr(dump(core)) + repr(issued)
    assert secret[4:47] not in repr(dump(core))


@pytest.mark.rule("K6")
def test_a_token_authorizes_what_it_was_granted_by_exact_name(core: UserCore) -> None:
    issued = issue(core, "orders.read", "users.read")
    for resource in ("orders.read", "users.read"):
        assert core.api_tokens.authorize(issued.secret.reveal(), resource).id == issued.token.id
    for resource in ("orders", "orders.write", "Orders.read", "orders.rea"):
        with refused(core, ResourceNotGranted, but=()):
            core.api_tokens.authorize(issued.secret, resource)
    core.api_tokens.revoke_grants(issued.token.public_id, ["users.read", "never granted"])
    with refused(core, ResourceNotGranted, but=()):
        core.api_tokens.authorize(issued.secret, "users.read")
    core.api_tokens.grant(issued.token.public_id, ["*"])
    assert core.api_tokens.authorize(issued.secret, "users.read").resources == ("*", "orders.read")


@pytest.mark.rule("K6")
def test_a_token_is_accepted_from_any_of_its_addresses(core: UserCore) -> None:
    issued = issue(core, "*", addresses=["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"])
    for ip in ("192.0.2.255", "2001:db8:ffff::1", "198.51.100.7", "::ffff:192.0.2.1"):
        core.api_tokens.authorize(issued.secret, "orders", ip=ip)
        core.bind(ip=ip).api_tokens.authorize(issued.secret, "orders")
    others: list[str | None] = ["192.0.3.0", "2001:db9::1", "198.51.100.8", None]
    for other in others:
        with refused(core, AddressNotAllowed, but=()):
            core.api_tokens.authorize(issued.secret, "orders", ip=other)
    with refused(core, AddressNotAllowed, but=()):
        core.bind(ip="192.0.2.1").api_tokens.authorize(issued.secret, "orders", ip="192.0.3.1")
    core.api_tokens.set_addresses(issued.token.public_id, [])
    core.api_tokens.authorize(issued.secret, "orders")


def never_issued() -> Secret:
    return generate_secret(API, None, FakeRandomness("?"))


NO_SECRETS: Final[dict[str, tuple[type[Rejected], str, Callable[[IssuedApiToken], Secret | str | None]]]] = {
    "none": (TokenMissing, "tokens.missing", lambda _: None),
    "empty": (TokenMissing, "tokens.missing", lambda _: ""),
    "garbage": (TokenMalformed, "tokens.malformed", lambda _: "Bearer x"),
    "public id": (TokenMalformed, "tokens.malformed", lambda issued: issued.token.public_id),
    "one character wrong": (TokenMalformed, "tokens.malformed", lambda issued: issued.secret.reveal()[:-1] + "~"),
    "another kind": (TokenMalformed, "tokens.malformed", lambda _: generate_secret("uca", 42, FakeRandomness())),
    "never issued": (TokenUnknown, "tokens.unknown", lambda _: never_issued()),
}

STATES: Final[dict[str, tuple[type[Rejected], str, Callable[[UserCore, str], object]]]] = {
    "revoked": (TokenRevoked, "tokens.revoked", lambda core, public_id: core.api_tokens.revoke_by_id(public_id)),
    "inactive": (TokenInactive, "tokens.inactive", lambda core, public_id: core.api_tokens.deactivate(public_id)),
    "inactive tenant": (
        TokenInactive,
        "tokens.inactive",
        lambda core, _: core.tenant("system").tenants.deactivate("main"),
    ),
    "wrong address": (
        AddressNotAllowed,
        "tokens.address_not_allowed",
        lambda core, public_id: core.api_tokens.set_addresses(public_id, ["10.0.0.1"]),
    ),
    "not granted": (
        ResourceNotGranted,
        "tokens.resource_not_granted",
        lambda core, public_id: core.api_tokens.revoke_grants(public_id, ["orders"]),
    ),
}


@pytest.mark.rule("K6")
@pytest.mark.parametrize("why", [*NO_SECRETS, *STATES])
def test_each_refusal_has_an_error_of_its_own(core: UserCore, why: str) -> None:
    issued = issue(core, "orders")
    secret: Secret | str | None = issued.secret
    if why in STATES:
        error, code, happen = STATES[why]
        happen(core, issued.token.public_id)
    else:
        error, code, secret_of = NO_SECRETS[why]
        secret = secret_of(issued)
    with refused(core, error, but=()) as refusal:
        core.api_tokens.authorize(secret, "orders", ip="192.0.2.1")
    assert type(refusal.value) is error
    assert refusal.value.code == code


@pytest.mark.rule("K6")
def test_a_token_expires_at_its_instant(core: UserCore, clock: FakeClock) -> None:
    issued = issue(core, "orders", expires_at=NOON + DAY)
    clock.now = NOON + DAY - TICK
    core.api_tokens.authorize(issued.secret, "orders")
    clock.now = NOON + DAY
    with refused(core, TokenExpired, but={"api_tokens"}):
        core.api_tokens.authorize(issued.secret, "orders")


@pytest.mark.rule("K6", "T3")
def test_a_token_is_accepted_again_when_it_or_its_tenant_is_active_again(core: UserCore) -> None:
    issued = issue(core, "orders")
    core.api_tokens.deactivate(issued.token.public_id)
    core.api_tokens.activate(issued.token.public_id)
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    with refused(core, TenantInactive, but=()):
        core.api_tokens.issue("Another")
    tenants.activate("main")
    assert core.api_tokens.authorize(issued.secret, "orders").active


@pytest.mark.rule("K6", "T2")
def test_a_token_of_another_tenant_is_unknown(core: UserCore) -> None:
    add_tenant(core)
    issued = issue(core, "*")
    acme = core.tenant("acme")
    with refused(core, TokenUnknown, but=()):
        acme.api_tokens.authorize(issued.secret, "orders")
    with refused(core, TokenUnknown, but=()):
        acme.api_tokens.revoke(issued.secret)
    with refused(core, TokenNotFound, but=()):
        acme.api_tokens.revoke_by_id(issued.token.public_id)
    assert acme.api_tokens.list().rows == ()


@pytest.mark.rule("K6", "S7")
def test_secrets_that_do_not_exist_are_counted_by_address(core: UserCore, clock: FakeClock) -> None:
    issued = issue(core)
    unknown = never_issued()
    bound = core.bind(ip="203.0.113.1")
    for secret in ("garbage", unknown, unknown):
        with pytest.raises((TokenMalformed, TokenUnknown)):
            bound.api_tokens.authorize(secret, "orders", ip="192.0.2.1")
    with pytest.raises(TokenMalformed):
        bound.api_tokens.authorize("garbage", "orders")
    with pytest.raises(TokenMissing):
        bound.api_tokens.authorize(None, "orders")
    with pytest.raises(ResourceNotGranted):
        bound.api_tokens.authorize(issued.secret, "orders")
    assert core.history.attempts().rows == ()
    clock.advance(MINUTE)
    core._runtime.misses.write(clock.now, core._service.units)
    rows = core.history.attempts().rows
    assert {(row.ip, row.count) for row in rows} == {("192.0.2.1", 3), ("203.0.113.1", 1)}
    assert {row.status for row in rows} == {AttemptStatus.GARBAGE}


@pytest.mark.rule("K6")
def test_last_use_is_collected_and_written_once_a_minute_with_that_of_access_tokens(
    core: UserCore, clock: FakeClock
) -> None:
    issued = issue(core, "orders")
    user = core.registration.register_external("ann@example.com").user
    access = core.sign_in.trusted(user.id).access_token
    clock.now += TICK
    core.api_tokens.authorize(issued.secret, "orders")
    assert stored(core).last_used_at is None
    clock.now = NOON + MINUTE
    core.sign_in.identify(access)
    assert stored(core).last_used_at is None
    clock.now = NOON + MINUTE + TICK
    core.api_tokens.authorize(issued.secret, "orders")
    assert stored(core).last_used_at == clock.now
    assert core.access_tokens.list(user.id).rows[0].last_used_at == NOON + MINUTE


@pytest.mark.rule("K6")
def test_a_last_use_that_cannot_be_written_refuses_nothing(storage: WatchedStorage, core: UserCore) -> None:
    issued = issue(core, "orders")
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    late.api_tokens.authorize(issued.secret, "orders")
    with faulty.failing(1, Full()):
        late._runtime.activity.write(late._service.units)
    assert stored(core).last_used_at is None
    late._runtime.activity.write(late._service.units)
    assert stored(core).last_used_at == NOON


@pytest.mark.rule("K6")
def test_refused_calls_are_no_uses(core: UserCore) -> None:
    issued = issue(core, "orders")
    with pytest.raises(ResourceNotGranted):
        core.api_tokens.authorize(issued.secret, "users")
    core._runtime.activity.write(core._service.units)
    assert stored(core).last_used_at is None


@pytest.mark.rule("K6")
def test_authorizing_is_one_read(core: UserCore) -> None:
    issued = issue(core, "orders")
    watched, recorder = recorded(core)
    watched.api_tokens.authorize(issued.secret, "orders")
    recorder.names.clear()
    watched.api_tokens.authorize(issued.secret, "orders")
    assert [name.partition(".")[2] for name in recorder.names] == ["find_api_token"]


@pytest.mark.rule("K6", "X2")
def test_changes_by_a_core_that_is_bound_to_a_token_name_it(core: UserCore) -> None:
    issued = issue(core, "users.write")
    token = core.api_tokens.authorize(issued.secret, "users.write")
    user = core.registration.register_external("ann@example.com").user
    core.bind(actor=token.actor).users.update(user.id, first_name="Ann")
    assert core.history.of_user(user.id).rows[0].actor == f"api_token:{stored(core).public_id}"


@pytest.mark.rule("K6", "X2")
def test_each_change_of_a_token_is_recorded_and_no_change_is_not(core: UserCore) -> None:
    issued = issue(core)
    public_id, tokens = issued.token.public_id, core.bind(actor=Actor.operator("Zoë")).api_tokens
    for _ in range(2):
        tokens.grant(public_id, ["orders"])
        tokens.set_addresses(public_id, ["192.0.2.1"])
        tokens.deactivate(public_id)
    tokens.activate(public_id)
    tokens.revoke_grants(public_id, ["orders"])
    tokens.revoke_by_id(public_id)

    def query(unit: Unit) -> list[Any]:
        return unit.history.list_of(Subject.API_TOKEN, issued.token.id, before=None, limit=100)

    entries = core._service.units.read(query)[::-1]
    assert [(entry.kind.removeprefix("api_token."), entry.new) for entry in entries] == [
        ("issued", {"public_id": public_id, "name": "Nightly export"}),
        ("grants_changed", {"resources": ["orders"]}),
        ("addresses_changed", {"addresses": ["192.0.2.1"]}),
        ("deactivated", {"active": False}),
        ("activated", {"active": True}),
        ("grants_changed", {"resources": []}),
        ("revoked", {"revoked_at": NOON.isoformat()}),
    ]
    assert {entry.actor for entry in entries[1:]} == {"operator:Zoë"}


REVOKES: Final[dict[str, Callable[[UserCore, IssuedApiToken], ApiToken]]] = {
    "its secret": lambda core, issued: core.api_tokens.revoke(issued.secret),
    "its public id": lambda core, issued: core.api_tokens.revoke_by_id(issued.token.public_id),
}


@pytest.mark.rule("K1", "K6")
@pytest.mark.parametrize("by", REVOKES)
def test_a_token_is_revoked_by_its_secret_and_by_its_public_id_once(core: UserCore, by: str) -> None:
    issued, other = issue(core, "orders"), issue(core, "orders")
    assert REVOKES[by](core, issued).revoked_at == NOON
    assert [token.id for token in core.api_tokens.list()] == [other.token.id]
    for again in REVOKES.values():
        with pytest.raises((TokenUnknown, TokenNotFound)):
            again(core, issued)
    public_id = issued.token.public_id
    changes: list[Callable[[], ApiToken]] = [
        lambda: core.api_tokens.grant(public_id, ["x"]),
        lambda: core.api_tokens.revoke_grants(public_id, ["orders"]),
        lambda: core.api_tokens.set_addresses(public_id, []),
        lambda: core.api_tokens.activate(public_id),
        lambda: core.api_tokens.deactivate(public_id),
    ]
    for change in changes:
        with refused(core, TokenNotFound, but=()):
            change()
    core.api_tokens.authorize(other.secret, "orders")


@pytest.mark.rule("K1", "K6")
def test_a_public_id_is_no_secret_and_a_secret_no_public_id(core: UserCore) -> None:
    issued = issue(core, "orders")
    with refused(core, TokenUnknown, but=()):
        core.api_tokens.revoke(issued.token.public_id)
    for wrong in (issued.secret.reveal(), "", "ucs-", f"{issued.token.public_id} ", "ucs-000000001"):
        with refused(core, TokenNotFound, but=()):
            core.api_tokens.revoke_by_id(wrong)


WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no name": ({"name": " "}, "name empty"),
    "a long name": ({"name": "x" * 256}, "name too_long"),
    "no address": ({"addresses": ["example.com"]}, "addresses malformed"),
    "too many addresses": ({"addresses": [f"10.0.0.{number}" for number in range(201)]}, "addresses count"),
    "expired": ({"expires_at": NOON}, "expires_at out_of_range"),
    "without a time zone": ({"expires_at": datetime(2030, 1, 1)}, "expires_at no_zone"),  # noqa: DTZ001 - what is tested
}


@pytest.mark.rule("K6")
@pytest.mark.parametrize(("values", "expected"), WRONG.values(), ids=WRONG)
def test_a_token_with_invalid_values_is_not_issued(core: UserCore, values: dict[str, Any], expected: str) -> None:
    with refused(core, Invalid, but=()) as refusal:
        core.api_tokens.issue(**({"name": "Export"} | values))
    assert [f"{error.field} {error.reason}" for error in refusal.value.errors] == [expected]


@pytest.mark.rule("K6")
def test_a_token_has_at_most_as_many_resources_as_the_policy_says(core: UserCore) -> None:
    issued = issue(core, *(f"resource {number}" for number in range(200)))
    with refused(core, Invalid, but=()):
        core.api_tokens.grant(issued.token.public_id, ["one more"])
    core.api_tokens.grant(issued.token.public_id, ["resource 0"])
    for wrong in ([], ["", "x"]):
        with refused(core, Invalid, but=()):
            core.api_tokens.grant(issued.token.public_id, wrong)
    assert len(stored(core).resources) == 200


@pytest.mark.rule("K6")
def test_tokens_are_listed_in_pages_in_the_order_of_their_issue(core: UserCore) -> None:
    names = [core.api_tokens.issue(f"Export {number}").token.name for number in range(5)]
    found, cursor = [], None
    while True:
        page = core.api_tokens.list(cursor=cursor, limit=2)
        found += [token.name for token in page]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == names


@pytest.mark.rule("K8")
def test_clean_up_removes_api_tokens_thirty_days_after_they_are_over(core: UserCore, clock: FakeClock) -> None:
    revoked, expired, valid = issue(core), issue(core, expires_at=NOON + DAY), issue(core, "orders")
    core.api_tokens.revoke(revoked.secret)
    removed = []
    for age in (30 * DAY, 30 * DAY + TICK, 31 * DAY, 31 * DAY + TICK, 3650 * DAY):
        clock.now = NOON + age
        removed.append(core.cleanup().api_tokens)
    assert removed == [0, 1, 0, 1, 0]
    core.api_tokens.authorize(valid.secret, "orders")
    with pytest.raises(TokenUnknown):
        core.api_tokens.authorize(expired.secret, "orders")
