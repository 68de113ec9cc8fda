"""Which usernames are accepted: one script, nothing invisible, and no email of another user."""

from unicodedata import category, normalize

import pytest
from hypothesis import given

from tests.helpers import characters, faults_of
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.text import unique_key
from usercore.kernel.unicode14_scripts import is_ignorable
from usercore.testing.strategies import usernames
from usercore.users.characters import is_one_script
from usercore.users.keys import claim_of_name
from usercore.users.usernames import clean_username

ANN = "ann@example.com"


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
def test_a_username_of_one_script_is_accepted_unchanged(text: str) -> None:
    assert clean_username(text, email=None) == text


@pytest.mark.rule("U7")
@given(usernames())
def test_a_username_is_stored_in_nfc_and_accepted_again(typed: str) -> None:
    kept = clean_username(typed, email=ANN)
    assert kept == normalize("NFC", typed)
    assert clean_username(kept, email=None) == kept


@pytest.mark.rule("U7")
def test_white_space_at_the_ends_of_a_username_is_removed() -> None:
    assert clean_username("\u3000 ann ", email=None) == "ann"
    assert clean_username("\n\u2028ann\r\n\t", email=None) == "ann"
    assert claim_of_name("\u3000 ann\n") == claim_of_name("ann")
    assert clean_username(f" {ANN}\n", email=ANN) == ANN


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
        ("an\U00016fe4n", "forbidden_character"),
        ("ﷺ", "forbidden_character"),  # its compatibility form has spaces
        ("аnn", "mixed_scripts"),
        ("annα", "mixed_scripts"),
        ("Ωhm", "mixed_scripts"),
        ("ann한", "mixed_scripts"),
        ("東京tokyo", "mixed_scripts"),
        ("漢ひ한", "mixed_scripts"),
        ("ひㄅ", "mixed_scripts"),
        ("ann٣", "mixed_scripts"),
        ("jo\u0483hn", "mixed_scripts"),
        ("𝐚нн", "mixed_scripts"),
        ("ߊann", "mixed_scripts"),
    ],
    ids=lambda text: ascii(text[:9]),
)
def test_an_invalid_username_is_refused(text: str, reason: str) -> None:
    assert faults_of(lambda: clean_username(text, email=None)) == (FieldError("username", reason),)


@pytest.mark.slow
@pytest.mark.rule("U7", "U3")
def test_a_username_accepts_only_alphanumeric_code_points_marks_and_some_punctuation() -> None:
    for character in characters():
        try:
            kept = clean_username(character, email=None)
        except Invalid:
            continue
        for part in kept + normalize("NFKC", kept):
            assert part in "._-+" or category(part)[0] in "LM" or category(part) == "Nd"
            assert not is_ignorable(part)
            assert not part.isspace()
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
def test_a_username_with_an_at_sign_may_be_the_email_of_its_user(typed: str, email: str, kept: str) -> None:
    assert clean_username(typed, email=email) == kept


@pytest.mark.rule("U7")
@pytest.mark.parametrize("email", [None, "bob@example.com"])
@pytest.mark.parametrize(
    "text", [ANN, "@", "a@", "@a", "a@@b", "ann@exam\u00adple.com", f"{'a' * 240}@example.com"], ids=ascii
)
def test_a_username_with_an_at_sign_that_is_not_the_email_of_its_user_is_refused(text: str, email: str | None) -> None:
    assert faults_of(lambda: clean_username(text, email=email)) == (FieldError("username", "not_own_email"),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize("text", ["ann@exam\u00adple.com", "ann @example.com", "ann@example.com."], ids=ascii)
def test_an_invisible_character_is_refused_even_within_the_own_email(text: str) -> None:
    assert faults_of(lambda: clean_username(text, email=ANN)) == (FieldError("username", "not_own_email"),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize("text", ["ann1._-", "ʰa", "µΩ", "K", "ｱア", "ー々漢", "\u0301", "", "123"], ids=ascii)
def test_compatibility_forms_marks_and_digits_belong_to_their_script(text: str) -> None:
    assert is_one_script(text)
