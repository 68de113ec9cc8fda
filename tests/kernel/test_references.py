"""The class of a reference states its kind, and all spellings of one identifier have the same key."""

from contextlib import suppress
from typing import Any
from unicodedata import normalize
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import faults_of
from usercore.kernel.errors import FieldError, Invalid, UserNotFound
from usercore.kernel.ids import LIMIT
from usercore.kernel.references import (
    AccessId,
    AnyId,
    Email,
    ExternalId,
    Reference,
    Username,
    check_reference,
    check_user_id,
    user_id_of,
)
from usercore.testing.strategies import host_ids, hostile_text, ids
from usercore.users.keys import EXTERNAL_ID_LIMIT, ClaimName, KeySpace, KeyUse, claim_of, claim_of_email, host_id

ANN = "ann@example.com"


@pytest.mark.rule("I3")
@pytest.mark.parametrize(
    "reference",
    [1, 0, -1, UUID(int=1), Email(ANN), Username("ann"), ExternalId("7"), ExternalId(7), AccessId(7), AnyId("7")],
)
def test_each_kind_of_reference_is_accepted(reference: Reference) -> None:
    assert check_reference(reference) is reference


@pytest.mark.rule("I3")
@pytest.mark.parametrize("text", ["", "1", ANN, "ann"])
def test_a_bare_string_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(TypeError, match=r"not by str: say Email\(...\), Username\(...\), ExternalId\(...\)"):
        check_reference(text)


@pytest.mark.rule("I3")
@pytest.mark.parametrize(
    "value",
    [True, False, None, 1.0, b"1", [1], {}, (1,), Email, object()],
    ids=lambda value: f"{type(value).__name__} {value!s:.5}",
)
def test_nothing_else_is_a_reference(value: object) -> None:
    with pytest.raises(TypeError, match=f"not by {type(value).__name__}$"):
        check_reference(value)


@pytest.mark.rule("I3", "U3")
@pytest.mark.parametrize(
    ("reference", "claim"),
    [
        (Email("ANN@Example.COM"), ClaimName(KeySpace.LOGIN, ANN, KeyUse.EMAIL)),
        (Username("ＡＮＮ"), ClaimName(KeySpace.LOGIN, "ann", KeyUse.USERNAME)),
        (Username("ANN@Example.COM"), ClaimName(KeySpace.LOGIN, ANN, KeyUse.USERNAME)),
        (ExternalId("7"), ClaimName(KeySpace.EXTERNAL, "7", KeyUse.EXTERNAL_ID)),
        (ExternalId(7), ClaimName(KeySpace.EXTERNAL, "7", KeyUse.EXTERNAL_ID)),
        (
            AccessId("Ab"),
            ClaimName(KeySpace.EXTERNAL, "Ab", KeyUse.ACCESS_1 | KeyUse.ACCESS_2 | KeyUse.ACCESS_3 | KeyUse.ACCESS_4),
        ),
        (AnyId("007"), ClaimName(KeySpace.EXTERNAL, "007", KeyUse.EXTERNAL_ID | KeyUse.ACCESS_ID)),
    ],
    ids=repr,
)
def test_a_reference_names_a_claim_and_its_uses(
    reference: Email | Username | ExternalId | AccessId | AnyId, claim: ClaimName
) -> None:
    assert claim_of(reference) == claim


@pytest.mark.rule("I3")
@pytest.mark.parametrize("kind", [Email, Username, ExternalId, AccessId, AnyId])
@pytest.mark.parametrize("value", [None, True, 1.5, b"7", ["7"]], ids=repr)
def test_a_reference_without_a_string_is_refused(kind: Any, value: object) -> None:
    with pytest.raises(TypeError):
        claim_of(kind(value))


@pytest.mark.rule("I3")
@pytest.mark.parametrize("kind", [Email, Username])
def test_only_ids_of_the_host_may_be_integers(kind: Any) -> None:
    with pytest.raises(TypeError):
        claim_of(kind(7))


@pytest.mark.rule("I3")
@pytest.mark.parametrize("kind", [Email, Username, ExternalId, AccessId, AnyId])
@given(text=hostile_text())
def test_a_reference_with_any_text_names_a_claim_or_is_invalid(kind: Any, text: str) -> None:
    with suppress(Invalid):
        assert b"\0" not in claim_of(kind(text)).key.encode()  # nor is a lone surrogate in it


@pytest.mark.rule("I1")
@given(ids())
def test_an_int_in_range_is_a_user_id(number: int) -> None:
    assert check_user_id(number) == number


@pytest.mark.rule("I1")
@pytest.mark.parametrize("number", [0, -1, LIMIT, 2**63, -(2**63), 10**400], ids=lambda number: str(number)[:9])
def test_an_int_out_of_range_is_refused_as_unknown(number: int) -> None:
    with pytest.raises(UserNotFound):
        check_user_id(number)


@pytest.mark.rule("I2")
@given(ids())
def test_an_id_is_read_from_its_decimal_text(number: int) -> None:
    assert user_id_of(str(number)) == number


@pytest.mark.rule("I2")
@given(st.one_of(hostile_text(), st.text("0123456789+-_ .\u0661\uff11", max_size=20)))
def test_a_text_is_an_id_only_in_canonical_form(text: str) -> None:
    try:
        number = user_id_of(text)
    except Invalid:
        return
    assert str(number) == text


@pytest.mark.rule("I2")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "malformed") for text in ("", "0", "007", "+7", "-7", " 7", "7 ", "7\n", "7_0", "7.0", "0x7", "7e3")),
        *((text, "malformed") for text in ("\u0667", "\uff17", "seven")),
        *((str(number), "out_of_range") for number in (LIMIT, 10 * LIMIT, 10**4000)),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_another_text_is_not_an_id(text: str, reason: str) -> None:
    assert faults_of(lambda: user_id_of(text)) == (FieldError("user_id", reason),)


@pytest.mark.rule("I2")
@pytest.mark.parametrize("value", [7, True, b"7", None], ids=str)
def test_an_id_is_read_from_text_only(value: Any) -> None:
    with pytest.raises(TypeError):
        user_id_of(value)


@pytest.mark.rule("U5")
@pytest.mark.parametrize(
    ("text", "reason"),
    [("ann", "malformed"), ("ann@é..com", "malformed"), ("a" * 255, "too_long"), ("a\0@b.com", "control_character")],
)
def test_an_email_that_no_user_can_have_is_invalid(text: str, reason: str) -> None:
    assert faults_of(lambda: claim_of_email(text)) == (FieldError("email", reason),)


@pytest.mark.rule("U4", "U8")
@given(host_ids())
def test_an_id_of_the_host_is_stored_exactly(text: str) -> None:
    assert host_id(text, field="external_id") == normalize("NFC", text)


@pytest.mark.rule("U8")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (0, "0"),
        (-5, "-5"),
        (10**254, "1" + "0" * 254),
        ("007", "007"),
        ("7.0", "7.0"),
        ("x" * 255, "x" * 255),
    ],
    ids=lambda value: str(value)[:9],
)
def test_an_integer_becomes_decimal_text(value: str | int, text: str) -> None:
    assert host_id(value, field="external_id") == text


@pytest.mark.rule("U8")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        (" 7", "white_space"),
        ("7\u00a0", "white_space"),
        ("7\n", "white_space"),
        ("\u2028 7", "white_space"),
        ("\n", "empty"),
        ("7\n7", "control_character"),
        ("\u0378", "unassigned"),
        ("x" * (EXTERNAL_ID_LIMIT + 1), "too_long"),
        (10**255, "too_long"),
        (-(10**254), "too_long"),
        (1 << 10_000_000, "too_long"),
    ],
    ids=[
        "nothing",
        "blank",
        "front",
        "back",
        "line end",
        "separator",
        "only a line end",
        "inside",
        "unassigned",
        "text",
        "integer",
        "negative",
        "huge",
    ],
)
def test_an_id_of_the_host_that_cannot_be_stored_is_refused(value: str | int, reason: str) -> None:
    assert faults_of(lambda: host_id(value, field="external_id")) == (FieldError("external_id", reason),)


@pytest.mark.rule("U8")
@pytest.mark.parametrize("value", [True, False, None, 7.0, b"7", ["7"]], ids=repr)
def test_an_id_of_the_host_must_be_text_or_an_integer_and_not_a_bool(value: object) -> None:
    with pytest.raises(TypeError, match="external_id must be str"):
        host_id(value, field="external_id")
