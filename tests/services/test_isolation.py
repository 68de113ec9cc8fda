"""Tenants never see one another: what is another's is answered as what is nowhere, and by the same steps."""

from collections.abc import Callable

import attrs
import pytest

from tests.services.helpers import (
    ANOTHER,
    PASSWORD,
    Dump,
    add_tenant,
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
    Secret,
    SignInRefused,
    Subscriber,
    UserCore,
    UsercoreError,
    Username,
)
from usercore.kernel.context import MAIN
from usercore.kernel.ids import USER_KIND, uuid_of
from usercore.kernel.secret import generate_secret
from usercore.testing import FakeClock, FakeRandomness
from usercore.tokens.model import ACCESS, LOGIN


@attrs.frozen(kw_only=True)
class Names:
    """What a call may name."""

    id: int
    name: str
    external_id: str
    access: Secret
    login: Secret
    redeemed: Secret
    public_id: str
    delivery_id: str

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


def own(names: Names) -> Email:
    """Name a user of the tenant who has nothing yet."""
    return Email(f"own-{names.name}@example.com")


CALLS: dict[str, Callable[[UserCore, Names], object]] = {
    "get by id": lambda core, names: core.users.get(names.id),
    "get by uuid": lambda core, names: core.users.get(uuid_of(names.id, USER_KIND)),
    "get by email": lambda core, names: core.users.get(Email(names.email)),
    "get by username": lambda core, names: core.users.get(Username(names.name)),
    "get by external id": lambda core, names: core.users.get(ExternalId(names.external_id)),
    "find": lambda core, names: core.users.find(names.id),
    "facts": lambda core, names: core.users.status(names.id),
    "preferences": lambda core, names: core.users.preferences(names.id),
    "update": lambda core, names: core.users.update(names.id, first_name="Eve"),
    "take username": lambda core, names: core.users.update(own(names), username=names.name),
    "link": lambda core, names: core.users.link_external_id(own(names), names.external_id),
    "set access ids": lambda core, names: core.users.set_access_ids(names.id, ["1"]),
    "deactivate": lambda core, names: core.users.deactivate(names.id),
    "activate": lambda core, names: core.users.activate(names.id),
    "change email": lambda core, names: core.emails.change(names.id, "eve@example.com"),
    "set verified": lambda core, names: core.emails.set_verified(names.id, verified=True),
    "take email": lambda core, names: core.emails.change(own(names), names.email),
    "set password": lambda core, names: core.passwords.set(names.id, ANOTHER),
    "register": lambda core, names: core.registration.register(names.email, username=names.name, password=PASSWORD),
    "register external": lambda core, names: core.registration.register_external(
        names.email, external_id=names.external_id, fail_by_existing_email=True
    ),
    "request": lambda core, names: core.registration.request(names.email),
    "check email": lambda core, names: core.registration.check_email(names.email).status,
    "check password": lambda core, names: core.registration.check_email(names.email, PASSWORD).password,
    "sign in": lambda core, names: core.sign_in.with_password(names.email, PASSWORD),
    "sign in by login token": lambda core, names: core.sign_in.with_login_token(names.login),
    "sign in by spent token": lambda core, names: core.sign_in.with_login_token(names.redeemed),
    "sign in by access token": lambda core, names: core.sign_in.with_access_token(names.access),
    "vouch": lambda core, names: core.sign_in.trusted(names.id),
    "identify": lambda core, names: core.sign_in.identify(names.access),
    "list tokens": lambda core, names: core.access_tokens.list(names.id),
    "end token": lambda core, names: core.access_tokens.revoke(names.access),
    "end token by public id": lambda core, names: core.access_tokens.revoke(names.public_id),
    "end all tokens": lambda core, names: core.access_tokens.revoke_all(names.id),
    "issue token": lambda core, names: core.login_tokens.issue(names.id),
    "history": lambda core, names: core.history.of_user(names.id),
    "attempts": lambda core, names: core.history.attempts(names.id),
    "explain": lambda core, names: core.history.explain(names.id),
    "retry": lambda core, names: core.outbox.retry(names.delivery_id),
    "drop": lambda core, names: core.outbox.discard(names.delivery_id),
}

TOLD = {"sign in by login token", "sign in by spent token", "end token", "end token by public id"}
"""Who has another tenant's secret or public id was told it: only what is answered must be the same, not the steps."""


def names_in_main(core: UserCore, clock: FakeClock) -> Names:
    """Give Ann of the tenant ``main``, with tokens and a delivery that was set aside."""
    user = register(core, username="ann", external_id="17", password=PASSWORD)
    core.users.update(user.id, first_name="Ann")
    for _ in range(2):
        core.outbox.deliver()
        clock.now += core.policy.deliveries.set_aside_after
    (failed,) = core.outbox.failed().rows
    access, (login, redeemed) = sign_in(core, user), core.login_tokens.issue_many(user.id, 2)
    core.sign_in.with_login_token(redeemed)
    return Names(
        id=user.id,
        name="ann",
        external_id="17",
        access=access,
        login=login,
        redeemed=redeemed,
        public_id=core.access_tokens.list(user.id)[-1].public_id,
        delivery_id=failed.id,
    )


def names_of_nobody(names: Names) -> Names:
    number, randomness = names.id + 1_000_000, FakeRandomness("nobody")
    return Names(
        id=number,
        name="zed",
        external_id="99",
        access=generate_secret(ACCESS, number, randomness),
        login=generate_secret(LOGIN, number, randomness),
        redeemed=generate_secret(LOGIN, number, randomness),
        public_id=names.public_id[:-1] + "~",
        delivery_id=names.delivery_id.replace(str(names.id), str(number)),
    )


def fail(_: Event) -> None:
    raise ConnectionError


def answer(acme: UserCore, call: str, names: Names) -> tuple[object, ...]:
    """Give what the caller and the operators of the tenant learn."""
    try:
        result = CALLS[call](acme, names)
        told: object = result if isinstance(result, bool | str | None) else type(result)
    except UsercoreError as error:
        told = str(error)
    attempts = [attempt.status for attempt in acme.history.attempts().rows[:1]]
    return told, attempts, [attempt.status for attempt in registration_attempts(acme)[:1]]


def of_main(dump: Dump, names: Names) -> list[dict[str, str]]:
    """Give the rows that are the tenant's or Ann's."""
    marks = {("tenant_id", str(MAIN)), ("user_id", str(names.id)), ("subject_id", str(names.id))}
    return [row for rows in dump.values() for row in rows if marks & row.items()]


@pytest.mark.rule("T2")
@pytest.mark.parametrize("call", CALLS)
def test_what_is_another_tenants_is_answered_as_what_is_nowhere(core: UserCore, clock: FakeClock, call: str) -> None:
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
    answers += [answer(acme, call, names_of_nobody(names))]
    assert answers[0] == answers[1]
    assert steps == recorder.names or call in TOLD
    assert of_main(dump(core), names) == before


@pytest.mark.rule("T2")
def test_limits_and_waits_are_each_tenants_own(core: UserCore) -> None:
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
def test_lists_show_the_tenants_own_only(core: UserCore) -> None:
    add_tenant(core)
    core.registration.register("ann@example.com")
    acme = core.tenant("acme")
    with pytest.raises(SignInRefused):
        core.sign_in.with_password("nobody@example.com", "wrong")
    assert (len(core.outbox.pending().rows), len(core.history.attempts().rows)) == (1, 1)
    assert (acme.outbox.pending().rows, acme.history.attempts().rows) == ((), ())
