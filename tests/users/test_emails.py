"""Which emails are accepted, and how they are normalised."""

from contextlib import suppress
from unicodedata import category, is_normalized

import pytest
from hypothesis import given

from tests.helpers import characters, fault_of, faults_of
from tests.profiles import some
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.unicode14_scripts import is_ignorable
from usercore.testing.strategies import emails
from usercore.users.emails import clean_email
from usercore.users.keys import claim_of_email, email_key
from usercore.users.model import EmailPolicy

ANN = "ann@example.com"
LONGEST_DOMAIN = ".".join(["d" * 61] * 3 + ["com"])


@pytest.mark.rule("U5")
@given(emails())
def test_an_email_is_stored_in_a_spelling_with_the_same_key(typed: str) -> None:
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
def test_an_email_of_any_script_is_accepted(typed: str, kept: str) -> None:
    assert clean_email(typed) == kept


MALFORMED = (
    ANN[:3],
    "@example.com",
    "ann@",
    "ann@@example.com",
    "a@b@example.com",
    "ann@example",
    "ann@192.0.2.7",
    "ann@[192.0.2.7]",
    "ann lee@example.com",
    '"ann lee"@example.com',
    "ann(lee)@example.com",
    "Ann <ann@example.com>",
    "ann@example.com, bob@example.com",
    "ann@example.com bob@example.com",
    "mailto:ann@example.com",
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
    f"{'ü' * 33}@example.com",
    f"a{'ü' * 32}@example.com",
    f"{'漢' * 22}@example.com",
    f"ann@{'d' * 64}.com",
)


@pytest.mark.rule("U5")
@pytest.mark.parametrize("text", MALFORMED, ids=ascii)
def test_a_text_that_is_not_one_plain_address_is_malformed(text: str) -> None:
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
def test_an_invalid_email_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert faults_of(lambda: clean_email(text)) == (FieldError("email", reason),)


WHITE_SPACE = (" ", "\t", "\n", "\r\n", "\x85", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000")


@pytest.mark.rule("U4")
@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
def test_white_space_at_the_ends_of_an_email_is_removed(space: str) -> None:
    assert clean_email(f"{space}Ann@EXAMPLE.com{space * 3}") == "Ann@example.com"
    assert claim_of_email(f"{space * 3}Ann@EXAMPLE.com{space}") == claim_of_email(ANN)


@pytest.mark.rule("U4", "U5")
@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
def test_white_space_inside_an_email_is_refused(space: str) -> None:
    for text in (f"an{space}n@example.com", f"ann@exam{space}ple.com", f"ann{space}@example.com"):
        assert fault_of(lambda text=text: clean_email(text)).reason in {"malformed", "control_character"}  # type: ignore[misc]  # mypy cannot infer lambdas with defaults


@pytest.mark.rule("U5")
@pytest.mark.parametrize("local", ["a" * 64, "ü" * 32, "漢" * 21, "א" * 32])
def test_a_local_part_has_at_most_64_octets(local: str) -> None:
    assert clean_email(f"{local}@example.com") == f"{local}@example.com"


SPECIAL = (
    "ann@corp.local",
    "ann@CORP.Local",
    "ann@shop.test",
    "ann@test",
    "ann@localhost",
    "ann@mail.localhost",
    "ann@shop.invalid",
    "ann@shop.onion",
    "ann@10.in-addr.arpa",
    "иван@почта.local",
    "ann@xn--bcher-kva.test",
)


@pytest.mark.rule("U5")
@pytest.mark.parametrize("text", SPECIAL)
def test_a_special_use_domain_is_refused_with_its_own_reason(text: str) -> None:
    assert faults_of(lambda: clean_email(text)) == (FieldError("email", "special_domain"),)


@pytest.mark.rule("U5")
@pytest.mark.parametrize(
    ("text", "listed", "kept"),
    [
        ("ann@CORP.Local", "local", "ann@corp.local"),
        ("ann@corp.local", "CORP.local", "ann@corp.local"),
        ("ann@mail.corp.local", "corp.local", "ann@mail.corp.local"),
        ("ann@localhost", "localhost", "ann@localhost"),
        ("ann@xn--bcher-kva.test", "BÜCHER.test", "ann@bücher.test"),
        (" ann@shop.test ", "shop.test", "ann@shop.test"),
    ],
)
def test_a_special_use_domain_that_the_policy_lists_is_admitted_with_its_subdomains(
    text: str, listed: str, kept: str
) -> None:
    policy = EmailPolicy(special_domains=frozenset({listed}))
    assert clean_email(text, policy) == kept
    assert clean_email(kept, policy) == kept


@pytest.mark.rule("U5")
@pytest.mark.parametrize("text", ["ann@local", "ann@corp.local", "ann@notshop.test", "ann@shop.test.local"])
def test_a_special_use_domain_that_is_not_listed_stays_refused(text: str) -> None:
    policy = EmailPolicy(special_domains=frozenset({"shop.test", "mail.corp.local"}))
    assert faults_of(lambda: clean_email(text, policy)) == (FieldError("email", "special_domain"),)


@pytest.mark.rule("U5")
@pytest.mark.parametrize("text", ["ann lee@shop.test", "ann@-shop.test", "ann@shop..test", "@localhost", "a@b"])
def test_a_listed_domain_admits_no_other_syntax(text: str) -> None:
    policy = EmailPolicy(special_domains=frozenset({"test", "localhost", "b"}))
    assert faults_of(lambda: clean_email(text, policy)) == (FieldError("email", "malformed"),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize(
    ("local", "reason"),
    [
        ("аnn", "mixed_scripts"),  # the first character is Cyrillic
        ("ann.иван", "mixed_scripts"),
        ("annα", "mixed_scripts"),
        ("иванov+news", "mixed_scripts"),
        ("ann+иvan", "mixed_scripts"),
        ("ひ한", "mixed_scripts"),
        ("jo\u0483hn", "mixed_scripts"),  # a Cyrillic mark
        *((f"an{blank}n", "forbidden_character") for blank in ("\u3164", "\uffa0", "\u115f", "\u17b4", "\u2800")),
        *((f"an{mark}n", "forbidden_character") for mark in ("\u034f", "\u180b", "\ufe0f", "\U000e0100", "\U0001d159")),
        *((f"an{symbol}n", "forbidden_character") for symbol in ("’", "·", "€", "😀", "²", "\U00016fe4")),
    ],
    ids=ascii,
)
def test_a_local_part_that_looks_like_another_is_refused(local: str, reason: str) -> None:
    assert faults_of(lambda: clean_email(f"{local}@example.com")) == (FieldError("email", reason),)


@pytest.mark.rule("U7")
@pytest.mark.parametrize(
    "local", ["東京タワーへ", "韓國말", "注音ㄅㄆ", "иван.петров+новости", "Щукина+news78", "o'brien", "हिन्दी"]
)
def test_a_local_part_of_one_script_is_accepted_and_its_tag_may_be_of_another(local: str) -> None:
    assert clean_email(f"{local}@example.com") == f"{local}@example.com"


@pytest.mark.slow
@pytest.mark.rule("U7")
def test_a_local_part_accepts_only_visible_alphanumeric_code_points_and_marks() -> None:
    for character in some(filter(str.isprintable, characters()), 3):
        with suppress(Invalid):
            local = clean_email(f"a{character}@example.com").rpartition("@")[0]
            assert all(part.isascii() or category(part)[0] in "LM" or category(part) == "Nd" for part in local)
            assert not any(map(is_ignorable, local))


@pytest.mark.rule("U5")
def test_an_email_has_at_most_254_characters() -> None:
    longest = f"{'a' * 64}@{LONGEST_DOMAIN}"
    assert len(longest) == 254
    assert clean_email(longest) == longest
    assert faults_of(lambda: clean_email(f"{'a' * 64}@d{LONGEST_DOMAIN}")) == (FieldError("email", "too_long"),)
