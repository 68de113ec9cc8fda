"""Which emails are taken, and in which spelling they are kept."""

from unicodedata import is_normalized

import pytest
from hypothesis import given

from tests.helpers import faults_of
from usercore.kernel.errors import FieldError
from usercore.kernel.references import email_key
from usercore.testing.strategies import emails
from usercore.users.emails import clean_email

ANN = "ann@example.com"
LONGEST_DOMAIN = ".".join(["d" * 61] * 3 + ["com"])


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
    assert faults_of(lambda: clean_email(text)) == (FieldError("email", "malformed"),)


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
    assert faults_of(lambda: clean_email(text)) == (FieldError("email", reason),)


@pytest.mark.rule("U5")
def test_an_email_has_at_most_254_characters() -> None:
    longest = f"{'a' * 64}@{LONGEST_DOMAIN}"
    assert len(longest) == 254
    assert clean_email(longest) == longest
    assert faults_of(lambda: clean_email(f"{'a' * 64}@d{LONGEST_DOMAIN}")) == (FieldError("email", "too_long"),)
