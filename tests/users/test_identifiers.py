"""Access ids by slot, and the keys that a user claims by their identifiers."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.helpers import faults_of
from usercore.kernel.errors import FieldError
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.testing.samples import a_user
from usercore.testing.strategies import emails, host_ids, usernames, users
from usercore.users.identifiers import (
    claims_of,
    clean_slots,
    field_of,
    in_order,
    names_email,
    next_access_ids,
    username_key,
)
from usercore.users.keys import KeySpace, KeyUse, claim_of, email_key
from usercore.users.model import NO_ACCESS_IDS, AccessIds, User

ANN = "ann@example.com"


SLOTS: list[tuple[object, dict[int, str | None]]] = [
    (["a"], {1: "a"}),
    (("a", None, 7), {1: "a", 2: None, 3: "7"}),
    ([None], {1: None}),
    (["1", "2", "3", "4"], {1: "1", 2: "2", 3: "3", 4: "4"}),
    ({3: "c", 1: 0}, {3: "c", 1: "0"}),
    ({4: None}, {4: None}),
    (["007", 7], {1: "007", 2: "7"}),
]


@pytest.mark.rule("U9")
@pytest.mark.parametrize(("typed", "slots"), SLOTS, ids=[str(typed) for typed, _ in SLOTS])
def test_access_ids_are_passed_as_a_list_or_by_slot(typed: object, slots: dict[int, str | None]) -> None:
    assert clean_slots(typed) == slots


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ([], [("access_ids", "count")]),
        ({}, [("access_ids", "count")]),
        (["1", "2", "3", "4", "5"], [("access_ids", "count")]),
        (["1", None, None, None, None], [("access_ids", "count")]),
        ({0: "a"}, [("access_ids", "slot_out_of_range")]),
        ({5: "a"}, [("access_ids", "slot_out_of_range")]),
        ({-1: None}, [("access_ids", "slot_out_of_range")]),
        ([""], [("access_ids.1", "empty")]),
        (["a", " "], [("access_ids.2", "empty")]),
        ({3: "x" * 256}, [("access_ids.3", "too_long")]),
        (
            {5: "a", 1: "", 2: " b", 3: "c\0"},
            [
                ("access_ids", "slot_out_of_range"),
                ("access_ids.1", "empty"),
                ("access_ids.2", "white_space"),
                ("access_ids.3", "control_character"),
            ],
        ),
        (["a", "a"], [("access_ids", "repeated")]),
        (["7", None, 7], [("access_ids", "repeated")]),
        (["\u00e9", "e\u0301"], [("access_ids", "repeated")]),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_errors_of_all_invalid_access_ids_are_reported_at_once(typed: object, errors: list[tuple[str, str]]) -> None:
    assert faults_of(lambda: clean_slots(typed)) == tuple(FieldError(*fault) for fault in errors)


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    "value", [None, 7, "7", "abcd", b"abcd", {"a"}, {"1": "a"}, {True: "a"}, [True], [["a"]], [b"a"], [1.5]], ids=repr
)
def test_access_ids_of_another_type_raise_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="access_ids"):
        clean_slots(value)


ACCESS_IDS: st.SearchStrategy[AccessIds] = st.permutations(["a", "b", "c", "d"]).flatmap(
    lambda texts: st.tuples(*(st.sampled_from((text, None)) for text in texts))
)
NAMED_SLOTS = st.dictionaries(st.integers(1, 4), st.one_of(st.none(), host_ids(), st.sampled_from("abcd")), min_size=1)


@pytest.mark.rule("U9")
@given(ACCESS_IDS, NAMED_SLOTS)
def test_named_slots_are_replaced_and_the_others_stay(present: AccessIds, slots: dict[int, str | None]) -> None:
    wanted = [slots.get(slot, text) for slot, text in enumerate(present, start=1)]
    typed = [text for text in wanted if text is not None]
    if len(set(typed)) == len(typed):
        assert list(next_access_ids(present, slots)) == wanted
    else:
        assert faults_of(lambda: next_access_ids(present, slots)) == (FieldError("access_ids", "repeated"),)


@pytest.mark.rule("U9")
def test_an_id_moves_to_another_slot_in_one_call() -> None:
    assert next_access_ids(("a", "b", None, None), {1: "b", 2: "a"}) == ("b", "a", None, None)
    assert faults_of(lambda: next_access_ids(("a", None, None, None), {2: "a"})) == (
        FieldError("access_ids", "repeated"),
    )


@pytest.mark.rule("U3")
@given(users())
def test_each_identifier_is_found_by_its_reference(user: User) -> None:
    claims = claims_of(user)
    references: list[Any] = []
    references += [Email(user.email)] if user.email is not None else []
    references += [Username(user.username)] if user.username is not None else []
    references += [ExternalId(user.external_id), AnyId(user.external_id)] if user.external_id is not None else []
    for reference in references:
        name = claim_of(reference)
        assert claims[name.space, name.key] & name.uses
    if user.supplied_uuid is not None:
        assert claims[KeySpace.UUID, str(user.supplied_uuid)] == KeyUse.UUID


@pytest.mark.rule("U3")
@given(ACCESS_IDS)
def test_each_access_id_is_found_in_its_slot(access_ids: AccessIds) -> None:
    claims = claims_of(a_user(external_id=None, access_ids=access_ids))
    for text, use in zip(access_ids, (KeyUse.ACCESS_1, KeyUse.ACCESS_2, KeyUse.ACCESS_3, KeyUse.ACCESS_4), strict=True):
        assert text is None or claims[KeySpace.EXTERNAL, claim_of(AccessId(text)).key] == use


@pytest.mark.rule("U3")
def test_one_key_in_several_uses_is_one_claim() -> None:
    user = a_user(
        email="Ann@example.com",
        username="ANN@example.com",
        external_id="7",
        access_ids=(None, "7", None, "8"),
        supplied_uuid=None,
    )
    assert claims_of(user) == {
        (KeySpace.LOGIN, ANN): KeyUse.EMAIL | KeyUse.USERNAME,
        (KeySpace.EXTERNAL, "7"): KeyUse.EXTERNAL_ID | KeyUse.ACCESS_2,
        (KeySpace.EXTERNAL, "8"): KeyUse.ACCESS_4,
    }


@pytest.mark.rule("U3")
def test_a_user_without_identifiers_claims_nothing() -> None:
    user = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, supplied_uuid=None)
    assert claims_of(user) == {}


@pytest.mark.rule("U3")
@given(usernames(), emails())
def test_a_username_cannot_be_the_email_of_another_user(username: str, email: str) -> None:
    assume("@" not in username)
    assert username_key(username) != email_key(email)
    assert username_key(email) == email_key(email)


@pytest.mark.rule("U3")
@pytest.mark.parametrize(
    ("email", "username", "follows"), [(ANN, ANN, True), (ANN, "ann", False), (ANN, None, False), (None, "ann", False)]
)
def test_a_username_that_is_the_email_follows_it(email: str | None, username: str | None, follows: bool) -> None:  # noqa: FBT001 - an outcome
    assert names_email(a_user(email=email, username=username)) is follows


@pytest.mark.rule("U3")
@given(users())
def test_keys_are_always_claimed_in_the_same_order(user: User) -> None:
    claims = claims_of(user)
    assert in_order(claims) == in_order(reversed(claims)) == sorted(claims)


@pytest.mark.rule("U3")
@pytest.mark.parametrize(
    ("uses", "field"),
    [
        (KeyUse.EMAIL | KeyUse.USERNAME, "email"),
        (KeyUse.USERNAME, "username"),
        (KeyUse.EXTERNAL_ID | KeyUse.ACCESS_3, "external_id"),
        (KeyUse.ACCESS_1, "access_ids"),
        (KeyUse.ACCESS_4, "access_ids"),
        (KeyUse.UUID, "uuid"),
    ],
)
def test_a_taken_key_is_reported_for_the_most_important_field(uses: KeyUse, field: str) -> None:
    assert field_of(uses) == field


@pytest.mark.rule("I2")
def test_a_uuid_is_claimed_in_its_canonical_form() -> None:
    uuid = UUID("8A1F1B70-7D3E-4A7C-9A55-0D3B5B1F2C11")
    user = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, supplied_uuid=uuid)
    assert claims_of(user) == {(KeySpace.UUID, "8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11"): KeyUse.UUID}
