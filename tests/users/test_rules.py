"""Display names of users, their states and versions."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.errors import StaleVersion, WrongState
from usercore.kernel.ids import USER_KIND, uuid_of
from usercore.kernel.versions import check_version
from usercore.testing.samples import a_user
from usercore.testing.strategies import names, users
from usercore.users.errors import ExternalIdLinked
from usercore.users.model import KINDS, User, UserState
from usercore.users.rules import check_linkable, check_movable

NAMED = {"first_name": None, "last_name": None, "username": None, "chosen_public_name": None, "email": None}


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    ("fields", "full_name"),
    [
        ({"first_name": "Ann", "last_name": "Lee", "username": "ann"}, "Ann Lee"),
        ({"first_name": "Ann", "username": "ann"}, "Ann"),
        ({"last_name": "Lee", "username": "ann"}, "Lee"),
        ({"username": "ann", "chosen_public_name": "A."}, "ann"),
        ({"chosen_public_name": "A.", "email": "ann@example.com"}, "A."),
        ({"email": "ann@example.com"}, "ann@example.com"),
        ({}, None),
    ],
    ids=str,
)
def test_the_full_name_is_the_first_known_value_of_several(fields: dict[str, str], full_name: str | None) -> None:
    assert a_user(**NAMED | fields).full_name == full_name


@pytest.mark.rule("U1")
@given(users(chosen_public_name=st.one_of(st.none(), names())))
def test_the_public_name_is_the_email_if_none_was_set(user: User) -> None:
    assert user.public_name == (user.email if user.chosen_public_name is None else user.chosen_public_name)


@pytest.mark.rule("U1")
@given(users(first_name=names(), last_name=names()))
def test_a_full_name_has_one_space_between_its_parts(user: User) -> None:
    assert user.full_name == f"{user.first_name} {user.last_name}"


@pytest.mark.rule("I2")
def test_a_uuid_of_the_host_precedes_the_derived_one() -> None:
    assert a_user(id=7, supplied_uuid=None).uuid == uuid_of(7, USER_KIND)
    assert a_user(id=7, supplied_uuid=UUID(int=5)).uuid == UUID(int=5)


@pytest.mark.rule("U6")
@given(users())
def test_an_email_is_verified_exactly_if_it_has_an_instant_of_verification(user: User) -> None:
    assert user.email_verified == (user.email_verified_at is not None)


MOVES = {(UserState.ACTIVE, UserState.DEACTIVATED), (UserState.DEACTIVATED, UserState.ACTIVE)}


@pytest.mark.rule("U2")
@pytest.mark.parametrize("to", UserState)
@pytest.mark.parametrize("state", UserState)
def test_a_user_moves_only_between_active_and_deactivated(state: UserState, to: UserState) -> None:
    user = a_user(state=state)
    if state is to or (state, to) in MOVES:
        assert check_movable(user, to) is (state is not to)
        return
    with pytest.raises(WrongState) as refusal:
        check_movable(user, to)
    assert refusal.value.state == state


@pytest.mark.rule("U2")
def test_there_are_four_states() -> None:
    assert set(UserState) == {"unclaimed", "active", "deactivated", "erased"}


@pytest.mark.rule("U8")
def test_an_external_id_is_linked_once() -> None:
    assert check_linkable(a_user(external_id=None), "7") is True
    assert check_linkable(a_user(external_id="7"), "7") is False
    with pytest.raises(ExternalIdLinked):
        check_linkable(a_user(external_id="7"), "07")


@pytest.mark.rule("U13")
@given(st.integers(1), st.integers(1))
def test_a_version_is_current_or_stale(current: int, version: int) -> None:
    check_version(current, None)
    check_version(current, current)
    if version != current:
        with pytest.raises(StaleVersion) as refusal:
            check_version(current, version)
        assert refusal.value.current == current


@pytest.mark.rule("U13")
@pytest.mark.parametrize("version", ["1", 1.0, True, b"\1"], ids=repr)
def test_a_version_must_be_an_integer(version: Any) -> None:
    with pytest.raises(TypeError, match="version must be int"):
        check_version(1, version)


@pytest.mark.rule("U1", "X2")
def test_sign_ins_and_versions_are_in_no_change() -> None:
    told = {field for kind in KINDS for field in kind.fields}
    assert told.isdisjoint({"version", "change_no", "last_sign_in_at", "last_sign_in_ip", "modified_at", "modified_by"})
