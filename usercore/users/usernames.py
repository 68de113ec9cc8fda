"""Validation of usernames. Pure."""

from typing import Final
from unicodedata import normalize

from usercore.kernel.errors import Invalid
from usercore.kernel.text import check_assigned, check_text, refuse, unique_key
from usercore.users.characters import is_letter_or_digit, is_one_script
from usercore.users.emails import read_email
from usercore.users.keys import USERNAME_LIMIT, email_key

_PUNCTUATION: Final = frozenset("._-@+")


def clean_username(value: object, *, email: str | None) -> str:
    """Return a valid username: alphanumeric characters and ``. _ - @ +``, of one script, none of them invisible.

    A username with an ``@`` must be the user's own email.

    Raises:
        TypeError: it is not text.
        Invalid: ``empty``, ``too_long``, ``unassigned``, ``forbidden_character``, ``mixed_scripts``,
            ``not_own_email``.
    """
    text = check_text(value, field="username", most=USERNAME_LIMIT, trim=True)
    if not text:
        refuse("username", "empty")
    check_assigned(text, field="username")
    if "@" in text:
        return _own_email(text, email)
    if not _has_only_allowed(text) or len(unique_key(text)) > USERNAME_LIMIT:
        refuse("username", "forbidden_character")
    if not is_one_script(text):
        refuse("username", "mixed_scripts")
    return text


def _own_email(text: str, email: str | None) -> str:
    try:
        own = read_email(text)
    except Invalid:
        refuse("username", "not_own_email")
    if email is None or email_key(own) != email_key(email):
        refuse("username", "not_own_email")
    return own


def _has_only_allowed(text: str) -> bool:
    # The key is derived from the compatibility form, which may have characters that the text does not have.
    return all(map(_is_allowed, text)) and (text.isascii() or all(map(_is_allowed, normalize("NFKC", text))))


def _is_allowed(character: str) -> bool:
    return character in _PUNCTUATION or is_letter_or_digit(character)
