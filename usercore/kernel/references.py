"""References: how a call names a user, and the keys by which identifiers are told apart.

A bare ``str`` is no reference: it is refused, never guessed. Source: spec I3 and U4.
"""

import re
from collections.abc import Callable
from enum import IntFlag, StrEnum
from functools import lru_cache
from typing import Final, cast
from unicodedata import normalize
from uuid import UUID

import attrs

from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import LIMIT, UserId, plain_uuid
from usercore.kernel.text import check_text, check_type, clean_exact, refuse
from usercore.kernel.values import frozen

EMAIL_LIMIT: Final = 254
"""Characters of an email. Source: spec U5; RFC 5321, 4.5.3.1.3, without the angle brackets."""

USERNAME_LIMIT: Final = 256
"""Characters of a username. Source: spec U7."""

EXTERNAL_ID_LIMIT: Final = 255
"""Characters of an external or access id. Source: spec U8."""


_USER_ID: Final = re.compile("[1-9][0-9]*")
_USER_ID_DIGITS: Final = len(str(LIMIT))
"""More digits are not read: ``int`` is slow on thousands of them. Source: spec I1."""


class Space(StrEnum):
    """Where a key is unique, in each tenant."""

    LOGIN = "login"
    EXTERNAL = "external"
    UUID = "uuid"
    TENANT_KEY = "tenant_key"
    TENANT_NAME = "tenant_name"


class Use(IntFlag):
    """What its holder uses a key for; a key is free when the last use ends."""

    EMAIL = 1
    USERNAME = 2
    EXTERNAL_ID = 4
    ACCESS_1 = 8
    ACCESS_2 = 16
    ACCESS_3 = 32
    ACCESS_4 = 64
    UUID = 128
    NAME = 256
    ACCESS_ID = ACCESS_1 | ACCESS_2 | ACCESS_3 | ACCESS_4
    ANY_ID = EXTERNAL_ID | ACCESS_ID
    LOGIN = EMAIL | USERNAME


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


@frozen
class ClaimName:
    """A key in its space, and the uses in which it names somebody."""

    space: Space
    key: str
    uses: Use


@lru_cache(maxsize=256)  # one call asks for the key of its email several times
def email_key(text: str) -> str:
    """Give the key of an email: folded local part, IDNA lower-case domain; dots and +tags stay.

    Raises:
        ValueError: there is no ``@``, or the domain is no domain.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        msg = "an email has an @"
        raise ValueError(msg)
    key = domain.lower() if domain.isascii() else ascii_domain(domain)
    folded = local.lower() if local.isascii() else normalize("NFC", normalize("NFC", local).casefold())
    return f"{folded}@{key}"


@lru_cache(maxsize=1024)
def ascii_domain(domain: str) -> str:
    """Return a domain in A-labels (IDNA 2008).

    Raises:
        ValueError: it is no domain.
    """
    import idna  # noqa: PLC0415 - few domains need it

    return idna.encode(domain, uts46=True).decode("ascii")  # 20 us and more, and most emails share a few domains


def unique_key(text: str) -> str:
    """Give the key of a username or unique name: without case and width."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


def host_id(value: object, *, field: str) -> str:
    """Give an id of the host's system as text: 1 to 255 characters; an int becomes decimal text.

    Raises:
        TypeError: it is neither text nor an int (a bool is none).
        Invalid: it is empty, too long, has white space at its ends or forbidden characters.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = check_type(value, int, name=field)
        if value.bit_length() > 4 * EXTERNAL_ID_LIMIT:  # str() of a huge int takes long, and raises past 4300 digits
            refuse(field, "too_long")
        value = str(value)
    return clean_exact(value, field=field, most=EXTERNAL_ID_LIMIT)


def claim_of_email(text: object) -> ClaimName:
    """Give the claim that an email in any spelling names.

    Raises:
        TypeError: it is not text.
        Invalid: nobody can have it.
    """
    clean = check_text(text, field="email", most=EMAIL_LIMIT, trim=True)
    try:
        return ClaimName(Space.LOGIN, email_key(clean), Use.EMAIL)
    except ValueError:  # IDNA's errors are ValueErrors, too
        refuse("email", "malformed")


def claim_of_username(text: object) -> ClaimName:
    """Give the claim that a username in any spelling names.

    Raises:
        TypeError: it is not text.
        Invalid: nobody can have it.
    """
    clean = check_text(text, field="username", most=USERNAME_LIMIT, trim=True)
    if "@" in clean:  # then it is its user's email
        return attrs.evolve(claim_of_email(clean), uses=Use.USERNAME)
    return ClaimName(Space.LOGIN, unique_key(clean), Use.USERNAME)


def _claim_of_id(uses: Use, field: str) -> Callable[[object], ClaimName]:
    return lambda text: ClaimName(Space.EXTERNAL, host_id(text, field=field), uses)


_CLAIM_OF: Final[dict[type, Callable[[object], ClaimName]]] = {
    Email: claim_of_email,
    Username: claim_of_username,
    ExternalId: _claim_of_id(Use.EXTERNAL_ID, "external_id"),
    AccessId: _claim_of_id(Use.ACCESS_ID, "access_id"),
    AnyId: _claim_of_id(Use.ANY_ID, "any_id"),
}


def claim_of(reference: Email | Username | ExternalId | AccessId | AnyId) -> ClaimName:
    """Give the claim that a reference by identifier names.

    Raises:
        TypeError: what it holds is not text.
        Invalid: nobody can have it.
    """
    return _CLAIM_OF[type(reference)](reference.text)


def check_reference(value: object) -> Reference:
    """Give ``value`` if it is a reference.

    Raises:
        TypeError: it is not; a bare ``str`` is refused, because nobody can tell what it names.
    """
    if type(value) in _CLAIM_OF or type(value) in {int, UUID}:
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
        UserNotFound: no user can have it; storages are never asked for what they cannot hold.
    """
    if not 0 < number < LIMIT:
        raise UserNotFound
    return UserId(check_type(number, int, name="a user's id"))


def user_id_of(text: str) -> UserId:
    """Return the user id that this decimal text stands for, as ``str(user.id)`` writes it.

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
