"""A reference says what it is by its class, and one key stands for all spellings."""

import sys
from contextlib import suppress
from typing import Any
from unicodedata import normalize
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.errors import Fault, Invalid, UserNotFound
from usercore.kernel.ids import LIMIT
from usercore.kernel.references import (
    EXTERNAL_ID_LIMIT,
    AccessId,
    AnyId,
    ClaimName,
    Email,
    ExternalId,
    Reference,
    Space,
    Use,
    Username,
    check_reference,
    claim_of,
    claim_of_email,
    email_key,
    host_id,
    unique_key,
    user_id_of,
)
from usercore.kernel.unicode14 import is_assigned
from usercore.testing.strategies import emails, host_ids, hostile_text, ids, usernames

CHARACTERS = [chr(number) for number in range(sys.maxunicode + 1)]
ANN = "ann@example.com"


def faults_of(call: Any) -> tuple[Fault, ...]:
    """Give the faults for which the call refuses."""
    with pytest.raises(Invalid) as refusal:
        call()
    return refusal.value.faults


@pytest.mark.rule("I3")
@pytest.mark.parametrize(
    "reference",
    [1, 0, -1, UUID(int=1), Email(ANN), Username("ann"), ExternalId("7"), ExternalId(7), AccessId(7), AnyId("7")],
)
def test_each_kind_of_reference_is_one(reference: Reference) -> None:
    assert check_reference(reference) is reference


@pytest.mark.rule("I3")
@pytest.mark.parametrize("text", ["", "1", ANN, "ann"])
def test_a_bare_text_is_refused_and_told_what_to_say(text: str) -> None:
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
        (Email("ANN@Example.COM"), ClaimName(Space.LOGIN, ANN, Use.EMAIL)),
        (Username("ＡＮＮ"), ClaimName(Space.LOGIN, "ann", Use.USERNAME)),
        (Username("ANN@Example.COM"), ClaimName(Space.LOGIN, ANN, Use.USERNAME)),
        (ExternalId("7"), ClaimName(Space.EXTERNAL, "7", Use.EXTERNAL_ID)),
        (ExternalId(7), ClaimName(Space.EXTERNAL, "7", Use.EXTERNAL_ID)),
        (AccessId("Ab"), ClaimName(Space.EXTERNAL, "Ab", Use.ACCESS_1 | Use.ACCESS_2 | Use.ACCESS_3 | Use.ACCESS_4)),
        (AnyId("007"), ClaimName(Space.EXTERNAL, "007", Use.EXTERNAL_ID | Use.ACCESS_ID)),
    ],
    ids=repr,
)
def test_a_reference_names_a_claim_in_the_uses_it_asks_for(
    reference: Email | Username | ExternalId | AccessId | AnyId, claim: ClaimName
) -> None:
    assert claim_of(reference) == claim


@pytest.mark.rule("I3")
@pytest.mark.parametrize("kind", [Email, Username, ExternalId, AccessId, AnyId])
@pytest.mark.parametrize("value", [None, True, 1.5, b"7", ["7"]], ids=repr)
def test_a_reference_that_holds_no_text_is_refused(kind: Any, value: object) -> None:
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
def test_a_reference_that_strangers_typed_names_a_claim_or_is_invalid(kind: Any, text: str) -> None:
    with suppress(Invalid):
        assert b"\0" not in claim_of(kind(text)).key.encode()  # nor is a lone surrogate in it


@pytest.mark.rule("I1")
@given(ids())
def test_an_int_in_range_may_be_a_user(number: int) -> None:
    assert user_id_of(number) == number


@pytest.mark.rule("I1")
@pytest.mark.parametrize("number", [0, -1, LIMIT, 2**63, -(2**63), 10**400], ids=lambda number: str(number)[:9])
def test_an_int_out_of_range_is_nobody(number: int) -> None:
    with pytest.raises(UserNotFound):
        user_id_of(number)


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_names_are_idempotent_over_every_code_point() -> None:
    for character in CHARACTERS:
        key = unique_key(character)
        assert unique_key(key) == key


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_local_parts_are_idempotent_over_every_code_point() -> None:
    for character in CHARACTERS:
        key = email_key(f"{character}@example.com")
        assert email_key(key) == key


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_domains_are_idempotent_over_every_assigned_code_point() -> None:
    for character in filter(is_assigned, CHARACTERS):
        try:
            key = email_key(f"a@{character}.com")
        except ValueError:
            continue
        assert email_key(key) == key
        assert key.isascii()


@pytest.mark.rule("U4")
@given(st.text())
def test_keys_of_names_are_idempotent_over_all_texts(text: str) -> None:
    key = unique_key(text)
    assert unique_key(key) == key == unique_key(normalize("NFD", text))


@pytest.mark.rule("U4")
@given(st.one_of(st.text(), emails(), st.tuples(st.text(), st.text()).map("@".join)))
def test_keys_of_emails_are_idempotent_over_all_texts(text: str) -> None:
    try:
        key = email_key(text)
    except ValueError:
        return
    assert email_key(key) == key


@pytest.mark.rule("U4")
@given(emails())
def test_composed_and_decomposed_emails_have_one_key(text: str) -> None:
    assert email_key(normalize("NFD", text)) == email_key(normalize("NFC", text)) == email_key(text)


@pytest.mark.rule("U4")
@given(usernames())
def test_case_does_not_tell_usernames_apart(text: str) -> None:
    assert unique_key(text.casefold()) == unique_key(text)


@pytest.mark.rule("U4")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ann.Lee+News@Example.COM", "ann.lee+news@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("Straße@example.com", "strasse@example.com"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@例え。jp", "ann@xn--r8jz45g.jp"),
        ("ΣΊΣΥΦΟΣ@example.com", "σίσυφοσ@example.com"),
        ("ａ@example.com", "ａ@example.com"),
        ("a@b@example.com", "a@b@example.com"),
    ],
)
def test_an_email_has_the_key_of_its_kind(text: str, key: str) -> None:
    assert email_key(text) == key


@pytest.mark.rule("U4")
@pytest.mark.parametrize(
    "text", ["ann", "", "ann@exa mple.é", "ann@\u2603\ud800", "ann@.é", f"ann@{'é' * 64}.com"], ids=ascii
)
def test_what_has_no_domain_has_no_key(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - idna's errors are ValueErrors, each with a text of its own
        email_key(text)


@pytest.mark.rule("U4")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ANN", "ann"),
        ("Ａｎｎ", "ann"),
        ("ﬁ", "fi"),
        ("ß", "ss"),
        ("Σς", "σσ"),
        ("İ", "i̇"),
        ("K", "k"),
        ("①", "1"),
        ("ẖ", "ẖ"),
    ],
)
def test_a_name_has_a_key_without_case_and_width(text: str, key: str) -> None:
    assert unique_key(text) == key


@pytest.mark.rule("U5")
@pytest.mark.parametrize(
    ("text", "reason"),
    [("ann", "malformed"), ("ann@é..com", "malformed"), ("a" * 255, "too_long"), ("a\0@b.com", "control_character")],
)
def test_an_email_that_nobody_can_have_is_invalid(text: str, reason: str) -> None:
    assert faults_of(lambda: claim_of_email(text)) == (Fault("email", reason),)


@pytest.mark.rule("U4", "U8")
@given(host_ids())
def test_an_id_of_the_host_is_kept_exactly(text: str) -> None:
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
        ("7\n", "control_character"),
        ("\u0378", "unassigned"),
        ("x" * (EXTERNAL_ID_LIMIT + 1), "too_long"),
        (10**255, "too_long"),
        (-(10**254), "too_long"),
        (1 << 10_000_000, "too_long"),
    ],
    ids=["nothing", "blank", "front", "back", "line end", "unassigned", "text", "integer", "negative", "huge"],
)
def test_an_id_of_the_host_that_cannot_be_kept_is_refused(value: str | int, reason: str) -> None:
    assert faults_of(lambda: host_id(value, field="external_id")) == (Fault("external_id", reason),)


@pytest.mark.rule("U8")
@pytest.mark.parametrize("value", [True, False, None, 7.0, b"7", ["7"]], ids=repr)
def test_an_id_of_the_host_is_text_or_an_integer_and_no_bool(value: object) -> None:
    with pytest.raises(TypeError, match="external_id must be str"):
        host_id(value, field="external_id")
