"""Emails: how one enters. Pure, but for a memory of domains.

The validator takes as long to load as attrs, and a process that only asks who is signed in never needs it: the first
email loads it.
"""

import re
from functools import lru_cache
from typing import Final

from usercore.kernel.references import EMAIL_LIMIT, email_key
from usercore.kernel.text import check_assigned, check_text, refuse

_LOCAL_LIMIT: Final = 64
"""Characters before the @. Source: RFC 5321, 4.5.3.1.1."""

_PLAIN_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""What may stand before the @ of any email and is stored as it is. Source: RFC 5322, 3.2.3, in small letters."""


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
    from email_validator import validate_email  # noqa: PLC0415 - see above

    return validate_email(text, check_deliverability=False, strict=True).normalized


@lru_cache(maxsize=1024)
def _plain_domain(domain: str) -> str | None:
    """Give a domain as it is stored if it may stand behind every plain local part, also the longest; else None.

    Looking at a domain takes the validator 20 to 100 microseconds, and most emails share a few.
    """
    from email_validator import validate_email  # noqa: PLC0415 - see above

    try:
        return validate_email(f"{'a' * _LOCAL_LIMIT}@{domain}", check_deliverability=False, strict=True).domain
    except ValueError:
        return None
