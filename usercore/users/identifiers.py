"""Identifiers: validation of access ids, and the claims that a user's identifiers need. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.ids import UserId
from usercore.kernel.text import check_type, refuse, unique_key
from usercore.users.keys import KeySpace, KeyUse, email_key, host_id
from usercore.users.model import AccessIds, Claim, User

SLOTS: Final = 4
"""The number of access ids of a user. Source: spec U9; plenigo."""

SLOT_USES: Final = (KeyUse.ACCESS_1, KeyUse.ACCESS_2, KeyUse.ACCESS_3, KeyUse.ACCESS_4)

_FIELDS: Final = (
    (KeyUse.EMAIL, "email"),
    (KeyUse.USERNAME, "username"),
    (KeyUse.EXTERNAL_ID, "external_id"),
    (KeyUse.ACCESS_ID, "access_ids"),
    (KeyUse.UUID, "uuid"),
)


def clean_slots(value: object) -> dict[int, str | None]:
    """Return access ids by slot, 1 to 4, from a list or a mapping; None clears a slot.

    Raises:
        TypeError: it is neither a list, a tuple nor a mapping with int keys (text is no list).
        Invalid: no id or more than four, a slot out of range, a blank or a repeated id.
    """
    slots = _slots_of(value)
    if not 1 <= len(slots) <= SLOTS:
        refuse("access_ids", "count")
    clean, errors = dict[int, str | None](), list[FieldError]()
    for slot, text in slots.items():
        try:
            clean[slot] = _clean_slot(slot, text)
        except Invalid as refusal:
            errors += refusal.errors
    if errors:
        raise Invalid(tuple(errors))
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
    """Return the access ids with the given slots replaced and the others unchanged.

    Raises:
        Invalid: one id would be in two slots.
    """
    ids = list(present)
    for slot, text in slots.items():
        ids[slot - 1] = text
    given = [text for text in ids if text is not None]
    if len(set(given)) < len(given):
        refuse("access_ids", "repeated")
    first, second, third, fourth = ids
    return first, second, third, fourth


def claims_of(user: User) -> dict[tuple[KeySpace, str], KeyUse]:
    """Return every key that the user's identifiers need, with its uses."""
    return claims_for(
        email=user.email,
        username=user.username,
        external_id=user.external_id,
        access_ids=user.access_ids,
        supplied_uuid=user.supplied_uuid,
    )


def claims_for(
    *,
    email: str | None,
    username: str | None,
    external_id: str | None,
    access_ids: Sequence[str | None],
    supplied_uuid: UUID | None,
) -> dict[tuple[KeySpace, str], KeyUse]:
    """Return every key that these identifiers need, with its uses; pass exactly four access ids."""
    claims: dict[tuple[KeySpace, str], KeyUse] = {}
    if email is not None:
        claims[KeySpace.LOGIN, email_key(email)] = KeyUse.EMAIL
    if username is not None:
        _add_use(claims, KeySpace.LOGIN, username_key(username), KeyUse.USERNAME)
    if external_id is not None:
        claims[KeySpace.EXTERNAL, external_id] = KeyUse.EXTERNAL_ID
    for text, use in zip(access_ids, SLOT_USES, strict=True):
        if text is not None:
            _add_use(claims, KeySpace.EXTERNAL, text, use)
    if supplied_uuid is not None:
        claims[KeySpace.UUID, str(supplied_uuid)] = KeyUse.UUID
    return claims


def _add_use(claims: dict[tuple[KeySpace, str], KeyUse], space: KeySpace, key: str, use: KeyUse) -> None:
    before = claims.get((space, key))  # combining flags is slow and rarely necessary
    claims[space, key] = use if before is None else before | use


def username_key(username: str) -> str:
    """Return the key of a username; a username that is an email has the key of the email."""
    return email_key(username) if "@" in username else unique_key(username)


def names_email(user: User) -> bool:
    """Return whether the user's username is their email, so that it changes with the email."""
    return user.username is not None and user.email is not None and "@" in user.username


def in_order(keys: Iterable[tuple[KeySpace, str]]) -> list[tuple[KeySpace, str]]:
    """Return keys in the one order in which every unit acquires them, which prevents deadlocks."""
    return sorted(keys)


def field_of(uses: KeyUse) -> str:
    """Return the name of the field that a key is needed for: the most important of several."""
    return next(field for use, field in _FIELDS if uses & use)


def email_holder(found: Sequence[Claim], email: str) -> UserId | None:
    """Return the user who has this email by one of the claims, or None."""
    key = email_key(email)
    for claim in found:
        if claim.key == key and claim.space is KeySpace.LOGIN and claim.uses & KeyUse.EMAIL:
            return UserId(claim.holder_id)
    return None
