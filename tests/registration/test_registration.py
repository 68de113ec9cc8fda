"""Registration by the host: what each outcome stores, the limits, the gates, and where each value is stored."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.services.helpers import PASSWORD, over, refused, register, registration_attempts
from usercore import (
    Email,
    Gates,
    Invalid,
    Overloaded,
    PasswordRefused,
    Policy,
    RateLimited,
    RegistrationPolicy,
    RegistrationRequest,
    RegistrationStatus,
    SignInRefused,
    Taken,
    TenantInactive,
    UserCore,
    UsercoreError,
    Vetoed,
)
from usercore.testing import NOON, TICK, FakeClock, FakeGate, FakeHasher, MemoryMailer, WatchedStorage
from usercore.testing.contracts.races import Meet, race
from usercore.testing.fakes import check_closed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

REFUSALS: list[tuple[type[UsercoreError], RegistrationStatus, dict[str, Any]]] = [
    (Invalid, RegistrationStatus.INVALID_EMAIL, {"email": "no address", "note": "a"}),
    (Invalid, RegistrationStatus.INVALID, {"language": "?"}),
    (PasswordRefused, RegistrationStatus.INVALID, {"password": "short"}),
    (Taken, RegistrationStatus.TAKEN_EMAIL, {"email": "BOB@EXAMPLE.com", "username": "bob"}),
    (Taken, RegistrationStatus.TAKEN_USERNAME, {"username": "BOB", "external_id": "17"}),
    (Taken, RegistrationStatus.TAKEN_EXTERNAL_ID, {"external_id": 17}),
    (RateLimited, RegistrationStatus.RATE_LIMITED, {"email": "eve@example.com", "language": "en"}),
    (Vetoed, RegistrationStatus.VETOED, {"email": "mallory@example.com", "password": PASSWORD}),
]


def veto_mallory(application: RegistrationRequest) -> None:
    if application.email == "mallory@example.com":
        gate = "no mallory"
        raise Vetoed(gate)


@pytest.mark.rule("R1")
@pytest.mark.parametrize(("error", "status", "fields"), REFUSALS, ids=[" ".join(fields) for _, _, fields in REFUSALS])
def test_a_refusal_stores_its_attempt_and_nothing_else(
    core: UserCore, clock: FakeClock, error: type[UsercoreError], status: RegistrationStatus, fields: dict[str, Any]
) -> None:
    core = over(core, gates=Gates(registration=[veto_mallory])).bind(ip="192.0.2.1", user_agent="Lynx", source="web")
    register(core, "bob", username="bob", external_id="17")
    clock.advance(timedelta(seconds=5))
    core.registration.request("eve@example.com")
    given = {"email": "ann@example.com"} | fields
    with refused(core, error):
        core.registration.register(**given)
    attempt = registration_attempts(core)[0]
    assert (attempt.status, attempt.login, attempt.user_id, attempt.at) == (status, given["email"], None, clock.now)
    assert (attempt.ip, attempt.user_agent, attempt.source) == ("192.0.2.1", "Lynx", "web")


@pytest.mark.rule("R1")
def test_a_success_stores_its_attempt(core: UserCore) -> None:
    user = register(core)
    (attempt,) = registration_attempts(core, user)
    assert (attempt.status, attempt.login) == (RegistrationStatus.OK, "ann@example.com")


@pytest.mark.rule("R1")
@pytest.mark.parametrize("ips", [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2", "2001:db9::")])
def test_an_address_registers_twenty_users_an_hour(core: UserCore, clock: FakeClock, ips: tuple[str, ...]) -> None:
    first, same, other = (core.bind(ip=ip) for ip in ips)
    for number in range(20):
        register(first, f"user{number}")
    clock.advance(HOUR - TICK)
    with refused(core, RateLimited) as raised:
        register(same, "late")
    assert raised.value.retry_after == TICK
    register(other, "elsewhere")
    register(core, "nowhere")
    clock.tick()
    register(same, "later")


@pytest.mark.rule("R1", "K6")
def test_an_api_tokens_registrations_are_not_limited_by_address(core: UserCore) -> None:
    token = core.api_tokens.issue("Shop").token
    web, program = core.bind(ip="192.0.2.1"), core.bind(ip="192.0.2.1", actor=token.actor)
    for number in range(25):
        register(program, f"user{number}")
    for number in range(20):
        register(web, f"guest{number}")
    with refused(core, RateLimited):
        register(web, "late")
    register(program, "later")
    with refused(core, RateLimited):
        register(program, "later")


@pytest.mark.rule("R1")
def test_an_email_is_registered_once_in_five_seconds_by_either_method(core: UserCore, clock: FakeClock) -> None:
    core.registration.request("Ann@Example.com")
    clock.advance(timedelta(seconds=5) - TICK)
    with refused(core, RateLimited) as raised:
        register(core)
    assert raised.value.retry_after == TICK
    clock.tick()
    register(core)


@pytest.mark.rule("R1")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"username": "bob"}, RegistrationStatus.TAKEN_USERNAME),
        ({"username": "bob", "password": PASSWORD}, RegistrationStatus.TAKEN_USERNAME),
        ({"external_id": 17}, RegistrationStatus.TAKEN_EXTERNAL_ID),
        ({"language": "?"}, RegistrationStatus.INVALID),
        ({"password": "short"}, RegistrationStatus.INVALID),
    ],
    ids=str,
)
def test_a_registration_that_was_refused_for_another_fault_starts_no_pause(
    core: UserCore, fields: dict[str, Any], status: RegistrationStatus
) -> None:
    register(core, "bob", username="bob", external_id="17")
    with refused(core, UsercoreError):
        core.registration.register("ann@example.com", **fields)
    assert [attempt.status for attempt in registration_attempts(core)] == [status]
    assert core.registration.register("ann@example.com", username="ann").created
    with refused(core, RateLimited):
        core.registration.register("ann@example.com", username="ann")


@pytest.mark.rule("R1")
def test_registrations_that_are_refused_as_taken_count_against_the_other_limits(core: UserCore) -> None:
    register(core, "bob", username="bob")
    for _ in range(5):
        with refused(core, Taken):
            core.registration.register("ann@example.com", username="bob")
    with refused(core, RateLimited):
        core.registration.register("ann@example.com", username="ann")


@pytest.mark.rule("R1")
def test_an_email_is_registered_five_times_a_day(core: UserCore, clock: FakeClock) -> None:
    for _ in range(5):
        core.registration.request("ann@example.com")
        clock.advance(timedelta(seconds=5))
    with refused(core, RateLimited) as raised:
        register(core)
    assert raised.value.retry_after == DAY - timedelta(seconds=25)
    clock.now = NOON + DAY
    register(core)


@pytest.mark.rule("R1")
def test_a_gate_gets_the_registration_and_is_called_outside_any_unit(core: UserCore, storage: WatchedStorage) -> None:
    gate = FakeGate(storage)
    bound = over(core, gates=Gates(registration=[gate])).bind(ip="192.0.2.1")
    register(bound, username="ann", external_id=7)
    bound.registration.register_external("bob@example.com")
    bound.registration.request("cid@example.com")
    asked = [one for one in gate.asked if isinstance(one, RegistrationRequest)]
    assert [(one.email, one.channel) for one in asked] == [
        ("ann@example.com", "register"),
        ("bob@example.com", "register_external"),
        ("cid@example.com", "request"),
    ]
    assert (asked[0].username, asked[0].external_id, asked[0].context) == ("ann", "7", bound.context)


@pytest.mark.rule("R1", "R2")
def test_a_blocked_domain_is_refused_however_it_is_spelled(core: UserCore) -> None:
    policy = RegistrationPolicy(blocked_domains=frozenset({"Spam.example", "MÜLLER.example"}))
    core = over(core, policy=Policy(mail=core.policy.mail, registration=policy))
    for email in ("ann@SPAM.example", "ann@Müller.example", "ann@mail.spam.example", "ann@a.b.xn--mller-kva.example"):
        with refused(core, Invalid) as raised:
            core.registration.register(email)
        assert [(fault.field, fault.reason) for fault in raised.value.errors] == [("email", "blocked_domain")]
    assert core.registration.register("ann@no-spam.example").created
    assert core.registration.register("ann@spam.example", validate_email=False).created


@pytest.mark.rule("R1", "R2")
def test_the_email_checks_of_the_host_are_called_outside_any_unit(core: UserCore, storage: WatchedStorage) -> None:
    def refuse(email: str) -> str | None:
        check_closed(storage, "an email was checked")
        return "no_mail_server" if email.startswith("ann") else None

    core = over(core, email_checks=[refuse])
    with refused(core, Invalid) as raised:
        register(core)
    assert [(fault.field, fault.reason) for fault in raised.value.errors] == [("email", "no_mail_server")]
    assert register(core, "bob").id
    assert register(core, validate_email=False).id


@pytest.mark.rule("R2")
def test_validate_email_off_never_skips_the_syntax(core: UserCore) -> None:
    with refused(core, Invalid):
        core.registration.register("no address", validate_email=False)


@pytest.mark.rule("R2", "U1")
def test_every_value_is_stored_in_the_user(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register(
        "Ann@EXAMPLE.com",
        password=PASSWORD,
        username="ann",
        external_id=17,
        first_name=" Ann ",
        last_name="Lee",
        public_name="A. L.",
        language="sk_SK",
        source="spring",
        referer="https://example.com/?a=1",
        registration_channel="kiosk",
        note="one\ntwo",
    ).user
    clock.tick()
    kept = core.users.get(user.id)
    assert (kept.email, kept.username, kept.external_id) == ("Ann@example.com", "ann", "17")
    assert (kept.first_name, kept.last_name, kept.public_name, kept.full_name) == ("Ann", "Lee", "A. L.", "Ann Lee")
    assert (kept.language, kept.source, kept.referer) == ("sk-SK", "spring", "https://example.com/?a=1")
    assert (kept.registration_channel, kept.note) == ("kiosk", "one\ntwo")
    assert (kept.created_at, kept.created_by, kept.version, kept.email_verified) == (NOON, "host", 1, False)
    assert core.sign_in.with_password("ann", PASSWORD).user.id == user.id


@pytest.mark.rule("R2", "U1")
def test_values_that_are_left_out_have_their_defaults(core: UserCore) -> None:
    user = register(core)
    assert (user.source, user.public_name, user.full_name) == ("unknown", "ann@example.com", "ann@example.com")
    assert (user.chosen_public_name, user.username, user.confirmed_at) == (None, None, None)
    assert register(core, "bob", username="").username is None
    assert register(core.bind(source="app"), "cid").source == "app"


@pytest.mark.rule("R2")
def test_a_registered_user_is_signed_in_only_if_sign_in_is_on(core: UserCore) -> None:
    registration = core.registration.register("ann@example.com", send_email=False, sign_in=True)
    assert registration.access_token is not None
    identity = core.sign_in.identify(registration.access_token)
    assert (identity.user.id, identity.authenticator) == (registration.user.id, "registration")
    bob = core.registration.register("bob@example.com", password=PASSWORD)
    assert (bob.access_token, core.access_tokens.list(bob.user.id).rows) == (None, ())


@pytest.mark.rule("R2", "S10")
def test_a_device_is_refused_unless_sign_in_is_on(core: UserCore) -> None:
    phone = core.device_tokens.issue("phone")
    with refused(core, Invalid, but=()) as raised:
        core.registration.register("ann@example.com", device_token=phone)
    assert [(one.field, one.reason) for one in raised.value.errors] == [("device_token", "needs_sign_in")]
    user = core.registration.register("ann@example.com", device_token=phone, sign_in=True).user
    assert core.device_tokens.users(phone) == (user,)


@pytest.mark.rule("R2", "U1")
@pytest.mark.parametrize("password", [PASSWORD, None])
@pytest.mark.parametrize(("tenant", "signs_in"), [("main", (True, True)), ("system", (True, False))])
def test_a_new_user_has_an_instant_of_last_sign_in_only_if_signed_in(
    core: UserCore, clock: FakeClock, tenant: str, signs_in: tuple[bool, bool], password: str | None
) -> None:
    bound = core.bind(ip="192.0.2.1").tenant(tenant)
    registration = bound.registration.register("ann@example.com", password=password, sign_in=True)
    user, is_signed_in = registration.user, signs_in[0] if password else signs_in[1]
    assert user == bound.users.get(user.id)
    assert (registration.access_token is not None) is is_signed_in
    assert (user.last_sign_in_at, user.last_sign_in_ip) == ((clock.now, "192.0.2.1") if is_signed_in else (None, None))
    assert (user.version, user.change_no) == (1, 1)


@pytest.mark.rule("R2")
def test_the_welcome_email_contains_a_password_only_if_none_was_passed(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.register("ann@example.com")
    core.registration.register("bob@example.com", password=PASSWORD)
    core.registration.register("cid@example.com", send_email=False)
    core.outbox.deliver()
    assert {(mail.to, str(mail.kind)) for mail in mailer.sent} == {
        ("ann@example.com", "welcome_password"),
        ("bob@example.com", "welcome"),
    }


@pytest.mark.rule("R2", "ERR")
def test_all_faults_are_reported_at_once(core: UserCore) -> None:
    with refused(core, Invalid) as raised:
        core.registration.register("no address", external_id=" 1", first_name="\0", language="?")
    assert [fault.field for fault in raised.value.errors] == ["email", "external_id", "first_name", "language"]


@pytest.mark.rule("R1")
def test_a_registration_that_is_refused_computes_no_hash(core: UserCore, clock: FakeClock, hasher: FakeHasher) -> None:
    register(core)
    clock.advance(timedelta(seconds=5))
    with refused(core, Taken):
        register(core, password=PASSWORD)
    with refused(core, TypeError, but=()):
        register(core, "bob", password=PASSWORD, send_email="yes")
    assert hasher.hashes == 0
    assert core.users.find(Email("bob@example.com")) is None


@pytest.mark.rule("R1", "P4")
@pytest.mark.parametrize(
    "limits",
    [
        RegistrationPolicy(),
        RegistrationPolicy(per_email_pause=timedelta(0), per_email=1),
        RegistrationPolicy(per_email_pause=timedelta(0), per_ip=1),
    ],
    ids=["pause", "email", "address"],
)
def test_a_rate_limited_registration_computes_no_hash_and_asks_for_no_slot(
    core: UserCore, hasher: FakeHasher, limits: RegistrationPolicy
) -> None:
    core = over(core, policy=attrs.evolve(core.policy, registration=limits)).bind(ip="192.0.2.1")
    core.registration.request("ann@example.com")
    for _ in range(3):
        with refused(core, RateLimited) as raised:
            register(core, password=PASSWORD)
        assert raised.value.retry_after > timedelta(0)
    assert [attempt.status for attempt in registration_attempts(core)][:3] == [RegistrationStatus.RATE_LIMITED] * 3
    assert (hasher.places, hasher.hashes) == (0, 0)


@pytest.mark.rule("R1")
def test_the_limits_are_counted_in_the_unit_so_that_a_race_cannot_pass_them(core: UserCore) -> None:
    core = over(core, policy=attrs.evolve(core.policy, registration=RegistrationPolicy(per_ip=2))).bind(ip="192.0.2.1")

    def register_one(number: int, meet: Meet) -> bool:
        meet()
        try:
            return core.registration.register(f"user{number}@example.com", password=PASSWORD).created
        except RateLimited:
            return False

    assert sum(race(register_one)) == 2


@pytest.mark.rule("T3", "R2", "R3")
@pytest.mark.parametrize(
    "call",
    [
        lambda core: core.registration.register("ann@example.com"),
        lambda core: core.registration.register("ann@example.com", password=PASSWORD),
        lambda core: core.registration.register_external("ann@example.com"),
        lambda core: core.registration.register_external("bob@example.com"),
    ],
    ids=["register", "register with a password", "register_external", "register_external of a known email"],
)
def test_no_user_is_registered_in_an_inactive_tenant(
    core: UserCore, hasher: FakeHasher, call: Callable[[UserCore], object]
) -> None:
    register(core, "bob")
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    with refused(core, TenantInactive):
        call(core)
    assert registration_attempts(core)[0].status is RegistrationStatus.VETOED
    assert hasher.places == 0
    tenants.activate("main")
    core.registration.register("ann@example.com")  # the refusal started no pause


@pytest.mark.rule("T3", "R7")
def test_users_are_imported_into_an_inactive_tenant_and_cannot_sign_in(core: UserCore) -> None:
    core.tenant("system").tenants.deactivate("main")
    assert core.registration.import_users([{"email": "ann@example.com"}]).created == 1
    with refused(core, SignInRefused):
        core.sign_in.trusted(Email("ann@example.com"))


@pytest.mark.rule("P1", "P4")
def test_a_password_that_needs_the_estimator_is_estimated_in_a_hash_slot(core: UserCore, hasher: FakeHasher) -> None:
    hasher.is_overloaded = True
    with refused(core, Overloaded, but=()):
        register(core, password="qwertyuiop1234567")
    hasher.is_overloaded = False
    with refused(core, PasswordRefused) as raised:
        register(core, password="qwertyuiop1234567")
    assert raised.value.reasons == ("common",)
    assert (hasher.places, hasher.hashes) == (1, 0)


@pytest.mark.rule("P2")
def test_the_password_checks_of_the_host_are_called_without_a_hash_slot(core: UserCore, hasher: FakeHasher) -> None:
    hasher.is_overloaded = True
    core = over(core, password_checks=[lambda password: "breached" if password == PASSWORD else None])
    with refused(core, PasswordRefused) as raised:
        register(core, password=PASSWORD)
    assert raised.value.reasons == ("breached",)


@pytest.mark.rule("R2")
def test_registration_has_public_methods_only_for_its_use_cases(core: UserCore) -> None:
    assert [name for name in dir(core.registration) if not name.startswith("_")] == [
        "check_email",
        "claim",
        "complete",
        "import_users",
        "register",
        "register_external",
        "request",
        "save",
    ]
