"""Invented people, the same in every run: a number determines name, email and token."""

from datetime import UTC, datetime, timedelta
from hashlib import shake_128
from typing import Final

import attrs

from usercore.kernel.ids import UserId
from usercore.kernel.secret import generate_secret
from usercore.tokens.kinds import ACCESS

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The instant of every measurement: the clock is stopped."""

BEFORE: Final = NOW - timedelta(days=1)
"""When all users were created and their tokens were last used: not within the last minute."""

_DAYS: Final = 1000
"""Days on which users registered, the last of them that of ``BEFORE``; equally many on each."""

_MINUTES: Final = 720
"""Minutes before noon, the time of ``BEFORE``, in which users registered."""

PASSWORD: Final = "correct horse battery staple"
"""The password of all users, so that it is hashed once."""

_FIRST_ID: Final = 1 << 41
_FIRST_NAMES: Final = ("Ann", "Björn", "Chloë", "Dana", "Emil", "Fatma", "Goran", "Hana", "Ilja", "Jana", "Kofi")
_LAST_NAMES: Final = ("Adler", "Brown", "Černá", "Dvořák", "Evans", "Fischer", "García", "Horák", "Ivanov")
_DOMAINS: Final = ("example.com", "example.org", "mail.example.net")
_LANGUAGES: Final = ("en", "de", "sk", "cs-CZ", "pt-BR")


@attrs.frozen(kw_only=True)
class Person:
    """An invented person."""

    number: int
    email: str
    first_name: str
    last_name: str
    language: str
    external_id: str


def person(number: int) -> Person:
    """Return the person with this number."""
    return Person(
        number=number,
        email=f"person.{number}@{_DOMAINS[number % len(_DOMAINS)]}",
        first_name=_FIRST_NAMES[number % len(_FIRST_NAMES)],
        last_name=_LAST_NAMES[number % len(_LAST_NAMES)],
        language=_LANGUAGES[number % len(_LANGUAGES)],
        external_id=f"ext-{number}",
    )


def id_of(number: int) -> UserId:
    """Return the id that the person has in a filled store."""
    return UserId(_FIRST_ID + number)


def registered_of(number: int) -> datetime:
    """Return when the person registered."""
    return BEFORE - timedelta(days=number % _DAYS, minutes=number % _MINUTES)


def secret_of(number: int) -> str:
    """Return the secret of the access token that the person has in a filled store."""
    secret = generate_secret(ACCESS, id_of(number), lambda count: shake_128(f"token {number}".encode()).digest(count))
    return secret.reveal()
