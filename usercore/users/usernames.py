"""Usernames: how one enters, and why two scripts in one are refused. Pure."""

from typing import Final
from unicodedata import category, name, normalize

from usercore.kernel.errors import Invalid
from usercore.kernel.references import USERNAME_LIMIT, email_key, unique_key
from usercore.kernel.text import check_assigned, check_text, refuse
from usercore.users.emails import clean_email

_PUNCTUATION: Final = frozenset("._-@+")
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0")
_VARIATION: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""Letters and marks that are not seen. Source: Unicode, Default_Ignorable_Code_Point in categories L and M."""

_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)
"""Scripts that one writing system mixes. Source: UTS 39, 5.1: Japanese, Korean, Han with Bopomofo."""


def clean_username(value: object, *, email: str | None) -> str:
    """Give a username: letters, digits and ``. _ - @ +``, one script, nothing invisible.

    With an ``@`` it must be the user's own email.

    Raises:
        TypeError: it is not text.
        Invalid: ``empty``, ``too_long``, ``unassigned``, ``forbidden_character``, ``mixed_scripts``,
            ``not_own_email``.
    """
    text = check_text(value, field="username", most=USERNAME_LIMIT).strip()
    if not text:
        refuse("username", "empty")
    check_assigned(text, field="username")
    if "@" in text:
        return _own_email(text, email)
    if not all(map(_may_stand_in_username, text)) or len(unique_key(text)) > USERNAME_LIMIT:
        refuse("username", "forbidden_character")
    if not is_one_script(text):
        refuse("username", "mixed_scripts")
    return text


def _own_email(text: str, email: str | None) -> str:
    try:
        own = clean_email(text)
    except Invalid:
        refuse("username", "not_own_email")
    if email is None or email_key(own) != email_key(email):
        refuse("username", "not_own_email")
    return own


def _may_stand_in_username(character: str) -> bool:
    if character in _PUNCTUATION:
        return True
    if character in _INVISIBLE or any(ord(character) in run for run in _VARIATION):
        return False
    return category(character)[0] in "LM" or category(character) == "Nd"


def is_one_script(text: str) -> bool:
    """Say whether all letters are of one script, or of scripts that one writing system mixes.

    The script is the first word of a letter's Unicode name, after compatibility forms are resolved; marks and digits
    go with any.
    """
    letters = (letter for letter in normalize("NFKC", text) if category(letter)[0] == "L")
    scripts = {name(letter, "?").split(" ", 1)[0] for letter in letters}
    return len(scripts) <= 1 or any(scripts <= mixed for mixed in _TOGETHER)
