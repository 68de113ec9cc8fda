"""Tenants are isolated: a call with another tenant's data answers, by the same steps, as if it did not exist."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS as EVERY_CALL
from tests.faults.public_calls import Call
from tests.services.factors import challenge_for, enroll
from tests.services.helpers import (
    ANOTHER,
    PASSWORD,
    TRIES,
    Dump,
    Recorder,
    add_tenant,
    changed,
    dump,
    over,
    recorded,
    register,
    registration_attempts,
    sign_in,
)
from usercore import (
    Email,
    Event,
    ExternalId,
    Reference,
    Role,
    Secret,
    SignInRefused,
    Subscriber,
    User,
    UserCore,
    UsercoreError,
)
from usercore.groups.model import GroupId
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import USER_KIND, uuid_of
from usercore.kernel.secret import digest_of, generate_secret, write_base62
from usercore.second_factors.model import CHALLENGE
from usercore.storage import Unit
from usercore.testing import NOON, FakeClock, FakeRandomness, WatchedStorage
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore.tokens.model import ACCESS, API, DEVICE, LOGIN, TokenKind
from usercore.tokens.service import issue, redeem


@attrs.frozen(kw_only=True)
class Names:
    """Identifiers, secrets and ids that a call may name."""

    id: int
    name: str
    external_id: str
    access: Secret
    login: Secret
    redeemed: Secret
    reset: Secret
    redeemed_reset: Secret
    autologin: Secret
    device_token: Secret
    confirmation: Secret
    email_change: Secret
    undo: Secret
    public_id: str
    autologin_id: str
    api: Secret
    api_id: str
    delivery_id: str
    address: int
    version: int
    request: int
    role: Role
    group_id: GroupId
    device: SoftwareAuthenticator
    challenge: Secret

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


def own(names: Names) -> Email:
    """Return a reference to a user of the tenant without any data."""
    return Email(f"own-{names.name}@example.com")


def save(core: UserCore, names: Names, **detail: Any) -> object:
    """Save a user with a role of this tenant."""
    own_role = core.roles.create(f"own-{names.name}").id
    full: dict[str, Any] = {"username": "own", "first_name": "A", "last_name": "B", "roles": [own_role]} | detail
    return core.registration.save(**full)


def finish_sign_in(core: UserCore, names: Names) -> object:
    """Sign in by the device, with a challenge of this tenant."""
    begun = core.passkeys.begin_sign_in()
    return core.passkeys.finish_sign_in(begun.secret, names.device.get(begun.options))


def device_of(core: UserCore, user: User) -> SoftwareAuthenticator:
    """Return a device with a passkey of the user."""
    device, begun = SoftwareAuthenticator(), core.passkeys.begin_registration(user.id)
    core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options))
    return device


def other_device(device: SoftwareAuthenticator) -> SoftwareAuthenticator:
    """Return a device whose passkey was registered nowhere."""
    (key,) = device.keys
    return SoftwareAuthenticator(keys=[attrs.evolve(key, credential_id=bytes(32))])


CALLS: dict[str, Callable[[UserCore, Names], object]] = {
    "users.update: take a username": lambda core, names: core.users.update(own(names), username=names.name),
    "users.link_external_id: take an id": lambda core, names: core.users.link_external_id(
        own(names), names.external_id
    ),
    "emails.change: take an email": lambda core, names: core.emails.change(own(names), names.email),
    "emails.request_change: an email": lambda core, names: core.emails.request_change(own(names), names.email),
    "emails.confirm": lambda core, names: core.emails.confirm(names.confirmation),
    "emails.confirm_change": lambda core, names: core.emails.confirm_change(names.email_change),
    "emails.undo_change": lambda core, names: core.emails.undo_change(names.undo),
    "registration.register": lambda core, names: core.registration.register(
        names.email, username=names.name, password=PASSWORD
    ),
    "registration.register_external": lambda core, names: core.registration.register_external(
        names.email, external_id=names.external_id, fail_by_existing_email=True
    ),
    "registration.save: create": lambda core, names: save(
        core, names, username=names.name, email=names.email, uuid=uuid_of(names.id, USER_KIND), roles=[names.name]
    ),
    "registration.save: upsert": lambda core, names: save(core, names, username=names.name, upsert=True),
    "registration.save: id": lambda core, names: save(core, names, id=names.id),
    "registration.save: uuid": lambda core, names: save(core, names, id=uuid_of(names.id, USER_KIND)),
    "registration.save: another tenant's role": lambda core, names: save(core, names, roles=[names.role.id]),
    "registration.save: another tenant's role, by UUID": lambda core, names: save(core, names, roles=[names.role.uuid]),
    "registration.save: by email and username of another tenant": lambda core, names: save(
        core, names, id=core.users.get(own(names)).id, username=names.email, email=names.email
    ),
    "registration.claim": lambda core, names: core.registration.claim(names.id, own(names)),
    "registration.claim: by": lambda core, names: core.registration.claim(own(names), names.id),
    "registration.request": lambda core, names: core.registration.request(names.email),
    "registration.check_email": lambda core, names: core.registration.check_email(names.email).status,
    "passkeys.finish_sign_in": finish_sign_in,
    "registration.check_email: password": lambda core, names: (
        core.registration.check_email(names.email, PASSWORD).password
    ),
    "passwords.change": lambda core, names: core.passwords.change(names.access, PASSWORD, ANOTHER),
    "passwords.request_reset": lambda core, names: core.passwords.request_reset(names.email),
    "passwords.reset": lambda core, names: core.passwords.reset(names.reset, PASSWORD),
    "passwords.reset: redeemed": lambda core, names: core.passwords.reset(names.redeemed_reset, PASSWORD),
    "sign_in.with_password": lambda core, names: core.sign_in.with_password(names.email, PASSWORD),
    "sign_in.with_login_token": lambda core, names: core.sign_in.with_login_token(names.login),
    "sign_in.with_login_token: spent": lambda core, names: core.sign_in.with_login_token(names.redeemed),
    "sign_in.with_autologin_token": lambda core, names: core.sign_in.with_autologin_token(names.autologin),
    "sign_in.with_access_token": lambda core, names: core.sign_in.with_access_token(names.access),
    "sign_in.identify": lambda core, names: core.sign_in.identify(names.access),
    "sign_in.with_second_factor": lambda core, names: core.sign_in.with_second_factor(names.challenge, "123456"),
    "second_factors.begin_by_challenge": lambda core, names: core.second_factors.begin_by_challenge(names.challenge),
    "access_tokens.revoke": lambda core, names: core.access_tokens.revoke(names.access),
    "access_tokens.revoke_by_id: own user": lambda core, names: core.access_tokens.revoke_by_id(
        own(names), names.public_id
    ),
    "autologin_tokens.revoke": lambda core, names: core.autologin_tokens.revoke(names.autologin),
    "autologin_tokens.revoke_by_id: own user": lambda core, names: core.autologin_tokens.revoke_by_id(
        own(names), names.autologin_id
    ),
    "api_tokens.authorize": lambda core, names: core.api_tokens.authorize(names.api, "orders"),
    "api_tokens.revoke": lambda core, names: core.api_tokens.revoke(names.api),
    "api_tokens.revoke_by_id": lambda core, names: core.api_tokens.revoke_by_id(names.api_id),
    "api_tokens.grant": lambda core, names: core.api_tokens.grant(names.api_id, ["users"]),
    "api_tokens.revoke_grants": lambda core, names: core.api_tokens.revoke_grants(names.api_id, ["orders"]),
    "api_tokens.set_addresses": lambda core, names: core.api_tokens.set_addresses(names.api_id, ["192.0.2.1"]),
    "api_tokens.activate": lambda core, names: core.api_tokens.activate(names.api_id),
    "api_tokens.deactivate": lambda core, names: core.api_tokens.deactivate(names.api_id),
    "sign_in.with_password: device": lambda core, names: core.sign_in.with_password(
        f"own-{names.name}@example.com", PASSWORD, device_token=names.device_token
    ),
    "sign_in.trusted: device": lambda core, names: core.sign_in.trusted(own(names), device_token=names.device_token),
    "registration.register: device": lambda core, names: core.registration.register(
        f"new-{names.name}@example.com", device_token=names.device_token, sign_in=True
    ),
    "device_tokens.pair": lambda core, names: core.device_tokens.pair(names.access, core.device_tokens.issue("own")),
    "device_tokens.pair: device": lambda core, names: core.device_tokens.pair(
        core.sign_in.trusted(own(names)).access_token, names.device_token
    ),
    "device_tokens.unpair": lambda core, names: core.device_tokens.unpair(names.access),
    "device_tokens.users": lambda core, names: core.device_tokens.users(names.device_token),
    "users.list": lambda core, _: core.users.list(include_deactivated=True, include_unclaimed=True).rows[1:],
    "users.list_by_ids": lambda core, names: core.users.list_by_ids([names.id, names.id + 1]),
    "users.search": lambda core, names: core.users.search(names.name).rows,
    "users.search: an id": lambda core, names: core.users.search(str(names.id)).rows,
    "meta.key_users": lambda core, names: str(core.meta.key_users(names.external_id).rows),
    "addresses.declare_type": lambda core, names: core.addresses.declare_type(names.name),
    "addresses.add": lambda core, names: core.addresses.add(own(names), names.name),
    "addresses.get": lambda core, names: core.addresses.get(own(names), names.address),
    "addresses.version": lambda core, names: core.addresses.version(own(names), names.version),
    "addresses.versions": lambda core, names: core.addresses.versions(own(names), names.address),
    "addresses.request_change": lambda core, names: core.addresses.request_change(own(names), names.address, zip="1"),
    "addresses.set_default": lambda core, names: core.addresses.set_default(own(names), names.address),
    "addresses.accept": lambda core, names: core.addresses.accept(own(names), names.request),
    "addresses.reject": lambda core, names: core.addresses.reject(own(names), names.request),
    "addresses.remove": lambda core, names: core.addresses.remove(own(names), names.address),
    "addresses.open_requests": lambda core, _: str(core.addresses.open_requests().rows),
    "groups.create: take a name": lambda core, names: core.groups.create(names.name),
    "groups.get: by name": lambda core, names: core.groups.get(names.name),
    "groups.get: by id": lambda core, names: core.groups.get(names.group_id),
    "groups.update": lambda core, names: core.groups.update(names.group_id, sorting=1),
    "groups.delete": lambda core, names: core.groups.delete(names.group_id, force=True),
    "groups.add: another tenant's group": lambda core, names: core.groups.add(own(names), names.group_id),
    "groups.remove: another tenant's group": lambda core, names: core.groups.remove(own(names), names.group_id),
    "groups.members": lambda core, names: core.groups.members(names.group_id),
    "roles.create: take a name": lambda core, names: core.roles.create(names.name),
    "roles.get: by name": lambda core, names: core.roles.get(names.name),
    "roles.get: by id": lambda core, names: core.roles.get(names.role.id),
    "roles.get: by UUID": lambda core, names: core.roles.get(names.role.uuid),
    "roles.update": lambda core, names: core.roles.update(names.role.id, active=False),
    "roles.delete": lambda core, names: core.roles.delete(names.role.id),
    "roles.give: another tenant's role": lambda core, names: core.roles.give(own(names), names.role.id),
    "roles.take: another tenant's role": lambda core, names: core.roles.take(own(names), names.role.uuid),
    "roles.list": lambda core, _: str(core.roles.list().rows),
    "outbox.retry": lambda core, names: core.outbox.retry(names.delivery_id),
    "outbox.discard": lambda core, names: core.outbox.discard(names.delivery_id),
}

NAMES_NOTHING = {
    "api_tokens.issue",
    "compliance.check",  # all tenants, for operators of ``system``
    "core.atomic",  # the calls within it are tried separately
    "core.bind",
    "core.cleanup",
    "core.tenant",  # the existence of a tenant is not secret
    "registration.complete",  # links belong to requests; the contract of registration links proves it
    "registration.import_users",  # see tests/importing
    "device_tokens.issue",
    "sign_in.authenticate",  # the host's own authenticator; with_password has the built-in one
    "sign_in.verify_password",
    "statistics.registrations",  # see tests/statistics
    *(str(call) for call in EVERY_CALL if call.service == "tenants"),
    *(str(call) for call in EVERY_CALL if call.kinds().keys() <= {"cursor", "limit"}),
}
"""Calls that name neither a user nor other data of a tenant."""

BY_REFERENCE = [call for call in EVERY_CALL if "ref" in call.kinds()]

TOLD = {
    "sign_in.with_login_token",
    "sign_in.with_login_token: spent",
    "sign_in.with_autologin_token",
    "access_tokens.revoke",
    "passwords.reset",
    "passwords.reset: redeemed",
    "autologin_tokens.revoke",
    "device_tokens.unpair",
    "emails.confirm",
    "emails.confirm_change",
    "emails.undo_change",
}
"""Secrets and public ids cannot be guessed: only the answers must be the same, not the steps."""


def names_in_main(core: UserCore, clock: FakeClock) -> Names:
    """Return the names of Ann in the tenant ``main``, with tokens and a delivery that was set aside."""
    user = register(core, username="ann", external_id="17", password=PASSWORD)
    core.users.update(user.id, first_name="Ann")
    core.meta.upsert(user.id, "17", "a value")
    core.addresses.declare_type("ann")
    address = core.addresses.add(user.id, "ann", street="17")
    request = core.addresses.request_change(user.id, "ann", street="18")
    role = core.roles.create("ann", permissions=["17"])
    core.roles.give(user.id, role.id)
    group_id = core.groups.create("ann").id
    core.groups.add(user.id, group_id)
    for _ in range(2):
        core.outbox.deliver()
        clock.now += core.policy.deliveries.set_aside_after
    (failed,) = core.outbox.failed().rows
    access, (login, redeemed) = sign_in(core, user), core.login_tokens.issue_many(user.id, 2)
    device = core.device_tokens.issue("phone")
    core.device_tokens.pair(access, device)
    core.sign_in.with_login_token(redeemed)
    reset, redeemed_reset = (link(core, user, TokenKind.RESET) for _ in range(2))
    digest = digest_of(redeemed_reset)
    core._service.units.write(lambda unit: (unit.lock(user.id), redeem(unit, user.id, digest, at=clock.now)))
    api = core.api_tokens.issue("Export")
    core.api_tokens.grant(api.token.public_id, ["orders"])
    autologin = core.autologin_tokens.issue(user.id, valid_to=clock.now + timedelta(days=1))
    enroll(core, user)
    challenge = challenge_for(core)
    return Names(
        id=user.id,
        name="ann",
        external_id="17",
        access=access,
        login=login,
        redeemed=redeemed,
        reset=reset,
        redeemed_reset=redeemed_reset,
        autologin=autologin,
        api=api.secret,
        api_id=api.token.public_id,
        device_token=device,
        confirmation=link(core, user, TokenKind.CONFIRMATION),
        email_change=link(core, user, TokenKind.EMAIL_CHANGE),
        undo=link(core, user, TokenKind.EMAIL_UNDO),
        public_id=core.access_tokens.list(user.id).rows[-1].public_id,
        autologin_id=core.autologin_tokens.list(user.id).rows[0].public_id,
        delivery_id=failed.id,
        address=address.id,
        version=address.version_id,
        request=request.id,
        role=role,
        group_id=group_id,
        device=device_of(core, user),
        challenge=challenge,
    )


def link(core: UserCore, user: User, kind: TokenKind) -> Secret:
    """Issue a link of a kind, and leave older ones valid."""

    def mint(unit: Unit) -> Secret:
        unit.lock(user.id)
        return issue(
            unit,
            kind,
            user.id,
            at=NOON,
            lifetime=timedelta(days=400),
            randomness=core._service.randomness,
            address=user.email,
            generation=1,
        )

    return core._service.units.write(mint)


def names_of_no_user(names: Names) -> Names:
    number, randomness = names.id + 1_000_000, FakeRandomness("nobody")
    return Names(
        id=number,
        name="zed",
        external_id="99",
        access=generate_secret(ACCESS, number, randomness),
        login=generate_secret(LOGIN, number, randomness),
        redeemed=generate_secret(LOGIN, number, randomness),
        reset=generate_secret(TokenKind.RESET, number, randomness),
        redeemed_reset=generate_secret(TokenKind.RESET, number, randomness),
        api=generate_secret(API, None, randomness),
        api_id=f"ucs-{write_base62(number, 9)}",
        autologin=generate_secret(TokenKind.AUTOLOGIN, number, randomness),
        device_token=generate_secret(DEVICE, None, randomness),
        confirmation=generate_secret(TokenKind.CONFIRMATION, number, randomness),
        email_change=generate_secret(TokenKind.EMAIL_CHANGE, number, randomness),
        undo=generate_secret(TokenKind.EMAIL_UNDO, number, randomness),
        public_id=names.public_id[:-1] + "~",
        autologin_id=names.autologin_id[:-1] + "~",
        device=other_device(names.device),
        delivery_id=names.delivery_id.replace(str(names.id), str(number)),
        address=names.address + 1_000_000,
        version=names.version + 1_000_000,
        request=names.request + 1_000_000,
        group_id=GroupId(names.group_id + 1_000_000),
        role=evolve(names.role, id=names.role.id + 1_000_000),
        challenge=generate_secret(CHALLENGE, number, randomness),
    )


def fail(_: Event) -> None:
    raise ConnectionError


def answer(acme: UserCore, call: str, names: Names) -> tuple[object, ...]:
    """Return what the caller and the operators of the tenant learn."""
    try:
        result = CALLS[call](acme, names)
        told: object = result if isinstance(result, bool | str | None) else type(result)
    except UsercoreError as error:
        told = str(error)
    attempts = [attempt.status for attempt in acme.history.attempts().rows[:1]]
    return told, attempts, [attempt.status for attempt in registration_attempts(acme)[:1]]


def of_main(dump: Dump, names: Names) -> list[dict[str, str]]:
    """Return the rows of the tenant and of Ann."""
    marks = {("tenant_id", str(MAIN)), ("user_id", str(names.id)), ("subject_id", str(names.id))}
    return [row for rows in dump.values() for row in rows if marks & row.items()]


@pytest.mark.rule("T2")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_with_another_tenants_data_answers_as_if_it_did_not_exist(
    core: UserCore, clock: FakeClock, call: str
) -> None:
    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.updated"}, handle=fail)])
    add_tenant(core)
    names = names_in_main(core, clock)
    watched, recorder = recorded(core)
    acme = watched.tenant("acme")
    for name in ("own-ann", "own-zed"):
        register(acme, name)
    before = of_main(dump(core), names)
    recorder.names.clear()
    answers = [answer(acme, call, names)]
    steps = [*recorder.names]
    recorder.names.clear()
    answers += [answer(acme, call, names_of_no_user(names))]
    assert answers[0] == answers[1]
    assert steps == recorder.names or call in TOLD
    assert of_main(dump(core), names) == before


def references_to(user: User) -> dict[str, Reference]:
    """Return a reference of each kind."""
    assert user.email is not None
    assert user.external_id is not None
    return {
        "id": user.id,
        "uuid": user.uuid,
        "email": Email(user.email),
        "external id": ExternalId(user.external_id),
    }


UNKNOWN: dict[str, Reference] = {
    "id": 2**50 + 7,
    "uuid": uuid_of(2**50 + 7, USER_KIND),
    "email": Email("nobody@example.com"),
    "external id": ExternalId("x-none"),
}


@pytest.mark.rule("T2")
@pytest.mark.parametrize("call", BY_REFERENCE, ids=str)
def test_a_reference_to_another_tenants_user_is_answered_like_one_to_no_user(
    call: Call, storage: WatchedStorage
) -> None:
    recorder = Recorder(storage)
    filled = build(recorder)
    acme, arguments = filled.core.tenant("acme"), call.arguments(filled)
    for kind, theirs in references_to(filled.ann).items():
        before, seen = dump(filled.core), []
        for reference in (theirs, UNKNOWN[kind]):
            recorder.names.clear()
            try:
                told: object = call.on(acme)(**(arguments | {"ref": reference}))
            except UsercoreError as error:
                told = str(error)
            seen.append((told, [*recorder.names]))
        assert seen[0] == seen[1], kind
        assert changed(before, dump(filled.core)) <= TRIES


@pytest.mark.rule("T2")
def test_every_call_is_tested_with_another_tenants_user() -> None:
    tried = {name.partition(":")[0] for name in CALLS} | set(map(str, BY_REFERENCE)) | NAMES_NOTHING
    missing = sorted({*map(str, EVERY_CALL)} - tried)
    assert not missing, f"tests/services/test_isolation.py: CALLS has no case for {missing}"


@pytest.mark.rule("T2")
def test_each_tenant_has_its_own_limits_and_waits(core: UserCore) -> None:
    add_tenant(core)
    mine, theirs = core.bind(ip="192.0.2.1"), core.tenant("acme").bind(ip="192.0.2.1")
    for number in range(20):
        register(mine, f"user{number}")
    users = [register(theirs), register(core, password=PASSWORD)]
    for _ in range(10):
        with pytest.raises(SignInRefused):
            theirs.sign_in.with_password("ann@example.com", "wrong")
    assert mine.sign_in.with_password("ann@example.com", PASSWORD).user.id == users[1].id


@pytest.mark.rule("T2")
def test_lists_show_only_rows_of_the_tenant(core: UserCore) -> None:
    add_tenant(core)
    core.registration.register("ann@example.com")
    acme = core.tenant("acme")
    with pytest.raises(SignInRefused):
        core.sign_in.with_password("nobody@example.com", "wrong")
    assert (len(core.outbox.pending().rows), len(core.history.attempts().rows)) == (1, 1)
    assert (acme.outbox.pending().rows, acme.history.attempts().rows) == ((), ())
