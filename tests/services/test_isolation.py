"""Tenants are isolated: a call with another tenant's data answers, by the same steps, as if it did not exist."""

import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS as EVERY_CALL
from tests.faults.public_calls import Call
from tests.samples import FAR, Names, collect, joined, unknown_secret
from tests.services.helpers import (
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
from usercore import Email, Event, ExternalId, Reference, SignInRefused, Subscriber, User, UserCore, UsercoreError
from usercore.kernel.context import MAIN
from usercore.kernel.ids import USER_KIND, uuid_of
from usercore.testing import FakeClock, WatchedStorage
from usercore.tokens.kinds import ACCESS

CALLS = joined(samples.calls for samples in collect())

NAMES_NOTHING = {
    "core.atomic",  # the calls within it are tried separately
    "core.bind",
    "core.cleanup",
    "core.tenant",  # the existence of a tenant is not secret
    *(str(call) for call in EVERY_CALL if call.service == "tenants"),
    *(str(call) for call in EVERY_CALL if call.kinds().keys() <= {"cursor", "limit"}),
    *(call for samples in collect() for call in samples.nameless),
}
"""Calls that name neither a user nor other data of a tenant."""

BY_REFERENCE = [call for call in EVERY_CALL if "ref" in call.kinds()]

UNGUESSABLE = {call for samples in collect() for call in samples.unguessable}
"""Secrets and public ids cannot be guessed: only the answers must be the same, not the steps."""


def names_in_main(core: UserCore, clock: FakeClock) -> tuple[Names, Names]:
    """Return the names of Ann in the tenant ``main``, with a delivery that was set aside; and like ones of no user."""
    user = register(core, username="ann", external_id="17", password=PASSWORD)
    core.users.update(user.id, first_name="Ann")
    for _ in range(2):
        core.outbox.deliver()
        clock.now += core.policy.deliveries.set_aside_after
    (failed,) = core.outbox.failed().rows
    access = sign_in(core, user)
    public_id = core.access_tokens.list(user.id).rows[-1].public_id
    others = [samples.name(core, user) for samples in collect()]
    theirs = Names(
        id=user.id,
        name="ann",
        external_id="17",
        access=access,
        public_id=public_id,
        delivery_id=failed.id,
        others={type(one): one for one, _ in others},
    )
    number = user.id + FAR
    return theirs, Names(
        id=number,
        name="zed",
        external_id="99",
        access=unknown_secret(ACCESS, user),
        public_id=public_id[:-1] + "~",
        delivery_id=failed.id.replace(str(user.id), str(number)),
        others={type(one): one for _, one in others},
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
    names, names_of_no_user = names_in_main(core, clock)
    watched, recorder = recorded(core)
    acme = watched.tenant("acme")
    for name in ("own-ann", "own-zed"):
        register(acme, name)
    before = of_main(dump(core), names)
    recorder.names.clear()
    answers = [answer(acme, call, names)]
    steps = [*recorder.names]
    recorder.names.clear()
    answers += [answer(acme, call, names_of_no_user)]
    assert answers[0] == answers[1]
    assert steps == recorder.names or call in UNGUESSABLE
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
    missing = [f"{call.samples}: calls has no case for {call}" for call in EVERY_CALL if str(call) not in tried]
    assert not missing, missing[0]


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
