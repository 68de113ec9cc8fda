"""References: the forms in which a call refers to a user.

A bare ``str`` is not a reference: it is refused, not guessed. Source: spec I3.
"""

import re
from typing import Final, cast
from uuid import UUID

from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import LIMIT, UserId, plain_uuid
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen

_USER_ID: Final = re.compile("[1-9][0-9]*")
_USER_ID_DIGITS: Final = len(str(LIMIT))
"""The greatest number of digits that are parsed: ``int`` is slow on thousands of them. Source: spec I1."""


@frozen
class Email:
    """The user with this email, in any spelling of the same key."""

    text: str


@frozen
class Username:
    """The user with this username, in any spelling of the same key."""

    text: str


@frozen
class ExternalId:
    """The user with this external id; an int is read as decimal text."""

    text: str | int


@frozen
class AccessId:
    """The user with this access id in any of the four slots."""

    text: str | int


@frozen
class AnyId:
    """The user with this id, external or access."""

    text: str | int


Reference = int | UUID | Email | Username | ExternalId | AccessId | AnyId

_CLASSES: Final = frozenset({int, UUID, Email, Username, ExternalId, AccessId, AnyId})


def check_reference(value: object) -> Reference:
    """Return ``value`` if it is a reference.

    Raises:
        TypeError: it is not; a bare ``str`` is refused, because its kind of identifier is unknown.
    """
    if type(value) in _CLASSES:
        return cast("Reference", value)
    if isinstance(value, int) and not isinstance(value, bool):
        return check_type(value, int, name="ref")
    if isinstance(value, UUID):
        return plain_uuid(value)
    hint = ": say Email(...), Username(...), ExternalId(...) or AccessId(...)" if isinstance(value, str) else ""
    msg = f"a user is named by int, UUID or a reference class, not by {type(value).__name__}{hint}"
    raise TypeError(msg)


def check_user_id(number: int) -> UserId:
    """Return an int as the id of a user.

    Raises:
        UserNotFound: no user can have it; a storage is never queried for a value that it cannot store.
    """
    if not 0 < number < LIMIT:
        raise UserNotFound
    return UserId(check_type(number, int, name="a user's id"))


def user_id_of(text: str) -> UserId:
    """Return the user id that this decimal text represents, as ``str(user.id)`` writes it.

    Signs, leading zeros, white space, underscores and digits other than 0 to 9 are refused.

    Raises:
        TypeError: it is not text.
        Invalid: ``malformed``: it is no such text; ``out_of_range``: no user can have this id.
    """
    digits = check_type(text, str, name="user_id")
    if not _USER_ID.fullmatch(digits):
        refuse("user_id", "malformed")
    number = int(digits) if len(digits) <= _USER_ID_DIGITS else LIMIT
    return UserId(number) if number < LIMIT else refuse("user_id", "out_of_range")
