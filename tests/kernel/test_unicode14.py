"""The table of assigned code points is that of Unicode 14, whatever Python runs it."""

from unicodedata import category, unidata_version

import pytest

from tests.helpers import characters
from usercore.kernel.unicode14 import are_assigned, is_assigned


@pytest.mark.slow
@pytest.mark.rule("U4")
def test_the_table_is_unicode_14s() -> None:
    everything = list(characters())
    table = {character for character in everything if is_assigned(character)}
    known = {character for character in everything if category(character) != "Cn"}
    assert table <= known  # an assigned code point stays assigned
    assert table == known or unidata_version != "14.0.0"


@pytest.mark.rule("U4")
@pytest.mark.parametrize(
    ("character", "is_in"),
    [
        ("\0", True),
        ("a", True),
        ("\u0377", True),
        ("\u0378", False),
        ("\u0379", False),
        ("\u037a", True),
        ("\U0001f6dd", True),  # new in Unicode 14
        ("\U0001f6dc", False),  # new in Unicode 15
        ("\uffff", False),
        ("\U0010fffd", True),
        ("\U0010ffff", False),
    ],
)
def test_ranges_of_the_table_have_the_right_ends(character: str, is_in: bool) -> None:  # noqa: FBT001 - one of two outcomes
    assert is_assigned(character) is is_in
    assert are_assigned(f"aé{character}") is is_in
