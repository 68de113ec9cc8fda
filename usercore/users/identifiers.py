"""Identifiers: how each enters, and which claims a user's identifiers make. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from unicodedata import category, name, normalize
from uuid import UUID

from email_validator import validate_email

from usercore.kernel.errors import Fault, Invalid
from usercore.kernel.references import (
    EMAIL_LIMIT,
    USERNAME_LIMIT,
    Space,
    Use,
    email_key,
    host_id,
    unique_key,
)
from usercore.kernel.text import check_assigned, check_text, check_type, refuse
from usercore.users.model import AccessIds, User

SLOTS: Final = 4
"""Access ids of a user. Source: spec U9; plenigo."""

SLOT_USES: Final = (Use.ACCESS_1, Use.ACCESS_2, Use.ACCESS_3, Use.ACCESS_4)

_FIELDS: Final = (
    (Use.EMAIL, "email"),
    (Use.USERNAME, "username"),
    (Use.EXTERNAL_ID, "external_id"),
    (Use.ACCESS_ID, "access_ids"),
    (Use.UUID, "uuid"),
)

_LOCAL_LIMIT: Final = 64
"""Characters before the @. Source: RFC 5321, 4.5.3.1.1."""

_PLAIN_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""What may stand before the @ of any email and is stored as it is. Source: RFC 5322, 3.2.3, in small letters."""

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


def clean_email(value: object) -> str:
    """Give an email in the spelling that is stored: syntax strict, domain in lower case, NFC.

    Raises:
        TypeError: it is not text.
        Invalid: ``empty``, ``too_long``, ``unassigned``, ``malformed`` or a forbidden character.
    """
    text = check_text(value, field="email", most=EMAIL_LIMIT)
    if not text:
        refuse("email", "empty")
    check_assigned(text, field="email")
    try:
        email = _valid_email(text)
        email_key(email)
    except ValueError:  # the validator's and IDNA's errors are ValueErrors
        refuse("email", "malformed")
    return email


def _valid_email(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if len(local) <= _LOCAL_LIMIT and _PLAIN_LOCAL.fullmatch(local):
        plain = _plain_domain(domain)
        if plain is not None:
            return f"{local}@{plain}"
    return validate_email(text, check_deliverability=False, strict=True).normalized


@lru_cache(maxsize=1024)
def _plain_domain(domain: str) -> str | None:
    """Give a domain as it is stored if it may stand behind every plain local part, also the longest; else None.

    Looking at a domain takes the validator 20 to 100 microseconds, and most emails share a few.
    """
    try:
        return validate_email(f"{'a' * _LOCAL_LIMIT}@{domain}", check_deliverability=False, strict=True).domain
    except ValueError:
        return None


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


def clean_slots(value: object) -> dict[int, str | None]:
    """Give access ids by slot, 1 to 4, from a list or a mapping; None empties a slot.

    Raises:
        TypeError: it is neither a list, a tuple nor a mapping with int keys (text is no list).
        Invalid: no id or more than four, a slot out of range, a blank or a repeated id.
    """
    slots = _slots_of(value)
    if not 1 <= len(slots) <= SLOTS:
        refuse("access_ids", "count")
    clean, faults = dict[int, str | None](), list[Fault]()
    for slot, text in slots.items():
        try:
            clean[slot] = _clean_slot(slot, text)
        except Invalid as refusal:
            faults += refusal.faults
    if faults:
        raise Invalid(tuple(faults))
    given = [text for text in clean.values() if text is not None]
    if len(set(given)) < len(given):
        refuse("access_ids", "repeated")
    return clean


def _slots_of(value: object) -> dict[int, object]:
    if isinstance(value, Mapping):
        return {check_type(slot, int, name="a slot of access_ids"): text for slot, text in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return dict(enumerate(value, start=1))
    msg = f"access_ids must be a list or a mapping by slot, not {type(value).__name__}"
    raise TypeError(msg)


def _clean_slot(slot: int, text: object) -> str | None:
    if not 1 <= slot <= SLOTS:
        refuse("access_ids", "slot_out_of_range")
    return None if text is None else host_id(text, field=f"access_ids.{slot}")


def next_access_ids(present: AccessIds, slots: Mapping[int, str | None]) -> AccessIds:
    """Replace the named slots and keep the others.

    Raises:
        Invalid: one id would stand in two slots.
    """
    ids = list(present)
    for slot, text in slots.items():
        ids[slot - 1] = text
    given = [text for text in ids if text is not None]
    if len(set(given)) < len(given):
        refuse("access_ids", "repeated")
    first, second, third, fourth = ids
    return first, second, third, fourth


def claims_of(user: User) -> dict[tuple[Space, str], Use]:
    """Give every key that the user's identifiers need, with its uses."""
    return claims_for(
        email=user.email,
        username=user.username,
        external_id=user.external_id,
        access_ids=user.access_ids,
        brought_uuid=user.brought_uuid,
    )


def claims_for(
    *,
    email: str | None,
    username: str | None,
    external_id: str | None,
    access_ids: Sequence[str | None],
    brought_uuid: UUID | None,
) -> dict[tuple[Space, str], Use]:
    """Give every key that these identifiers need, with its uses; there are four access ids."""
    claims: dict[tuple[Space, str], Use] = {}
    if email is not None:
        claims[Space.LOGIN, email_key(email)] = Use.EMAIL
    if username is not None:
        _add_use(claims, Space.LOGIN, username_key(username), Use.USERNAME)
    if external_id is not None:
        claims[Space.EXTERNAL, external_id] = Use.EXTERNAL_ID
    for text, use in zip(access_ids, SLOT_USES, strict=True):
        if text is not None:
            _add_use(claims, Space.EXTERNAL, text, use)
    if brought_uuid is not None:
        claims[Space.UUID, str(brought_uuid)] = Use.UUID
    return claims


def _add_use(claims: dict[tuple[Space, str], Use], space: Space, key: str, use: Use) -> None:
    before = claims.get((space, key))  # flags are slow to unite, and nearly always there is nothing to unite
    claims[space, key] = use if before is None else before | use


def username_key(username: str) -> str:
    """Give the key of a username; one that is an email has the email's."""
    return email_key(username) if "@" in username else unique_key(username)


def names_email(user: User) -> bool:
    """Say whether the user's username is their email, so that it follows when that changes."""
    return user.username is not None and user.email is not None and "@" in user.username


def in_order(keys: Iterable[tuple[Space, str]]) -> list[tuple[Space, str]]:
    """Give keys in the one order in which everybody takes them, so that nobody waits in a circle."""
    return sorted(keys)


def field_of(uses: Use) -> str:
    """Give the name of the field that a key is needed for, the weightiest first."""
    return next(field for use, field in _FIELDS if uses & use)
