"""Erasing a user leaves nothing personal behind, and of others everything."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fixtures import LINKS
from tests.privacy.full_life import ADDRESS, EMAIL, FIRST_EMAIL, MARKS, Lives, live, with_refusal
from tests.services.helpers import PASSWORD, BusyHasher, dump, over, refused, register, sign_in
from usercore import (
    Actor,
    Email,
    Gates,
    Host,
    Invalid,
    LastAdmin,
    LostRace,
    MailPolicy,
    Policy,
    User,
    UserCore,
    UserErasure,
    UserNotFound,
    UserState,
    Vetoed,
)
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.privacy import steps
from usercore.storage import ROWS, Storage
from usercore.testing import FakeClock, FakeGate, FakeHasher, FakeRandomness, MemoryMailer
from usercore.users.model import USER_ROWS
from usercore_storage import check, sqlite
from usercore_storage.sql.tables import ALL

WHY = "asked in writing"

DERIVED = {"users.email_verified_at", "email_changes.old_verified_at"}
"""Personal columns without texts, which need no mark."""


def marked(core: UserCore) -> set[str]:
    """Return the columns that contain one of the marks."""
    return {
        f"{table}.{column}"
        for table, rows in dump(core).items()
        for row in rows
        for column, value in row.items()
        if any(mark in value.lower() for mark in MARKS)
    }


@pytest.fixture
def lives(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> Lives:
    return live(core, clock, mailer)


@pytest.mark.rule("X6")
def test_after_a_full_life_nothing_personal_is_left_in_any_table(lives: Lives) -> None:
    core = lives.core
    history = core.history.of_user(lives.bob.id).rows
    assert marked(core) > {"users.email", "attempts.login", "history.new_text"}
    erased = core.privacy.erase(lives.user.id, WHY)
    assert marked(core) == set()
    assert erased.state is UserState.ERASED
    assert all(not getattr(erased, name) for name in USER_ROWS.personal if name != "access_ids")
    later = core.history.of_user(lives.bob.id).rows
    assert [(one.kind, one.actor, one.new) for one in later] == [(one.kind, one.actor, one.new) for one in history]
    assert ADDRESS in {one.ip for one in history}
    assert {one.ip for one in later} == {None}
    assert [one.login for one in core.history.attempts(lives.bob.id).rows] == [None]


@pytest.mark.rule("X6")
def test_the_life_has_something_in_every_personal_column(
    tmp_path: Path, clock: FakeClock, mailer: MemoryMailer
) -> None:
    storage = sqlite.open_storage(f"sqlite:///{tmp_path}/life.db")
    core = live(core_over(storage, clock, mailer), clock, mailer).core
    personal = {
        f"{table.name.removeprefix('usercore_')}.{column}"
        for table in ALL
        for column in ROWS[table.entity].personal
        if not any(one.name == column and one.once is not None for one in table.columns)
    }
    without = {f"{name}.country" for name in ("address_versions", "change_requests")}  # a code
    assert personal - marked(core) - DERIVED - without == set()
    storage.close()


def core_over(storage: Storage, clock: FakeClock, mailer: MemoryMailer) -> UserCore:
    policy = Policy(mail=MailPolicy(links=LINKS))
    host = Host(policy=policy, clock=clock, mailer=mailer, hasher=FakeHasher(), randomness=FakeRandomness())
    return UserCore.over(storage, host)


@pytest.mark.rule("X6")
def test_the_bytes_are_gone_from_the_file_and_its_wal(tmp_path: Path, clock: FakeClock, mailer: MemoryMailer) -> None:
    path = tmp_path / "life.db"
    storage = sqlite.open_storage(f"sqlite:///{path}")
    lives = live(core_over(storage, clock, mailer), clock, mailer)
    users = [register(lives.core, f"{MARKS[0]}{number}", first_name=MARKS[0]) for number in range(40)]
    for number in range(200):  # pages are split, so that rows move
        lives.core.meta.upsert(users[number * 7 % 40].id, f"k{number % 9}", f"{MARKS[0]} " * (number % 50))
    for user in [*users, lives.user]:
        lives.core.privacy.erase(user.id, WHY)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()
    assert b"usercore_users" in stored
    assert {mark: stored.count(mark.encode()) for mark in MARKS} == dict.fromkeys(MARKS, 0)
    storage.close()
    assert check(f"sqlite:///{path}").findings == ()


@pytest.mark.rule("X6")
def test_a_file_that_an_older_reader_needs_is_purged_by_a_later_call(
    tmp_path: Path, clock: FakeClock, mailer: MemoryMailer
) -> None:
    path = tmp_path / "life.db"
    storage = sqlite.open_storage(f"sqlite:///{path}")
    lives = live(core_over(storage, clock, mailer), clock, mailer)
    reader = storage.acquire_reader()
    reader("BEGIN")
    reader("SELECT id FROM usercore_users")
    lives.core.privacy.erase(lives.user.id, WHY)
    wal = path.with_name("life.db-wal")
    assert wal.stat().st_size > 0
    storage.release(reader)
    lives.core.privacy.purge()
    assert wal.stat().st_size == 0
    assert not any(mark.encode() in path.read_bytes().lower() for mark in MARKS)
    storage.close()


@pytest.mark.rule("X6", "R5")
def test_whom_the_user_claimed_is_erased_too(core: UserCore) -> None:
    una = register(core, f"{MARKS[0]}una", unclaimed=True, first_name=MARKS[0], note=MARKS[0])
    core.meta.upsert(una.id, "friend", MARKS[0])
    core.addresses.declare_type("invoice")
    core.addresses.add(una.id, "invoice", street=MARKS[0], country="SK")
    ann = register(core)
    core.registration.claim(una.id, ann.id)
    assert marked(core) > {"users.email", "history.old_text", "address_versions.street", "meta.value"}
    core.privacy.erase(ann.id, WHY)
    assert marked(core) == set()
    assert core.history.of_user(una.id).rows[0].new == {"state": "erased", "reason": WHY}


@pytest.mark.rule("X6", "R5")
@pytest.mark.parametrize("leaves", [False, True])
def test_who_was_claimed_and_activated_again_stays(core: UserCore, *, leaves: bool) -> None:
    una, ann = register(core, "una", unclaimed=True), register(core)
    core.registration.claim(una.id, ann.id)
    again = core.users.activate(una.id)
    if leaves:  # a user of their own may be deactivated like any other
        again = core.users.deactivate(una.id)
    assert core.privacy.export(ann.id)["claimed"] == []
    core.privacy.erase(ann.id, WHY)
    assert core.users.get(una.id) == again


@pytest.mark.rule("X6", "R5")
@pytest.mark.parametrize("becomes", ["claimed", "active", "erased"])
def test_what_becomes_of_claimed_users_meanwhile_is_seen(
    core: UserCore, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    una, ann = register(core, "una", unclaimed=True), register(core)
    core.registration.claim(una.id, ann.id)
    if becomes == "active":
        core.users.activate(una.id)
    elif becomes == "erased":
        core.privacy.erase(una.id, WHY)
    seen = steps.claimed_by
    before = [[] if becomes == "claimed" else [una.id]]
    monkeypatch.setattr(steps, "claimed_by", lambda *of: before.pop() if before else seen(*of))
    assert core.privacy.erase(ann.id, WHY, force=True).state is UserState.ERASED
    left = core.users.find(una.id)
    assert (left is not None) == (becomes == "active")


@pytest.mark.rule("X6", "R5")
def test_gates_are_asked_about_each_whom_the_user_claimed(core: UserCore) -> None:
    una, una2 = (register(core, name, unclaimed=True) for name in ("una", "una2"))
    ann, asked = register(core), list[UserId]()
    core.registration.claim(una.id, ann.id)

    def gate(erasure: UserErasure) -> None:
        asked.append(erasure.user.id)
        if len(asked) == 2:  # which changes no version of Ann
            core.registration.claim(una2.id, ann.id)
        if len(asked) == 5:
            raise Vetoed("open invoice")

    guarded = over(core, gates=Gates(erasures=[gate]))
    with pytest.raises(Vetoed):
        guarded.privacy.erase(ann.id, WHY)
    assert sorted(asked) == sorted([ann.id, una.id, ann.id, una.id, una2.id])
    guarded.privacy.erase(ann.id, WHY)
    assert [core.users.find(user.id) for user in (ann, una, una2)] == [None] * 3


@pytest.mark.rule("X6")
def test_the_identifiers_are_free_at_once_and_the_user_is_found_by_none(lives: Lives, clock: FakeClock) -> None:
    core = lives.core
    core.privacy.erase(Email(EMAIL), WHY)
    for ref in (lives.user.id, Email(EMAIL), lives.user.uuid):
        with refused(core, UserNotFound):
            core.privacy.erase(ref, WHY)
    for email in (EMAIL, FIRST_EMAIL, FIRST_EMAIL.replace("first", "second")):
        clock.advance(timedelta(minutes=1))
        assert core.registration.register(email, sign_in=False, send_email=False).user.email == email


@pytest.mark.rule("X6")
def test_the_reason_is_stored_for_operators_and_without_an_address(core: UserCore) -> None:
    ann = register(core)
    own = core.bind(actor=Actor.user(ann.id), ip=ADDRESS)
    own.privacy.erase(ann.id, f"  {WHY} ")
    entry = core.history.of_user(ann.id).rows[0]
    assert (entry.kind, entry.new, entry.actor, entry.ip) == (
        "user.erased",
        {"state": "erased", "reason": WHY},
        f"user:{ann.id}",
        None,
    )
    assert {one.ip for one in core.history.of_user(ann.id).rows} == {None}


@pytest.mark.rule("X6")
def test_counts_of_registrations_and_other_users_stay(lives: Lives) -> None:
    core = lives.core
    before, bob = core.statistics.widgets(), core.users.get(lives.bob.id)
    core.privacy.erase(lives.user.id, WHY)
    assert core.statistics.widgets() == evolve(before, active=before.active - 1)
    assert core.users.get(lives.bob.id) == bob


@pytest.mark.rule("X6")
def test_a_gate_may_refuse_unless_it_is_forced(core: UserCore) -> None:
    gate = FakeGate(refusal=Vetoed("open invoice"))
    core = over(core, gates=Gates(erasures=[gate])).bind(ip=ADDRESS)
    ann = register(core)
    with refused(core, Vetoed):
        core.privacy.erase(ann.id, WHY)
    (asked,) = gate.asked
    assert isinstance(asked, UserErasure)
    assert (asked.user.id, asked.reason, asked.context.ip) == (ann.id, WHY, None)
    core.privacy.erase(ann.id, WHY, force=True)
    assert len(gate.asked) == 1


@pytest.mark.rule("X6")
@pytest.mark.parametrize("times", [2, 3])
def test_a_user_who_changes_while_the_gates_are_asked_is_asked_about_again(core: UserCore, times: int) -> None:
    ann, asked = register(core), list[User]()

    def gate(erasure: UserErasure) -> None:
        asked.append(erasure.user)
        if len(asked) <= times:
            core.users.update(ann.id, first_name=f"Ann {len(asked)}")

    guarded = over(core, gates=Gates(erasures=[gate]))
    if times < 3:
        assert guarded.privacy.erase(ann.id, WHY).state is UserState.ERASED
    else:
        with pytest.raises(LostRace):
            guarded.privacy.erase(ann.id, WHY)
    assert [user.first_name for user in asked] == [None, "Ann 1", "Ann 2"]


@pytest.mark.rule("X6", "T5")
def test_the_last_admin_is_not_erased(core: UserCore) -> None:
    system = core.tenant("system")
    olga = register(system, "olga", password=PASSWORD)
    with refused(system, LastAdmin):
        system.privacy.erase(olga.id, WHY, force=True)
    pete = register(system, "pete", password=PASSWORD)
    assert system.privacy.erase(olga.id, WHY).state is UserState.ERASED
    with refused(system, LastAdmin):
        system.privacy.erase(pete.id, WHY)


@pytest.mark.rule("X6")
@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "x" * 1001, "\0"])
def test_a_malformed_reason_is_refused(core: UserCore, reason: str) -> None:
    ann = register(core)
    with refused(core, Invalid):
        core.privacy.erase(ann.id, reason)


@pytest.mark.rule("X6")
def test_users_with_more_attempts_than_one_unit_removes_are_erased(
    core: UserCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("steps", "service"):
        monkeypatch.setattr(f"usercore.privacy.{module}.BATCH", 3)
    ann = register(core, password=PASSWORD)
    for _ in range(8):
        sign_in(core, ann)
    core.privacy.erase(ann.id, WHY)
    assert "attempts" not in dump(core)


@pytest.mark.rule("X6")
@pytest.mark.parametrize("password", ["a wrong password", PASSWORD])
def test_an_attempt_that_is_stored_after_an_erasure_names_no_user(core: UserCore, password: str) -> None:
    ann = register(core, password=PASSWORD)
    hasher = BusyHasher()
    hasher.meanwhile = lambda: core.privacy.erase(ann.id, WHY)
    own = over(core, hasher=hasher).bind(ip=ADDRESS, user_agent="Lynx")
    with_refusal(lambda: own.sign_in.with_password("ann@example.com", password))
    (attempt,) = core.history.attempts().rows
    assert (attempt.user_id, attempt.login, attempt.ip, attempt.user_agent) == (None, None, None, None)
    assert not [table for table, rows in dump(core).items() if "ann@" in str(rows)]


@pytest.mark.rule("X6")
def test_events_do_not_show_the_reason(core: UserCore, mailer: MemoryMailer) -> None:
    ann = register(core)
    core.outbox.deliver()
    core.privacy.erase(ann.id, WHY)
    before = len(mailer.sent)
    core.outbox.deliver()
    assert len(mailer.sent) == before, "nothing is mailed to an erased user"
    assert "deliveries" not in dump(core)


@pytest.mark.rule("T7")
def test_tokens_of_programs_and_devices_go_with_a_deleted_tenant(core: UserCore) -> None:
    system = core.tenant("system")
    system.tenants.create("acme", "Acme")
    acme = core.tenant("acme")
    acme.api_tokens.issue("script")
    acme.device_tokens.issue("phone")
    core.device_tokens.issue("tablet")
    register(acme)
    acme.registration.request("bob@example.com", referer="https://bob.example.com/")
    system.tenants.delete("acme")
    cleaned = core.cleanup()
    assert cleaned.tenants == 4
    left = dump(core)
    assert "api_tokens" not in left
    assert "registration_links" not in left
    assert len(left["device_tokens"]) == 1
    assert "bob" not in str(left["history"])
