"""Which new passwords are accepted: one policy, all reasons at once, no composition rules."""

from collections.abc import Sequence
from datetime import timedelta
from math import log2
from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import characters
from usercore.kernel.entity import evolve
from usercore.passwords.errors import PasswordRefused
from usercore.passwords.model import OWN_PREFIX, Credential, PasswordChange, PasswordPolicy
from usercore.passwords.rules import (
    check_strength,
    generate_password,
    is_expired,
    is_personal,
    may_replace,
    prepare,
    screen_password,
)
from usercore.passwords.strength import guesses_of
from usercore.testing import NOON, TICK, FakeRandomness
from usercore.testing.samples import a_credential
from usercore.testing.strategies import credentials, hostile_text

POLICY = PasswordPolicy()
GOOD = "violet tram 7 sleeps"


def reasons(
    password: str, *, policy: PasswordPolicy = POLICY, personal: Sequence[str] = (), host: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return all reasons for which the password is refused, or none."""
    try:
        screened = screen_password(password, policy=policy, personal=personal, host_reasons=host)
        stored = check_strength(screened, policy)
    except PasswordRefused as refusal:
        return refusal.reasons
    assert stored == prepare(password, max_bytes=policy.max_bytes)
    return ()


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "correct horse battery staple",
        "830461957264093",
        "žluťoučký kůň pěl",
        "верблюд ест сено",
        "紫色電車睡覺七點鐘在河邊的樹下",
        "🐫🌊🥁🍋🛶🎈🧵🦉🔭🪁🍇🧊🎻🐚🪜",
        "   v i o l e t   ",
    ],
)
def test_no_class_of_characters_is_required(password: str) -> None:
    assert reasons(password) == ()


@pytest.mark.rule("P2")
def test_fifteen_characters_are_enough_and_fourteen_are_not() -> None:
    assert reasons("viottramsleeps7") == ()
    assert reasons("viottramsleeps") == ("too_short",)


@pytest.mark.rule("P2")
def test_a_policy_may_accept_eight_characters() -> None:
    policy = PasswordPolicy(min_characters=8)
    assert reasons("vk7tq0xw", policy=policy) == ()
    assert reasons("vk7tq0x", policy=policy) == ("too_short", "common")


@pytest.mark.rule("P2")
def test_characters_are_counted_as_they_are_hashed() -> None:
    typed = "e\u0301ščřžýáíéúů-tk"
    assert (len(typed), len(normalize("NFC", typed))) == (15, 14)
    assert "too_short" in reasons(typed)


@pytest.mark.rule("P2")
@pytest.mark.parametrize("unit", ["a", "é", "漢", "😀"])
def test_at_most_1024_bytes_are_accepted(unit: str) -> None:
    longest = unit * (1024 // len(unit.encode()))
    assert prepare(longest, max_bytes=1024) == longest
    assert prepare(longest + unit, max_bytes=1024) is None
    assert reasons(longest + unit) == ("too_long",)


@pytest.mark.rule("P2")
def test_the_bytes_of_the_normalised_form_are_limited_too() -> None:
    assert prepare("\u0958" * 170, max_bytes=1024) == "\u0915\u093c" * 170
    assert prepare("\u0958" * 171, max_bytes=1024) is None
    assert reasons("\u0958" * 171) == ("too_long",)


@pytest.mark.rule("P2")
@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\x1b", "\x7f", "\x85", "\ud800"], ids=ascii)
def test_controls_and_lone_surrogates_are_forbidden(character: str) -> None:
    assert prepare(GOOD + character, max_bytes=1024) is None
    assert reasons(GOOD + character) == ("forbidden",)


@pytest.mark.rule("P2")
def test_every_unicode_space_becomes_a_plain_space() -> None:
    spaces = [character for character in characters() if category(character) == "Zs"]
    assert len(spaces) >= 17
    assert {prepare(f"a{space}b", max_bytes=9) for space in spaces} == {"a b"}


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("e\u0301", "é"),
        (" É ", " É "),
        ("ａ", "ａ"),
        ("ﬁ", "ﬁ"),
        ("Ⅷ", "Ⅷ"),
        ("Ω", "Ω"),
        ("", ""),
        ("\u200d\u202e", "\u200d\u202e"),
    ],
    ids=ascii,
)
def test_a_password_is_normalised_by_nfc_only(typed: str, kept: str) -> None:
    assert prepare(typed, max_bytes=99) == kept


@pytest.mark.rule("P2")
@given(st.one_of(st.text(), hostile_text()))
def test_preparing_a_password_twice_changes_nothing_more(text: str) -> None:
    kept = prepare(text, max_bytes=1024)
    assert kept is None or prepare(kept, max_bytes=1024) == kept
    assert kept is None or len(kept.encode()) <= 1024


@pytest.mark.rule("P2")
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40))
def test_composed_and_decomposed_forms_are_one_password(text: str) -> None:
    assert prepare(normalize("NFD", text), max_bytes=1024) == prepare(text, max_bytes=1024)


@pytest.mark.rule("P2")
@given(hostile_text())
def test_every_text_is_accepted_or_refused_for_a_known_reason(text: str) -> None:
    known = {"too_short", "too_long", "common", "personal", "forbidden"}
    assert set(reasons(text, personal=("hostile",))) <= known


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "123456789012345", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaaaaaa", "p@ssw0rdp@ssw0rd", "a" * 1024],
)
def test_a_common_password_is_refused(password: str) -> None:
    assert reasons(password) == ("common",)


@pytest.mark.rule("P2")
def test_fewer_guesses_than_the_policy_asks_for_are_common() -> None:
    guesses = int(guesses_of(GOOD))
    assert reasons(GOOD, policy=PasswordPolicy(min_guesses=guesses)) == ()
    assert reasons(GOOD, policy=PasswordPolicy(min_guesses=guesses + 1)) == ("common",)


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("annabel.lee-poe", "Annabel.Lee-Poe"),
        ("ANNABEL.LEE@EXAMPLE.COM", "annabel.lee@example.com"),
        ("xX annabellee 42", "Annabellee"),
        ("annabelannabel!", "annabel"),
        ("STRASSE strasse", "straße"),
    ],
)
def test_a_password_made_of_a_name_is_personal(password: str, word: str) -> None:
    assert "personal" in reasons(password, personal=["another", word])


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    ("password", "word"), [(GOOD, "Annabel"), (GOOD, "violet"), ("ann 7 tram sleeps", "Ann"), (GOOD, "")]
)
def test_a_password_that_merely_contains_a_name_is_accepted(password: str, word: str) -> None:
    assert reasons(password, personal=[word]) == ()


@pytest.mark.rule("P2")
@given(st.integers(0, 14))
def test_a_password_is_personal_if_less_than_half_of_the_length_remains(rest: int) -> None:
    password = "annabel" + "#" * rest
    assert is_personal(password, ["annabel"], min_characters=15) == (rest < 7)


@pytest.mark.rule("P2")
def test_all_reasons_are_reported_at_once() -> None:
    assert set(reasons("annabel", personal=["annabel"], host=["breached", "old"])) == {
        "breached",
        "old",
        "too_short",
        "personal",
        "common",
    }


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    ("password", "reason"), [("x" * 1025, "too_long"), (GOOD + "\0", "forbidden")], ids=["long", "forbidden"]
)
def test_the_hosts_reasons_are_reported_beside_too_long_and_forbidden(password: str, reason: str) -> None:
    assert reasons(password, host=["breached"]) == ("breached", reason)


@pytest.mark.rule("P2")
def test_a_host_may_refuse_a_password_that_the_policy_accepts() -> None:
    assert reasons(GOOD, host=["breached"]) == ("breached",)


@pytest.mark.rule("R6")
@given(st.text())
def test_a_generated_password_is_accepted_and_hard_to_guess(seed: str) -> None:
    drawn = generate_password(POLICY, FakeRandomness(seed)).reveal()
    assert len(drawn) == 20
    assert drawn.isascii()
    assert drawn.isalnum()
    assert reasons(drawn) == ()
    assert len(drawn) * log2(62) > 119


@pytest.mark.rule("R6")
@pytest.mark.parametrize(("after", "is_over"), [(-TICK, False), (timedelta(0), True), (TICK, True)])
def test_a_temporary_password_expires_at_its_instant(after: timedelta, is_over: bool) -> None:  # noqa: FBT001 - an outcome
    assert is_expired(a_credential(expires_at=NOON), now=NOON + after) is is_over


@pytest.mark.rule("P2")
def test_a_password_without_expiry_never_expires() -> None:
    assert not is_expired(a_credential(expires_at=None), now=NOON + timedelta(days=100_000))


@pytest.mark.rule("P2")
def test_a_refusal_does_not_show_the_password() -> None:
    with pytest.raises(PasswordRefused) as refusal:
        screen_password("annabel", policy=POLICY, personal=["annabel"])
    assert "annabel" not in f"{refusal.value} {refusal.value!r}"


@pytest.mark.rule("P8", "R7")
@given(credentials(), st.sampled_from(["$2b$imported", OWN_PREFIX + "rehashed"]), st.booleans())
def test_an_import_replaces_only_an_imported_hash_that_was_not_rehashed(
    credential: Credential,
    present: str,
    is_same: bool,  # noqa: FBT001 - generated
) -> None:
    stored = evolve(credential, hash=present)
    may = may_replace(stored, present if is_same else "$2b$newer")
    is_unused = stored.reason is PasswordChange.IMPORT and not present.startswith(OWN_PREFIX)
    assert may == (is_unused and not is_same)
    assert may_replace(None, present)
