"""Text is checked by its length first, then by its characters, and is normalised to NFC."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, NoReturn
from unicodedata import bidirectional, category, is_normalized, normalize

import pytest
from hypothesis import given

from tests.helpers import characters, fault_of
from usercore.kernel.countries import clean_country
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.preferences import clean_language
from usercore.kernel.text import (
    DIRECTION_MARKS,
    FieldErrors,
    check_assigned,
    check_text,
    check_type,
    clean_exact,
    clean_fields,
    clean_line,
    clean_optional,
)
from usercore.kernel.unset import UNSET
from usercore.passwords.rules import prepare
from usercore.tenants.rules import clean_tenant_name, clean_time_zone
from usercore.testing.strategies import hostile_text
from usercore.users.emails import clean_email
from usercore.users.fields import clean_note, clean_source
from usercore.users.keys import claim_of_email, claim_of_name, host_id
from usercore.users.usernames import clean_username

Door = Callable[[object], object]

DOORS: dict[str, Door] = {
    "text": lambda value: check_text(value, field="x", most=255),
    "line": lambda value: clean_line(value, field="x", most=255),
    "optional": lambda value: clean_optional(value, field="x", most=255),
    "exact": lambda value: clean_exact(value, field="x", most=255),
    "host id": lambda value: host_id(value, field="x"),
    "source": clean_source,
    "note": clean_note,
    "email": clean_email,
    "username": lambda value: clean_username(value, email=None),
    "language": clean_language,
    "tenant name": lambda value: clean_tenant_name(value, field="x"),
    "time zone": clean_time_zone,
    "country": clean_country,
}
LOOK_UPS: dict[str, Door] = {"email claim": claim_of_email, "username claim": claim_of_name}

TOO_LONG = {"marks": "e" + "\u0301" * 400_000, "letters": "x" * 10_000_000}


class Unread(str):
    """A text that supports ``len`` and nothing else."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> object:
        if name == "__class__":
            return type(self)
        msg = f"{name} of a text that is too long"
        raise AssertionError(msg)

    def __iter__(self) -> NoReturn:
        msg = "a text that is too long was read"
        raise AssertionError(msg)


def reason_of(call: Callable[[], object]) -> str:
    """Return the one reason for which the call refuses."""
    return fault_of(call).reason


def expected(character: str) -> str | None:
    """Return why a character is refused, according to its Unicode properties."""
    if category(character) == "Cs":
        return "not_unicode"
    if category(character) in ("Cc", "Zl", "Zp"):
        return "control_character"
    controls_direction = bidirectional(character) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    return "direction_mark" if controls_direction or character in "\u061c\u200e\u200f" else None


@pytest.mark.slow
@pytest.mark.rule("U1")
def test_every_code_point_is_refused_for_its_reason_or_normalised_to_nfc() -> None:
    for character in characters():
        reason = expected(character)
        if reason is None:
            assert check_text(character, field="x", most=9) == normalize("NFC", character)
        else:
            assert reason_of(lambda text=f"a{character}b": check_text(text, field="x", most=9)) == reason  # type: ignore[misc]  # mypy cannot infer lambdas with defaults


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    "character", ["\0", "\x1f", "\x7f", "\x85", "\u2028", "\ud800", *sorted(DIRECTION_MARKS)], ids=ascii
)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_no_text_function_accepts_unstorable_or_unprintable_characters(door: Door, character: str) -> None:
    assert reason_of(lambda: door(f"ab{character}cd")) == expected(character)


@pytest.mark.rule("U1", "U5", "U7")
@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG)
@pytest.mark.parametrize("door", [*DOORS.values(), *LOOK_UPS.values()], ids=[*DOORS, *LOOK_UPS])
def test_a_text_that_is_too_long_is_refused_unread(door: Door, text: str) -> None:
    assert reason_of(lambda: door(Unread(text))) == "too_long"


@pytest.mark.rule("P2")
@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG)
def test_a_password_that_is_too_long_is_refused_unread(text: str) -> None:
    assert prepare(Unread(text), max_bytes=1024) is None


@pytest.mark.rule("U1")
@pytest.mark.parametrize("door", [*DOORS.values(), *LOOK_UPS.values()], ids=[*DOORS, *LOOK_UPS])
@given(text=hostile_text())
def test_an_accepted_text_is_accepted_again_unchanged(door: Door, text: str) -> None:
    with suppress(Invalid):
        kept = door(text)
        if isinstance(kept, str):
            assert is_normalized("NFC", kept)
            assert door(kept) == kept


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    "value", [7, 7.5, b"x", ["x"], {"x": 1}, True, object()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("door", [*DOORS.values(), *LOOK_UPS.values()], ids=[*DOORS, *LOOK_UPS])
def test_a_value_that_is_not_a_string_raises_type_error(door: Door, value: object) -> None:
    is_id = type(value) is int and door is DOORS["host id"]
    with nullcontext() if is_id else pytest.raises(TypeError):
        door(value)


@pytest.mark.rule("U1")
def test_line_ends_and_tabs_are_accepted_in_multi_line_text() -> None:
    text = "one\r\n\ttwo"
    assert check_text(text, field="x", most=9, several_lines=True) == text
    assert reason_of(lambda: check_text(text, field="x", most=9)) == "control_character"
    assert reason_of(lambda: check_text("\x0b", field="x", most=9, several_lines=True)) == "control_character"


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    "unit", ["a", "é", "e\u0301", "漢", "😀", "ᾂ", normalize("NFD", "ᾂ"), "\u1112\u1161\u11ab"], ids=ascii
)
def test_characters_are_counted_as_they_are_stored(unit: str) -> None:
    assert check_text(unit * 20, field="x", most=20) == normalize("NFC", unit) * 20
    assert reason_of(lambda: check_text(unit * 21, field="x", most=20)) == "too_long"


@pytest.mark.rule("U1")
def test_a_text_that_grows_when_normalised_is_counted_again() -> None:
    assert len(check_text("\u0958" * 10, field="x", most=20)) == 20
    assert reason_of(lambda: check_text("\u0958" * 11, field="x", most=20)) == "too_long"


@pytest.mark.rule("U1")
def test_thirty_marks_in_a_row_are_accepted_and_one_more_is_not() -> None:
    marks = "\u0301\u0323" * 15
    assert check_text(f"x{marks}y{marks}z", field="x", most=99) == normalize("NFC", f"x{marks}y{marks}z")
    # In NFC the first mark would be composed with its base: it is counted before.
    assert reason_of(lambda: check_text(f"e{marks}\u0301", field="x", most=99)) == "too_many_marks"


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", [None, "", " ", "\u00a0\u3000"], ids=ascii)
def test_an_empty_optional_text_is_none(value: str | None) -> None:
    assert clean_optional(value, field="x", most=9) is None


@pytest.mark.rule("U1")
def test_white_space_is_removed_only_at_the_ends_of_a_line() -> None:
    assert clean_line("\u00a0 a  b\u3000", field="x", most=9) == "a  b"
    assert clean_line("  ", field="x", most=9) == ""
    assert reason_of(lambda: clean_line("  ", field="x", most=9, empty=False)) == "empty"


@pytest.mark.rule("U4")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("\r\n", "empty"),
        (" a", "white_space"),
        ("a\u3000", "white_space"),
        ("a\n", "white_space"),
        ("\u2028a", "white_space"),
        ("a\u0378", "unassigned"),
    ],
    ids=ascii,
)
def test_an_exact_identifier_is_refused_rather_than_corrected(text: str, reason: str) -> None:
    assert reason_of(lambda: clean_exact(text, field="x", most=9)) == reason


@pytest.mark.rule("U4")
@pytest.mark.parametrize("text", ["0042", "a b", "Straße", "漢字", "😀", "\U0001f6dd"], ids=ascii)
def test_an_exact_identifier_is_not_changed(text: str) -> None:
    assert clean_exact(text, field="x", most=9) == text
    check_assigned(text, field="x")


@pytest.mark.rule("ERR")
def test_all_errors_are_reported_at_once_in_order() -> None:
    errors = FieldErrors()
    assert errors.take(lambda: clean_line("a", field="first", most=9)) == "a"
    assert errors.take(lambda: clean_line("\0", field="second", most=9)) is None
    errors.add("third", "odd")
    assert errors.take(lambda: clean_exact("", field="fourth", most=9)) is None
    with pytest.raises(Invalid) as refusal:
        errors.check()
    assert refusal.value.errors == (
        FieldError("second", "control_character"),
        FieldError("third", "odd"),
        FieldError("fourth", "empty"),
    )


@pytest.mark.rule("ERR")
def test_no_error_is_raised_if_none_was_added() -> None:
    FieldErrors().check()


@pytest.mark.rule("U13")
def test_fields_that_were_not_passed_are_left_out() -> None:
    errors = FieldErrors()
    cleaners = dict.fromkeys(("a", "b", "c", "d"), DOORS["optional"])
    assert clean_fields(cleaners, {"a": " x ", "b": UNSET, "c": None, "d": "\0"}, errors) == {
        "a": "x",
        "c": None,
        "d": None,
    }
    with pytest.raises(Invalid):
        errors.check()


@pytest.mark.parametrize(("value", "kind"), [(1, int), (True, bool), ("a", str), (b"", bytes)])
def test_a_value_of_its_type_is_returned(value: object, kind: type[object]) -> None:
    assert check_type(value, kind, name="x") is value


@pytest.mark.parametrize(("value", "kind"), [(True, int), (1, bool), (1.0, int), (None, str), (b"", str)])
def test_a_value_of_another_type_is_refused_by_name(value: Any, kind: type[object]) -> None:
    with pytest.raises(TypeError, match=f"^x must be {kind.__name__}, not {type(value).__name__}$"):
        check_type(value, kind, name="x")
