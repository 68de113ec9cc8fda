"""Single users: their fields, states, status and versions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.fields import OWN_FIELDS, attribute_of
from tests.services.helpers import PASSWORD, fail, refused, register, sign_in, unchanged, unclaim
from usercore import (
    AccountStatus,
    Actor,
    Invalid,
    SignInRefused,
    StaleVersion,
    User,
    UserCore,
    UserState,
    WrongState,
)
from usercore.kernel.entity import evolve
from usercore.testing import NOON, FakeClock

TYPED: dict[str, object] = {"first_name": " Ann ", "language": "sk_SK", "note": "one\ntwo"}
"""Values that are stored in a normalised form, or are special."""

STORED: dict[str, object] = {"username": "ann", **OWN_FIELDS, "first_name": "Ann", "note": "one\ntwo"}

FIELDS = [(name, TYPED.get(name, stored), stored) for name, stored in STORED.items()]


@pytest.mark.rule("U1", "U13")
@pytest.mark.parametrize(("field", "value", "kept"), FIELDS, ids=[field for field, _, _ in FIELDS])
def test_only_the_passed_fields_change(core: UserCore, clock: FakeClock, field: str, value: Any, kept: Any) -> None:
    old = register(core, first_name="Old", note="old")
    clock.tick()
    new = core.bind(actor=Actor.operator("Zoë")).users.update(old.id, **{field: value})
    assert getattr(new, field) == kept
    assert core.users.get(old.id) == new
    stored = attribute_of(field) if field in OWN_FIELDS else field
    marks: dict[str, Any] = {"version": 2, "modified_at": clock.now, "modified_by": "operator:Zoë"}
    assert evolve(old, **({stored: kept} | marks), change_no=new.change_no) == new


@pytest.mark.rule("U13")
@pytest.mark.parametrize(("field", "value"), [(field, value) for field, value, _ in FIELDS if value is not True])
def test_none_and_empty_text_clear_a_field(core: UserCore, field: str, value: Any) -> None:
    user = register(core)
    empty = getattr(user, field)
    nothings: tuple[Any, ...] = (None, "") if isinstance(value, str) else (None,)
    for nothing in nothings:
        assert getattr(core.users.update(user.id, **{field: value}), field) != empty
        assert getattr(core.users.update(user.id, **{field: nothing}), field) == empty


@pytest.mark.rule("U13", "X2")
def test_an_update_without_a_difference_stores_nothing(core: UserCore) -> None:
    user = core.users.update(register(core).id, first_name="Ann")
    with unchanged(core):
        assert core.users.update(user.id, first_name=" Ann ").version == user.version
        assert core.users.update(user.id).version == user.version


@pytest.mark.rule("U13")
def test_a_stale_version_is_refused(core: UserCore) -> None:
    user = register(core)
    newer = core.users.update(user.id, first_name="Ann", version=user.version)
    with refused(core, StaleVersion, but=()) as raised:
        core.users.update(user.id, first_name="Eve", version=user.version)
    assert raised.value.current == newer.version
    assert core.users.update(user.id, first_name="Eve", version=newer.version).first_name == "Eve"


@pytest.mark.rule("U1")
def test_the_version_counts_changes_of_the_user_and_not_of_passwords_or_tokens(core: UserCore) -> None:
    user = register(core)
    changes: list[Callable[[], User]] = [
        lambda: core.users.update(user.id, first_name="Ann"),
        lambda: core.users.link_external_id(user.id, 1),
        lambda: core.users.set_access_ids(user.id, ["a"]),
        lambda: core.emails.change(user.id, "lee@example.com"),
        lambda: core.users.deactivate(user.id),
        lambda: core.users.activate(user.id),
    ]
    assert [change().version for change in changes] == [2, 3, 4, 5, 6, 7]
    core.passwords.set(user.id, PASSWORD)
    core.login_tokens.issue(user.id)
    core.access_tokens.revoke(sign_in(core, user))
    assert core.users.get(user.id).version == 7


@pytest.mark.rule("U13", "ERR")
def test_all_errors_are_reported_at_once(core: UserCore) -> None:
    user = register(core)
    with refused(core, Invalid, but=()) as raised:
        core.users.update(user.id, first_name="\0", language="?", date_format="D/M", username="a b")
    assert {fault.field for fault in raised.value.errors} == {"first_name", "language", "date_format", "username"}


@pytest.mark.rule("U2")
def test_users_can_be_deactivated_and_activated(core: UserCore) -> None:
    user = register(core)
    for move, state in ((core.users.deactivate, "deactivated"), (core.users.activate, "active")):
        moved = move(user.id)
        assert moved.state == state
        with unchanged(core):
            assert move(user.id).version == moved.version


@pytest.mark.rule("U2")
def test_an_unclaimed_user_can_be_neither_activated_nor_deactivated(core: UserCore) -> None:
    user = register(core)
    unclaim(core, user)
    for move in (core.users.activate, core.users.deactivate):
        with refused(core, WrongState, but=()) as raised:
            move(user.id)
        assert raised.value.state == UserState.UNCLAIMED


@pytest.mark.rule("U2")
def test_the_status_of_a_user_is_returned(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    nothing = core.users.status(user.id)
    assert nothing == AccountStatus(
        state=UserState.ACTIVE,
        password_set=False,
        password_changed_at=None,
        must_change_password=False,
        failures_in_a_row=0,
        locked_since=None,
        locked_until=None,
        last_sign_in_at=None,
        last_used_at=None,
    )
    core.passwords.set(user.id, PASSWORD)
    token = sign_in(core, user)
    clock.advance(timedelta(minutes=1))
    core.sign_in.identify(token)
    clock.advance(timedelta(minutes=1))
    core.sign_in.identify(token)
    used_at = clock.now
    for _ in range(10):
        with pytest.raises(SignInRefused):
            core.sign_in.with_password("ann@example.com", "wrong")
    assert core.users.status(user.id) == AccountStatus(
        state=UserState.ACTIVE,
        password_set=True,
        password_changed_at=NOON,
        must_change_password=False,
        failures_in_a_row=10,
        locked_since=used_at,
        locked_until=used_at + timedelta(seconds=10),
        last_sign_in_at=NOON,
        last_used_at=used_at,
    )


@pytest.mark.rule("U2")
def test_the_status_as_one_number_is_that_of_izenda(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    codes = [core.users.status(user.id).code]
    core.passwords.set(user.id, PASSWORD)
    codes.append(core.users.status(user.id).code)
    fail(core, times=10)
    codes.append(core.users.status(user.id).code)
    core.users.deactivate(user.id)
    codes.append(core.users.status(user.id).code)
    core.users.activate(user.id)
    clock.advance(timedelta(seconds=10))
    codes.append(core.users.status(user.id).code)
    core.passwords.mark_suspicious(user.id)
    codes.append(core.users.status(user.id).code)
    assert codes == [3, 1, 4, 2, 1, 3]


@pytest.mark.rule("U6")
def test_an_email_that_is_changed_back_is_not_verified(core: UserCore) -> None:
    user = core.emails.change(register(core).id, "ann.lee@example.com", verified=True)
    assert user.email_verified
    assert not core.emails.change(user.id, "lee@example.com").email_verified
    assert not core.emails.change(user.id, "ann.lee@example.com").email_verified
