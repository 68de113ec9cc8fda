"""Identifiers: which emails, usernames and ids are taken, and the keys that a user holds by them."""

import sys
from collections.abc import Callable
from typing import Any
from unicodedata import category, is_normalized, normalize
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from usercore.kernel.errors import Fault, Invalid
from usercore.kernel.references import (
    AccessId,
    AnyId,
    Email,
    ExternalId,
    Space,
    Use,
    Username,
    claim_of,
    email_key,
    unique_key,
)
from usercore.testing.samples import a_user
from usercore.testing.strategies import emails, host_ids, usernames, users
from usercore.users.identifiers import (
    claims_of,
    clean_email,
    clean_slots,
    clean_username,
    field_of,
    in_order,
    is_one_script,
    names_email,
    next_access_ids,
    username_key,
)
from usercore.users.model import NO_ACCESS_IDS, AccessIds, User

ANN = "ann@example.com"
LONGEST_DOMAIN = ".".join(["d" * 61] * 3 + ["com"])


def faults_of(call: Callable[[], object]) -> tuple[Fault, ...]:
    """Give the faults for which the call refuses."""
    with pytest.raises(Invalid) as refusal:
        call()
    return refusal.value.faults


@pytest.mark.rule("U5")
@given(emails())
def test_an_email_is_kept_in_a_spelling_of_the_same_key(typed: str) -> None:
    kept = clean_email(typed)
    assert email_key(kept) == email_key(typed)
    assert clean_email(kept) == kept
    assert is_normalized("NFC", kept)
    assert len(kept) <= 254
    assert kept.rpartition("@")[2] == kept.rpartition("@")[2].lower()


@pytest.mark.rule("U5")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann.Lee+News@EXAMPLE.com", "Ann.Lee+News@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("1@example.com", "1@example.com"),
        ("ann@BÜCHER.example.com", "ann@bücher.example.com"),
        ("ann@xn--bcher-kva.example.com", "ann@bücher.example.com"),
        ("иван@почта.рф", "иван@почта.рф"),
        ("用户@例え.jp", "用户@例え.jp"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        (f"a@{LONGEST_DOMAIN}", f"a@{LONGEST_DOMAIN}"),
    ],
)
def test_an_email_of_any_script_is_taken(typed: str, kept: str) -> None:
    assert clean_email(typed) == kept


MALFORMED = (
    ANN[:3],
    "@example.com",
    "ann@",
    "ann@@example.com",
    "a@b@example.com",
    "ann@example",
    "ann@localhost",
    "ann@192.0.2.7",
    "ann@[192.0.2.7]",
    "ann lee@example.com",
    '"ann lee"@example.com',
    "ann(lee)@example.com",
    "Ann <ann@example.com>",
    "ann@example.com, bob@example.com",
    "ann@example.com bob@example.com",
    "mailto:ann@example.com",
    " ann@example.com",
    "ann@example.com ",
    ".ann@example.com",
    "ann.@example.com",
    "ann..lee@example.com",
    "ann@.example.com",
    "ann@example.com.",
    "ann@example..com",
    "ann@-example.com",
    "ann@exa_mple.com",
    "ann@exam\u00adple.com",
    "ann@xn--a.com",
    "ann\u200b@example.com",
    "ann@ex\u200bample.com",
    f"{'a' * 65}@example.com",
    f"ann@{'d' * 64}.com",
)


@pytest.mark.rule("U5")
@pytest.mark.parametrize("text", MALFORMED, ids=ascii)
def test_what_is_not_one_plain_address_is_malformed(text: str) -> None:
    assert faults_of(lambda: clean_email(text)) == (Fault("email", "malformed"),)


@pytest.mark.rule("U4", "U5")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("a\u0378@example.com", "unassigned"),
        ("a\0@example.com", "control_character"),
        ("a\u202e@example.com", "direction_mark"),
    ],
    ids=ascii,
)
def test_an_email_that_cannot_be_kept_says_why(text: str, reason: str) -> None:
    assert faults_of(lambda: clean_email(text)) == (Fault("email", reason),)


@pytest.mark.rule("U5")
def test_an_email_has_at_most_254_characters() -> None:
    longest = f"{'a' * 64}@{LONGEST_DOMAIN}"
    assert len(longest) == 254
    assert clean_email(longest) == longest
    assert faults_of(lambda: clean_email(f"{'a' * 64}@d{LONGEST_DOMAIN}")) == (Fault("email", "too_long"),)


USERNAMES = (
    "ann.lee-2_x+y",
    "0",
    "a" * 256,
    "José",
    "Ωμέγα",
    "Иван.Петров",
    "אבג",
    "عربي٣",
    "हिन्दी",
    "ภาษาไทย",
    "한국어",
    "韓國말",
    "東京タワーへ",
    "山々",
    "注音ㄅㄆ",
    "ａｎｎ",
    "ﬁn",
    "𝒜𝓃𝓃",
    "...",
)


@pytest.mark.rule("U7")
@pytest.mark.parametrize("text", USERNAMES, ids=lambda text: text[:9])
def test_a_username_of_one_script_is_taken_as_it_is(text: str) -> None:
    assert clean_username(text, email=None) == text


@pytest.mark.rule("U7")
@given(usernames())
def test_a_username_is_kept_in_nfc_and_comes_in_again(typed: str) -> None:
    kept = clean_username(typed, email=ANN)
    assert kept == normalize("NFC", typed)
    assert clean_username(kept, email=None) == kept


@pytest.mark.rule("U7")
def test_a_username_loses_white_space_at_its_ends() -> None:
    assert clean_username("\u3000 ann ", email=None) == "ann"


@pytest.mark.rule("U7")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \u00a0", "empty"),
        ("a" * 257, "too_long"),
        ("ann\u0378", "unassigned"),
        ("ann\0", "control_character"),
        *((f"ann{character}", "direction_mark") for character in "\u061c\u200e\u200f\u202e\u2066\u2069"),
        *(
            (f"an{character}n", "forbidden_character")
            for character in " \u00a0\u3000/\\'\"<>:;,!#$%&*=?^`{|}~()[]²½Ⅷ€😀‿"
        ),
        *((f"an{character}n", "forbidden_character") for character in "\u00ad\u200b\u200c\u200d\u2060\ufeff\U000e0041"),
        *(
            (f"an{character}n", "forbidden_character")
            for character in "\u034f\u115f\u1160\u17b4\u180b\u180e\u3164\ufe0f\uffa0\U000e0100"
        ),
        ("ﷺ" * 20, "forbidden_character"),
        ("аnn", "mixed_scripts"),
        ("annα", "mixed_scripts"),
        ("Ωhm", "mixed_scripts"),
        ("ann한", "mixed_scripts"),
        ("東京tokyo", "mixed_scripts"),
        ("漢ひ한", "mixed_scripts"),
        ("ひㄅ", "mixed_scripts"),
    ],
    ids=lambda text: ascii(text[:9]),
)
def test_another_username_is_refused(text: str, reason: str) -> None:
    assert faults_of(lambda: clean_username(text, email=None)) == (Fault("username", reason),)


@pytest.mark.slow
@pytest.mark.rule("U7", "U3")
def test_of_all_code_points_only_letters_marks_digits_and_five_signs_are_taken() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        try:
            kept = clean_username(character, email=None)
        except Invalid:
            continue
        assert all(part in "._-+" or category(part)[0] in "LM" or category(part) == "Nd" for part in kept)
        assert "@" not in unique_key(kept)  # or it could be another user's email


@pytest.mark.rule("U7")
@pytest.mark.parametrize(
    ("typed", "email", "kept"),
    [
        (ANN, ANN, ANN),
        ("ANN@EXAMPLE.COM", ANN, "ANN@example.com"),
        ("ann@xn--bcher-kva.example", "ann@BÜCHER.example", "ann@bücher.example"),
    ],
)
def test_a_username_with_an_at_sign_is_its_users_email(typed: str, email: str, kept: str) -> None:
    assert clean_username(typed, email=email) == kept


@pytest.mark.rule("U7")
@pytest.mark.parametrize("email", [None, "bob@example.com"])
@pytest.mark.parametrize(
    "text", [ANN, "@", "a@", "@a", "a@@b", "ann@exam\u00adple.com", f"{'a' * 240}@example.com"], ids=ascii
)
def test_a_username_with_an_at_sign_is_nobody_elses(text: str, email: str | None) -> None:
    assert faults_of(lambda: clean_username(text, email=email)) == (Fault("username", "not_own_email"),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize("text", ["ann@exam\u00adple.com", "ann @example.com", "ann@example.com."], ids=ascii)
def test_not_even_the_own_email_brings_an_invisible_character_in(text: str) -> None:
    assert faults_of(lambda: clean_username(text, email=ANN)) == (Fault("username", "not_own_email"),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize("text", ["ann1._-", "ʰa", "µΩ", "K", "ｱア", "ー々漢", "\u0301", "", "123"], ids=ascii)
def test_compatibility_forms_marks_and_digits_go_with_their_script(text: str) -> None:
    assert is_one_script(text)


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
def test_access_ids_come_as_a_list_or_by_slot(typed: object, slots: dict[int, str | None]) -> None:
    assert clean_slots(typed) == slots


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    ("typed", "faults"),
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
def test_access_ids_that_cannot_be_kept_are_refused_all_at_once(typed: object, faults: list[tuple[str, str]]) -> None:
    assert faults_of(lambda: clean_slots(typed)) == tuple(Fault(*fault) for fault in faults)


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    "value", [None, 7, "7", "abcd", b"abcd", {"a"}, {"1": "a"}, {True: "a"}, [True], [["a"]], [b"a"], [1.5]], ids=repr
)
def test_access_ids_of_another_form_are_the_programmers_fault(value: object) -> None:
    with pytest.raises(TypeError, match="access_ids"):
        clean_slots(value)


ACCESS_IDS: st.SearchStrategy[AccessIds] = st.permutations(["a", "b", "c", "d"]).flatmap(
    lambda texts: st.tuples(*(st.sampled_from((text, None)) for text in texts))
)
NAMED_SLOTS = st.dictionaries(st.integers(1, 4), st.one_of(st.none(), host_ids(), st.sampled_from("abcd")), min_size=1)


@pytest.mark.rule("U9")
@given(ACCESS_IDS, NAMED_SLOTS)
def test_named_slots_are_replaced_and_the_others_kept(present: AccessIds, slots: dict[int, str | None]) -> None:
    wanted = [slots.get(slot, text) for slot, text in enumerate(present, start=1)]
    typed = [text for text in wanted if text is not None]
    if len(set(typed)) == len(typed):
        assert list(next_access_ids(present, slots)) == wanted
    else:
        assert faults_of(lambda: next_access_ids(present, slots)) == (Fault("access_ids", "repeated"),)


@pytest.mark.rule("U9")
def test_an_id_moves_to_another_slot_in_one_call() -> None:
    assert next_access_ids(("a", "b", None, None), {1: "b", 2: "a"}) == ("b", "a", None, None)
    assert faults_of(lambda: next_access_ids(("a", None, None, None), {2: "a"})) == (Fault("access_ids", "repeated"),)


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
    if user.brought_uuid is not None:
        assert claims[Space.UUID, str(user.brought_uuid)] == Use.UUID


@pytest.mark.rule("U3")
@given(ACCESS_IDS)
def test_each_access_id_is_found_in_its_slot(access_ids: AccessIds) -> None:
    claims = claims_of(a_user(external_id=None, access_ids=access_ids))
    for text, use in zip(access_ids, (Use.ACCESS_1, Use.ACCESS_2, Use.ACCESS_3, Use.ACCESS_4), strict=True):
        assert text is None or claims[Space.EXTERNAL, claim_of(AccessId(text)).key] == use


@pytest.mark.rule("U3")
def test_one_key_in_several_uses_is_one_claim() -> None:
    user = a_user(
        email="Ann@example.com",
        username="ANN@example.com",
        external_id="7",
        access_ids=(None, "7", None, "8"),
        brought_uuid=None,
    )
    assert claims_of(user) == {
        (Space.LOGIN, ANN): Use.EMAIL | Use.USERNAME,
        (Space.EXTERNAL, "7"): Use.EXTERNAL_ID | Use.ACCESS_2,
        (Space.EXTERNAL, "8"): Use.ACCESS_4,
    }


@pytest.mark.rule("U3")
def test_who_has_no_identifiers_claims_nothing() -> None:
    user = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, brought_uuid=None)
    assert claims_of(user) == {}


@pytest.mark.rule("U3")
@given(usernames(), emails())
def test_no_username_is_another_users_email(username: str, email: str) -> None:
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
def test_keys_are_taken_in_one_order_by_everybody(user: User) -> None:
    claims = claims_of(user)
    assert in_order(claims) == in_order(reversed(claims)) == sorted(claims)


@pytest.mark.rule("U3")
@pytest.mark.parametrize(
    ("uses", "field"),
    [
        (Use.EMAIL | Use.USERNAME, "email"),
        (Use.USERNAME, "username"),
        (Use.EXTERNAL_ID | Use.ACCESS_3, "external_id"),
        (Use.ACCESS_1, "access_ids"),
        (Use.ACCESS_4, "access_ids"),
        (Use.UUID, "uuid"),
    ],
)
def test_a_taken_key_is_told_as_the_weightiest_field(uses: Use, field: str) -> None:
    assert field_of(uses) == field


@pytest.mark.rule("I2")
def test_a_uuid_is_claimed_as_it_is_written() -> None:
    uuid = UUID("8A1F1B70-7D3E-4A7C-9A55-0D3B5B1F2C11")
    user = a_user(email=None, username=None, external_id=None, access_ids=NO_ACCESS_IDS, brought_uuid=uuid)
    assert claims_of(user) == {(Space.UUID, "8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11"): Use.UUID}
