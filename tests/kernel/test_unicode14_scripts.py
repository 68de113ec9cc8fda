"""The tables of scripts and of ignorable characters are those of Unicode 14."""

from unicodedata import category, name

import pytest

from tests.helpers import characters
from usercore.kernel.unicode14 import is_assigned
from usercore.kernel.unicode14_scripts import is_ignorable, scripts_of


@pytest.mark.rule("U7")
@pytest.mark.parametrize(
    ("character", "scripts"),
    [
        ("a", "Latn"),
        ("а", "Cyrl"),
        ("Ω", "Grek"),
        ("K", "Latn"),
        ("\U00010600", "Lina"),
        ("漢", "Hani"),
        ("々", "Hani"),
        ("ー", "Hira Kana"),
        ("、", "Bopo Hang Hani Hira Kana Yiii"),
        ("\u0483", "Cyrl Perm"),
        ("\u0363", "Latn"),
        ("٣", "Arab Thaa Yezi"),
        ("१", "Deva Dogr Kthi Mahj"),
        ("\U00016fe4", "Kits"),
        ("\U0001f221", None),
        ("1", None),
        ("_", None),
        ("\u0301", None),
        ("\U000e01ef", None),
    ],
    ids=ascii,
)
def test_a_character_occurs_with_its_scripts(character: str, scripts: str | None) -> None:
    assert scripts_of(character) == (None if scripts is None else frozenset(scripts.split()))


@pytest.mark.slow
@pytest.mark.rule("U7")
def test_characters_named_after_a_script_belong_to_it() -> None:
    named = {"LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "HEBREW": "Hebr", "HANGUL": "Hang", "THAI": "Thai"}
    for character in filter(is_assigned, characters()):
        script = named.get(name(character, "?").split(" ")[0])
        if script is not None and category(character) in {"Lu", "Ll", "Lo"}:
            scripts = scripts_of(character)
            assert scripts is not None, ascii(character)
            assert script in scripts, ascii(character)


@pytest.mark.slow
@pytest.mark.rule("U7")
def test_ignorable_are_fillers_selectors_and_format_characters() -> None:
    ignorable = {character for character in characters() if is_ignorable(character)}
    assert len(ignorable) == 4174  # Source: Unicode 14.0.0, DerivedCoreProperties.txt
    fillers = set("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
    for character in ignorable - fillers:
        selects = "VARIATION SELECTOR" in name(character, "")
        assert category(character) in {"Cf", "Cn"} or selects, ascii(character)
    assert fillers <= ignorable
    assert not is_ignorable("\u2800")
