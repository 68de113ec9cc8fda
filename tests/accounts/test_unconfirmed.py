"""Users who are not confirmed: which mails they get, and when those who never came are removed."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.factor_enrollment.samples import Factors
from tests.faults.filled_stores import both
from tests.services.helpers import ANN, ANOTHER, PASSWORD, changed, dump, fail, over, register, sign_in, unclaim
from usercore import MailKind, RetentionPolicy, User, UserCore, UserNotFound
from usercore.kernel.entity import evolve
from usercore.maintenance.cleanup import BATCH
from usercore.storage import Unit
from usercore.testing import NOON, TICK, FakeClock, MemoryMailer
from usercore.users.model import UserState
from usercore_storage import check

DAY = timedelta(days=1)


@pytest.fixture
def strict(core: UserCore) -> UserCore:
    """Return a core that mails unconfirmed users only what they ask for."""
    return over(core, policy=attrs.evolve(core.policy, mail=attrs.evolve(core.policy.mail, mail_unconfirmed=False)))


@pytest.fixture
def tidy(core: UserCore) -> UserCore:
    """Return a core that removes users who never came within thirty days."""
    return over(core, policy=attrs.evolve(core.policy, retention=RetentionPolicy(remove_unconfirmed_after=30 * DAY)))


def kinds_mailed(core: UserCore, mailer: MemoryMailer, *, to: str = ANN) -> list[MailKind]:
    """Deliver, and return the kinds of the mails to an address since the last call."""
    core.outbox.deliver()
    kinds = [mail.kind for mail in mailer.sent if mail.to == to]
    mailer.sent.clear()
    return kinds


def ask_for_everything(core: UserCore, user: User) -> None:
    """Do what users are told of, and request each link."""
    clock = core._runtime.host.clock
    assert isinstance(clock, FakeClock)
    clock.advance(timedelta(minutes=1))
    core.passwords.set(user.id, ANOTHER)
    core.passwords.request_reset(ANN)
    core.registration.request(ANN)
    core.emails.send_confirmation(user.id)


LINKS_ONLY = {MailKind.PASSWORD_RESET, MailKind.HAVE_ACCOUNT, MailKind.CONFIRMATION}


@pytest.mark.rule("U12")
def test_unconfirmed_users_are_mailed_everything_unless_the_policy_says_otherwise(
    core: UserCore, mailer: MemoryMailer
) -> None:
    user = register(core, send_email=True)
    assert kinds_mailed(core, mailer) == [MailKind.WELCOME_PASSWORD]
    ask_for_everything(core, user)
    assert set(kinds_mailed(core, mailer)) == {MailKind.PASSWORD_CHANGED, *LINKS_ONLY}


@pytest.mark.rule("U12", "R6")
def test_a_policy_mails_unconfirmed_users_only_what_a_reader_of_the_address_asked_for(
    strict: UserCore, mailer: MemoryMailer
) -> None:
    user = register(strict, send_email=True)
    strict.outbox.deliver()
    assert not strict.users.status(user.id).password_set, "no password is generated that is not mailed"
    ask_for_everything(strict, user)
    assert set(kinds_mailed(strict, mailer)) == LINKS_ONLY


@pytest.mark.rule("U12")
@pytest.mark.parametrize(
    "prove",
    [
        lambda core, user: core.users.confirm(user.id),
        lambda core, user: core.emails.set_verified(user.id, verified=True),
    ],
    ids=["confirmed", "verified"],
)
def test_users_who_are_confirmed_or_whose_email_is_verified_are_mailed_everything(
    strict: UserCore, mailer: MemoryMailer, prove: Callable[[UserCore, User], object]
) -> None:
    user = register(strict)
    prove(strict, user)
    ask_for_everything(strict, user)
    assert set(kinds_mailed(strict, mailer)) == {MailKind.PASSWORD_CHANGED, *LINKS_ONLY}


@pytest.mark.rule("U12")
def test_no_user_is_removed_unless_the_policy_says_so(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    clock.advance(3650 * DAY)
    assert core.cleanup().unconfirmed_users == 0
    assert core.users.get(user.id) == user


@pytest.mark.rule("U12", "K8")
def test_a_user_who_never_came_is_removed_with_all_that_is_stored_of_them(tidy: UserCore, clock: FakeClock) -> None:
    tidy.roles.create("Staff")
    before = dump(tidy)
    user = register(tidy, password=PASSWORD, username="ann", external_id="17", send_email=True)
    tidy.meta.upsert(user.id, "size", "9")
    tidy.roles.give(user.id, "Staff")
    tidy.login_tokens.issue(user.id)
    tidy.passwords.request_reset(ANN)
    fail(tidy)
    tidy.outbox.deliver()
    tidy.roles.require(user.id, required=False)
    clock.now = NOON + 30 * DAY
    assert tidy.cleanup().unconfirmed_users == 0
    clock.tick()
    assert tidy.cleanup().unconfirmed_users == 1
    with pytest.raises(UserNotFound):
        tidy.users.get(user.id)
    assert changed(before, dump(tidy)) <= {"user_agents", "failure_counters", "rate_limits"}
    clock.advance(2 * DAY)
    tidy.cleanup()
    assert changed(before, dump(tidy)) <= {"user_agents"}
    assert register(tidy, username="ann", external_id="17").id != user.id


COMES: dict[str, Callable[[UserCore, User], object]] = {
    "confirmed": lambda core, user: core.users.confirm(user.id),
    "verified": lambda core, user: core.emails.set_verified(user.id, verified=True),
    "signed in": sign_in,
    "deactivated": lambda core, user: core.users.deactivate(user.id),
    "unclaimed": unclaim,
    "changed since": lambda core, user: (core._runtime.host.clock.tick(), core.users.update(user.id, first_name="A")),  # type: ignore[attr-defined]  # a FakeClock
}


@pytest.mark.rule("U12")
@pytest.mark.parametrize("comes", COMES)
def test_a_user_who_came_or_was_changed_stays(tidy: UserCore, clock: FakeClock, comes: str) -> None:
    user = register(tidy)
    COMES[comes](tidy, user)
    clock.now = NOON + 30 * DAY + TICK
    assert tidy.cleanup().unconfirmed_users == 0
    assert tidy.users.get(user.id).id == user.id


@pytest.mark.rule("U12", "R5", "X6")
@pytest.mark.parametrize("tenant", ["main", "acme"])
def test_a_user_who_claimed_others_is_erased_with_them(tidy: UserCore, clock: FakeClock, tenant: str) -> None:
    tidy.tenant("system").tenants.create("acme", "Acme")
    core = tidy.tenant(tenant)
    ann, bob = register(core, "zqann"), register(core, "zqbob")
    una, ula = (register(core, name, unclaimed=True, note=name) for name in ("zquna", "zqula"))
    core.registration.claim(una.id, ann.id)
    core.registration.claim(ula.id, ann.id)
    core.users.activate(ula.id)
    core.users.confirm(ula.id)
    clock.now = NOON + 30 * DAY + TICK
    seen: list[int] = []
    assert tidy.cleanup(on_progress=seen.append).unconfirmed_users == 2
    assert sum(seen) >= 2
    assert [core.users.find(one.id) for one in (ann, bob, una)] == [None] * 3
    assert core.users.get(ula.id).state is UserState.ACTIVE
    left = {table for table, rows in dump(core).items() if re.search("zq(ann|bob|una)", repr(rows))}
    assert left == set()
    assert core.history.of_user(una.id).rows[0].kind == "user.erased"


@pytest.mark.rule("U12", "R5", "X6")
def test_of_many_users_who_never_came_each_is_erased_with_those_whom_it_claimed(
    tidy: UserCore, clock: FakeClock
) -> None:
    claimants = {register(tidy, "ann").id: register(tidy, "una", unclaimed=True).id}
    tidy.registration.import_users({"username": f"absent{number}"} for number in range(BATCH))
    clock.advance(timedelta(seconds=1))  # so that it is listed last, in the second batch
    claimants[register(tidy, "bob").id] = register(tidy, "ula", unclaimed=True).id
    for claimant, claimed in claimants.items():
        tidy.registration.claim(claimed, claimant)
    clock.now = NOON + 31 * DAY
    assert tidy.cleanup().unconfirmed_users == BATCH + len(claimants)
    assert [tidy.history.of_user(one).rows[0].kind for one in claimants.values()] == ["user.erased"] * len(claimants)


@pytest.mark.rule("U12", "T5")
def test_operators_are_never_removed(tidy: UserCore, clock: FakeClock) -> None:
    admin = register(tidy.tenant("system"))
    clock.now = NOON + 31 * DAY
    assert tidy.cleanup().unconfirmed_users == 0
    assert tidy.tenant("system").users.get(admin.id) == admin


@pytest.mark.rule("U12")
def test_no_table_names_a_removed_user(tmp_path: Path) -> None:
    def forget(unit: Unit, user: User) -> None:
        bare: dict[str, Any] = {"confirmed_at": None, "email_verified_at": None, "last_sign_in_at": None}
        present = unit.users.lock(user.id)
        unit.users.replace(evolve(present, state=UserState.ACTIVE, modified_at=NOON - DAY, **bare))

    with both(tmp_path) as stores:
        for filled in stores:
            units = filled.core._service.units
            users = [filled.ann, filled.bob, filled.of(Factors).user]
            for user in users:
                units.write(lambda unit: forget(unit, user))  # noqa: B023 - called at once
            listed = units.read(lambda unit: unit.users.list_unconfirmed(NOON, limit=9))
            removed = units.write(lambda unit: unit.users.remove_unconfirmed(listed))  # noqa: B023 - called at once
            assert {user.id for user in removed} >= {user.id for user in users}
            left = {
                table: [row for row in rows if named(row) & {str(user.id) for user in removed}]
                for table, rows in dump(filled.core).items()
            }
            assert {table: rows for table, rows in left.items() if rows} == {}, "remove these rows, too"
    assert not check(f"sqlite:///{tmp_path}/both.db").findings


def named(row: dict[str, str]) -> set[str]:
    """Return the ids of the users whose row it is, or whom it is about."""
    subject = row.get("subject", "").strip("'")
    about = row["subject_id"] if subject in {"user", repr("user"), "<Subject.USER: 'user'>"} else ""
    return {row.get("user_id", ""), row.get("holder_id", ""), about}
