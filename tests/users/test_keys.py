"""Keys distinguish identifiers, and the key of a key is the key itself."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import characters
from tests.profiles import some
from usercore.kernel.text import unique_key
from usercore.kernel.unicode14 import is_assigned
from usercore.testing.strategies import emails, usernames
from usercore.users.keys import email_key

ANN = "ann@example.com"


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_names_are_idempotent_over_every_code_point() -> None:
    for character in characters():
        key = unique_key(character)
        assert unique_key(key) == key


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_local_parts_are_idempotent_over_every_code_point() -> None:
    for character in characters():
        key = email_key(f"{character}@example.com")
        assert email_key(key) == key


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_keys_of_domains_are_idempotent_over_every_assigned_code_point() -> None:
    for character in some(filter(is_assigned, characters()), 3):
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
def test_usernames_that_differ_in_case_have_one_key(text: str) -> None:
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
def test_an_email_without_a_domain_has_no_key(text: str) -> None:
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
def test_the_key_of_a_name_ignores_case_and_width(text: str, key: str) -> None:
    assert unique_key(text) == key
