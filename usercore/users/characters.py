"""Which characters usernames and local parts of emails may have: visible ones, of one script. Pure."""

from functools import reduce
from typing import Final
from unicodedata import category, normalize

from usercore.kernel.unicode14_scripts import is_ignorable, scripts_of

_BLANK: Final = frozenset("\U00016fe4")
"""Marks that are invisible and lack the property Default_Ignorable_Code_Point. Source: Unicode 14.0.0, code chart of
Khitan Small Script: KHITAN SMALL SCRIPT FILLER. Other blank characters, such as U+2800, are symbols."""

_WRITING_SYSTEMS: Final = {
    "Hani": frozenset({"Hanb", "Jpan", "Kore"}),
    "Hira": frozenset({"Jpan"}),
    "Kana": frozenset({"Jpan"}),
    "Hang": frozenset({"Kore"}),
    "Bopo": frozenset({"Hanb"}),
}
"""The writing systems that use a script together with others. Source: UTS 39 of Unicode 14, 5.1."""


def is_letter_or_digit(character: str) -> bool:
    """Return whether a character is a letter, a combining mark or a decimal digit, and visible."""
    if character.isascii():
        return character.isalnum()
    kind = category(character)
    return (kind[0] in "LM" or kind == "Nd") and not is_ignorable(character) and character not in _BLANK


def is_one_script(text: str) -> bool:
    """Return whether all characters can belong to one script or to one writing system, such as Japanese.

    Compatibility forms are resolved first: a mathematical alphanumeric symbol belongs to the script of its plain form.
    Source: UTS 39 of Unicode 14, 5.1, the single-script test.
    """
    if text.isascii():
        return True
    found = (_writing_systems_of(character) for character in set(normalize("NFKC", text)))
    systems = [scripts for scripts in found if scripts is not None]
    return not systems or bool(reduce(frozenset.intersection, systems))


def _writing_systems_of(character: str) -> frozenset[str] | None:
    scripts = scripts_of(character)
    return scripts and scripts.union(*(_WRITING_SYSTEMS.get(script, ()) for script in scripts))
