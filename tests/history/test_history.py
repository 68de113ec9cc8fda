"""History: every change stores its rows, in order, with actor, time and origin; how values are stored."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.services.helpers import ANOTHER, PASSWORD, dump, over, refused, register, sign_in, unchanged
from usercore import Actor, Entry, Full, Invalid, User, UserCore, UserNotFound
from usercore.passwords.hasher import Argon2Hasher
from usercore.testing import FakeClock, FaultyStorage, WatchedStorage


def kinds(core: UserCore, user: User) -> list[str]:
    return [entry.kind for entry in reversed(core.history.of_user(user.id).rows)]


def newest(core: UserCore, user: User) -> Entry:
    return core.history.of_user(user.id).rows[0]


@pytest.mark.rule("X2")
def test_a_users_changes_are_listed_newest_first(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register("ann@example.com", password=PASSWORD, sign_in=True).user
    clock.tick()
    core.users.update(user.id, first_name="Ann")
    core.users.deactivate(user.id)
    rows = core.history.of_user(user.id).rows
    assert [row.kind for row in rows] == [
        "tokens.revoked",
        "user.deactivated",
        "user.updated",
        "access_token.issued",
        "user.welcomed",
        "password.set",
        "user.registered",
    ]
    places = [(row.change_no, row.position) for row in rows]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places)
    assert [row.at for row in rows] == [clock.now] * 3 + [user.created_at] * 4


@pytest.mark.rule("X2")
def test_a_page_begins_after_the_cursor(core: UserCore) -> None:
    user = register(core)
    for name in ("a", "b", "c"):
        core.users.update(user.id, first_name=name)
    first = core.history.of_user(user.id, limit=2)
    core.users.update(user.id, first_name="d")
    second = core.history.of_user(user.id, limit=2, cursor=first.cursor)
    assert [row.new.get("first_name") for row in (*first.rows, *second.rows)] == ["c", "b", "a", None]
    assert second.cursor is None
    for wrong in ({"limit": 0}, {"limit": 1001}, {"cursor": "?"}, {"cursor": "WyIxIiwyXQ=="}):
        asked: dict[str, Any] = {**wrong}
        with refused(core, Invalid, but=()):
            core.history.of_user(user.id, **asked)


@pytest.mark.rule("X2")
def test_a_row_has_actor_time_and_origin(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    clock.tick()
    bound = core.bind(actor=Actor.operator("Zoë"), ip="192.0.2.1", source="desk", user_agent="Lynx")
    bound.users.update(user.id, first_name="Ann")
    row = newest(core, user)
    assert (row.actor, row.at, row.ip, row.source) == ("operator:Zoë", clock.now, "192.0.2.1", "desk")
    assert (row.subject, row.subject_id, row.tenant_id) == ("user", user.id, user.tenant_id)


@pytest.mark.rule("X2")
def test_a_row_has_the_values_that_differ_before_and_after(core: UserCore) -> None:
    user = register(core, first_name="Ann", username="ann", external_id=1)
    assert newest(core, user).old == {}
    assert newest(core, user).new == {
        "state": "active",
        "email": "ann@example.com",
        "username": "ann",
        "external_id": "1",
        "first_name": "Ann",
        "source": "unknown",
    }
    core.users.update(user.id, first_name=None, language="sk")
    assert (newest(core, user).old, newest(core, user).new) == (
        {"first_name": "Ann", "language": None},
        {"first_name": None, "language": "sk"},
    )
    core.users.set_access_ids(user.id, {2: "b"})
    assert newest(core, user).new == {"access_ids": [None, "b", None, None]}


@pytest.mark.rule("X2")
def test_long_values_are_stored_as_their_start_and_digest(core: UserCore) -> None:
    user = register(core)
    core.users.update(user.id, note="x" * 1000)
    assert newest(core, user).new["note"] == "x" * 1000
    core.users.update(user.id, note="y" * 1001)
    assert newest(core, user).new["note"].startswith("y" * 100 + "... sha256:")
    assert len(newest(core, user).new["note"]) < 200


@pytest.mark.rule("X2", "K1")
def test_no_secret_and_no_hash_is_stored(core: UserCore) -> None:
    user = core.registration.register("ann@example.com", password=PASSWORD).user
    secrets = [sign_in(core, user), core.login_tokens.issue(user.id)]
    core.sign_in.with_login_token(secrets[1])
    core.access_tokens.revoke(secrets[0])
    history = repr(dump(core)["history"])
    assert not any(secret.reveal()[13:] in history for secret in secrets)
    assert PASSWORD not in history
    assert "fake$" not in history


@pytest.mark.rule("X2", "T2")
def test_the_history_of_an_unknown_user_is_refused(core: UserCore) -> None:
    for call in (core.history.of_user, core.history.attempts, core.history.explain):
        with refused(core, UserNotFound, but=()):
            call(7)


FAILING: dict[str, Callable[[UserCore, User], object]] = {
    "register": lambda core, user: core.registration.register(f"new-{user.email}", password=PASSWORD),
    "register external": lambda core, user: core.registration.register_external(f"new-{user.email}", name="Lee"),
    "request": lambda core, user: core.registration.request(f"new-{user.email}"),
    "update": lambda core, user: core.users.update(user.id, username=f"user{user.id}"),
    "set access ids": lambda core, user: core.users.set_access_ids(user.id, [f"a-{user.id}", f"b-{user.id}"]),
    "deactivate": lambda core, user: core.users.deactivate(user.id),
    "change email": lambda core, user: core.emails.change(user.id, f"new-{user.email}", verified=True),
    "set verified": lambda core, user: core.emails.set_verified(user.id, verified=True),
    "set password": lambda core, user: core.passwords.set(user.id, ANOTHER),
    "issue": lambda core, user: core.login_tokens.issue_many(user.id, 3),
    "sign in": lambda core, user: core.sign_in.with_password(str(user.email), PASSWORD),
    "vouch": lambda core, user: core.sign_in.trusted(user.id),
}


@pytest.mark.rule("X2", "ERR")
@pytest.mark.parametrize("call", FAILING)
def test_a_call_whose_storage_fails_anywhere_stores_nothing(core: UserCore, storage: WatchedStorage, call: str) -> None:
    first, second = (register(core, name, password=PASSWORD) for name in ("first", "second"))
    for user in (first, second):
        sign_in(core, user)
    faulty = FaultyStorage(storage)
    late, run = UserCore.over(faulty, core._runtime.host), FAILING[call]
    calls = faulty.calls_of(lambda: run(late, first))
    for number in range(1, calls + 1):
        with unchanged(core), pytest.raises(Full), faulty.failing(number, Full()):
            run(late, second)
    run(late, second)
    assert calls > 1


@pytest.mark.rule("P1")
def test_a_hash_that_cannot_be_verified_is_explained(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    assert core.history.explain(user.id) == ()
    strict = over(core, hasher=Argon2Hasher(core.policy.passwords))
    assert strict.history.explain(user.id) == ("unusable_hash",)
    assert strict.history.explain(register(core, "bob", send_email=False).id) == ("no_password",)
