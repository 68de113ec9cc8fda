"""Keys: the spellings of an identifier that are equal have one key, and a claim is on a key. Source: spec U3 and U4."""

from collections.abc import Callable
from enum import IntFlag, StrEnum
from functools import lru_cache
from typing import Final
from unicodedata import normalize

import attrs

from usercore.kernel.domains import ascii_domain
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.kernel.text import check_text, check_type, clean_exact, refuse, unique_key
from usercore.kernel.values import frozen

EMAIL_LIMIT: Final = 254
"""Characters of an email. Source: spec U5; RFC 5321, 4.5.3.1.3, without the angle brackets."""

USERNAME_LIMIT: Final = 256
"""Characters of a username. Source: spec U7."""

EXTERNAL_ID_LIMIT: Final = 255
"""Characters of an external or access id. Source: spec U8."""


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
