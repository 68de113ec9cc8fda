"""Applicants: somebody who wants to register, cleaned, and the passwords they may choose. Pure."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Protocol

import attrs

from usercore.kernel.callables import check_reason
from usercore.kernel.entity import entity
from usercore.kernel.text import FieldErrors, is_blank
from usercore.passwords.model import PasswordPolicy
from usercore.passwords.rules import check_acceptable, prepare
from usercore.users.emails import clean_email
from usercore.users.fields import clean_own_fields
from usercore.users.identifiers import claims_for
from usercore.users.keys import Space, Use, host_id
from usercore.users.model import NO_ACCESS_IDS, EmailPolicy, User
from usercore.users.usernames import clean_username

_ANSWER: Final = "what a password check returned"

NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})


@entity
class RegistrationInput:
    """Somebody who wants to register, cleaned. ``hashed`` is their password's hash and pepper."""

    email: str
    username: str | None = None
    external_id: str | None = None
    fields: Mapping[str, Any] = NO_FIELDS
    hashed: tuple[str, str | None] | None = attrs.field(default=None, repr=False)
    verified: bool = False

    def claims(self) -> dict[tuple[Space, str], Use]:
        """Return the keys that the user is going to hold, with their uses."""
        return claims_for(
            email=self.email,
            username=self.username,
            external_id=self.external_id,
            access_ids=NO_ACCESS_IDS,
            brought_uuid=None,
        )


def clean_applicant(
    email: object,
    policy: EmailPolicy,
    *,
    username: object = None,
    external_id: object = None,
    fields: Mapping[str, object],
) -> RegistrationInput:
    """Clean what somebody registers with; ``fields`` are own fields by the names that callers use, None for none.

    Raises:
        TypeError: a value has the wrong type.
        Invalid: every fault, by field.
    """
    errors = FieldErrors()
    clean = errors.take(clean_email, email, policy)
    name = None if is_blank(username) else errors.take(clean_username, username, email=clean)
    linked = None if external_id is None else errors.take(host_id, external_id, field="external_id")
    given = {field: value for field, value in fields.items() if value is not None}
    cleaned = clean_own_fields(given, errors)
    errors.check()
    return RegistrationInput(email=clean or "", username=name, external_id=linked, fields=cleaned)


class PasswordCheck(Protocol):
    """A check of the host's for new passwords, such as a list of breached ones. It runs outside any unit."""

    def __call__(self, password: str, /) -> str | None:
        """Give the reason why this password is refused, or None."""


def acceptable(password: str, policy: PasswordPolicy, checks: Sequence[PasswordCheck], personal: Sequence[str]) -> str:
    """Give a new password in the form that is hashed, after the policy's checks and the host's.

    Raises:
        PasswordRefused: with every reason.
        TypeError: a check of the host's returned neither a reason nor None.
    """
    text = prepare(password, most_bytes=policy.most_bytes)  # the host's checks never see what is too long
    answers = () if text is None else (check(text) for check in checks)
    reasons = [reason for answer in answers if (reason := check_reason(answer, name=_ANSWER)) is not None]
    return check_acceptable(password, policy=policy, personal=personal, host_reasons=reasons)


def personal_words(person: RegistrationInput | User) -> list[str]:
    """Give the words that a password must not be made of: names, email, username."""
    of_name = person.fields.get if isinstance(person, RegistrationInput) else partial(getattr, person)
    email = person.email or ""
    words = (of_name("first_name"), of_name("last_name"), email, email.partition("@")[0], person.username)
    return [word for word in words if word]
