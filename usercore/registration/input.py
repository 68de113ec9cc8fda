"""The cleaned input of a registration. Pure."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import attrs

from usercore.kernel.entity import entity
from usercore.kernel.text import FieldErrors, is_blank
from usercore.users.emails import clean_email
from usercore.users.fields import clean_own_fields
from usercore.users.identifiers import claims_for
from usercore.users.keys import KeySpace, KeyUse, host_id
from usercore.users.model import NO_ACCESS_IDS, EmailPolicy, User
from usercore.users.usernames import clean_username

NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})


@entity
class RegistrationInput:
    """What a user is registered with, cleaned. ``hashed`` is the hash of the password and the id of its pepper."""

    email: str | None
    username: str | None = None
    external_id: str | None = None
    supplied_uuid: UUID | None = None
    fields: Mapping[str, Any] = NO_FIELDS
    hashed: tuple[str, str | None] | None = attrs.field(default=None, repr=False)
    verified: bool = False
    unclaimed: bool = False
    in_place: bool = True
    """Whether an unclaimed user who has the email is registered in place; without, the email is taken."""

    def claims(self) -> dict[tuple[KeySpace, str], KeyUse]:
        """Return the keys that the new user will have, with their uses."""
        return claims_for(
            email=self.email,
            username=self.username,
            external_id=self.external_id,
            access_ids=NO_ACCESS_IDS,
            supplied_uuid=self.supplied_uuid,
        )


def clean_registration(
    email: object,
    policy: EmailPolicy,
    *,
    username: object = None,
    external_id: object = None,
    fields: Mapping[str, object],
) -> RegistrationInput:
    """Check and normalise what a user is registered with; ``fields`` are own fields by the names that callers use.

    Raises:
        TypeError: a value has the wrong type.
        Invalid: every fault, by field; ``no_identifier`` if there is neither email, username nor external id.
    """
    errors = FieldErrors()
    if email is None and is_blank(username) and external_id is None:
        errors.add("email", "no_identifier")
    clean = None if email is None else errors.take(clean_email, email, policy)
    name = None if is_blank(username) else errors.take(clean_username, username, email=clean)
    linked = None if external_id is None else errors.take(host_id, external_id, field="external_id")
    given = {field: value for field, value in fields.items() if value is not None}
    cleaned = clean_own_fields(given, errors)
    errors.check()
    return RegistrationInput(email=clean, username=name, external_id=linked, fields=cleaned)


def personal_words(person: RegistrationInput | User) -> list[str]:
    """Return the words that a password must not be made of: names, email, username."""
    of_name = person.fields.get if isinstance(person, RegistrationInput) else partial(getattr, person)
    email = person.email or ""
    words = (of_name("first_name"), of_name("last_name"), email, email.partition("@")[0], person.username)
    return [word for word in words if word]
