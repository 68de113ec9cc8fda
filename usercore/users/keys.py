"""Keys: equivalent spellings of an identifier have the same key, and claims are on keys. Source: spec U3 and U4."""

from collections.abc import Callable
from enum import IntFlag, StrEnum
from functools import lru_cache
from typing import Final
from unicodedata import normalize

from usercore.kernel.context import printable_prefix
from usercore.kernel.domains import ascii_domain
from usercore.kernel.errors import Invalid
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.kernel.text import check_text, check_type, clean_exact, refuse, unique_key
from usercore.kernel.values import frozen

EMAIL_LIMIT: Final = 254
"""The most characters of an email. Source: spec U5; RFC 5321, 4.5.3.1.3, without the angle brackets."""

USERNAME_LIMIT: Final = 256
"""The most characters of a username. Source: spec U7."""

EXTERNAL_ID_LIMIT: Final = 255
"""The most characters of an external or access id. Source: spec U8."""


class KeySpace(StrEnum):
    """The space in which a key is unique, within each tenant."""

    LOGIN = "login"
    EXTERNAL = "external"
    UUID = "uuid"
    TENANT_KEY = "tenant_key"
    TENANT_NAME = "tenant_name"


class KeyUse(IntFlag):
    """The purposes for which a holder uses a key; a key is free when it has no use left."""

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
class ClaimName:
    """A key in its space, and the uses in which it identifies a user."""

    space: KeySpace
    key: str
    uses: KeyUse


@lru_cache(maxsize=256)  # one call needs the key of its email several times
def email_key(text: str) -> str:
    """Return the key of an email: case-folded local part, IDNA lower-case domain; dots and +tags are significant.

    Raises:
        ValueError: there is no ``@``, or the domain is not valid.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        msg = "an email has an @"
        raise ValueError(msg)
    key = domain.lower() if domain.isascii() else ascii_domain(domain)
    folded = local.lower() if local.isascii() else normalize("NFC", normalize("NFC", local).casefold())
    return f"{folded}@{key}"


def is_same_address(one: str | None, other: str | None) -> bool:
    """Return whether both are spellings of one key, or both are None."""
    if one is None or other is None:
        return one is other
    return one == other or email_key(one) == email_key(other)


def host_id(value: object, *, field: str) -> str:
    """Return an id of the host's system as text: 1 to 255 characters; an int becomes decimal text.

    Raises:
        TypeError: it is neither text nor an int (a bool is not an int).
        Invalid: it is empty, too long, has white space at its ends or forbidden characters.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = check_type(value, int, name=field)
        if value.bit_length() > 4 * EXTERNAL_ID_LIMIT:  # str() of a huge int takes long, and raises past 4300 digits
            refuse(field, "too_long")
        value = str(value)
    return clean_exact(value, field=field, most=EXTERNAL_ID_LIMIT)


def claim_of_email(text: object) -> ClaimName:
    """Return the claim name for an email in any spelling.

    Raises:
        TypeError: it is not text.
        Invalid: no user can have it.
    """
    clean = check_text(text, field="email", most=EMAIL_LIMIT, trim=True)
    try:
        return ClaimName(KeySpace.LOGIN, email_key(clean), KeyUse.EMAIL)
    except ValueError:  # the errors of idna are ValueErrors, too
        refuse("email", "malformed")


def claim_of_name(text: object, uses: KeyUse = KeyUse.USERNAME) -> ClaimName:
    """Return the claim name for a username in any spelling, or for a login, which may also be an email.

    Raises:
        TypeError: it is not text.
        Invalid: no user can have it.
    """
    clean = check_text(text, field="username", most=USERNAME_LIMIT, trim=True)
    if "@" in clean:  # a username with an @ is the user's email
        return ClaimName(KeySpace.LOGIN, claim_of_email(clean).key, uses)
    return ClaimName(KeySpace.LOGIN, unique_key(clean), uses)


def _claim_of_id(uses: KeyUse, field: str) -> Callable[[object], ClaimName]:
    return lambda text: ClaimName(KeySpace.EXTERNAL, host_id(text, field=field), uses)


@lru_cache(maxsize=256)  # one attempt needs the key of its login several times
def login_key(login: str) -> str:
    """Return the key that a login has as an identifier, in any spelling; of an impossible one, its start."""
    try:
        return claim_of_name(login, KeyUse.LOGIN).key
    except Invalid:
        return printable_prefix(login, EMAIL_LIMIT)


_CLAIM_OF: Final[dict[type, Callable[[object], ClaimName]]] = {
    Email: claim_of_email,
    Username: claim_of_name,
    ExternalId: _claim_of_id(KeyUse.EXTERNAL_ID, "external_id"),
    AccessId: _claim_of_id(KeyUse.ACCESS_ID, "access_id"),
    AnyId: _claim_of_id(KeyUse.ANY_ID, "any_id"),
}


def claim_of(reference: Email | Username | ExternalId | AccessId | AnyId) -> ClaimName:
    """Return the claim name for a reference by identifier.

    Raises:
        TypeError: its value is not text.
        Invalid: no user can have it.
    """
    return _CLAIM_OF[type(reference)](reference.text)
