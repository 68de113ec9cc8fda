"""Emails: validation and special-use domains. Pure, except for a cache of domains.

The validator takes as long to load as attrs, and a process that only identifies users never needs it, so the first
email loads it.
"""

import re
from functools import lru_cache
from typing import Final

from usercore.kernel.domains import is_within
from usercore.kernel.text import check_assigned, check_text, refuse
from usercore.users.characters import is_letter_or_digit, is_one_script
from usercore.users.keys import EMAIL_LIMIT, email_key
from usercore.users.model import EmailPolicy

_LOCAL_LIMIT: Final = 64
"""The most octets before the @. Source: RFC 5321, 4.5.3.1.1; RFC 6531, 3.3 counts those of UTF-8."""

_PLAIN_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""Local parts that are valid before every domain and are stored unchanged. Source: RFC 5322, 3.2.3, in lower case."""

_PUBLIC: Final = ".com"
_DEFAULT_POLICY: Final = EmailPolicy()


def clean_email(value: object, policy: EmailPolicy = _DEFAULT_POLICY) -> str:
    """Return an email in the form that is stored: strict syntax, domain in lower case, NFC, no white space around it.

    Raises:
        TypeError: it is not text.
        Invalid: as ``read_email``, or ``special_domain``: the policy does not admit this special-use domain.
    """
    email = read_email(value)
    domain = domain_of(email)
    if _is_special(domain) and not is_within(domain, policy.special_domains):
        refuse("email", "special_domain")
    return email


def read_email(value: object) -> str:
    """Return an email as ``clean_email`` does, but accept every special-use domain.

    Raises:
        TypeError: it is not text.
        Invalid: ``empty``, ``too_long``, ``unassigned``, ``malformed``, ``forbidden_character``, ``mixed_scripts``, or
            another reason of ``check_text``.
    """
    text = check_text(value, field="email", most=EMAIL_LIMIT, trim=True)
    if not text:
        refuse("email", "empty")
    check_assigned(text, field="email")
    try:
        email = _valid_email(text)
        email_key(email)
    except ValueError:  # the errors of email_validator and idna are ValueErrors
        refuse("email", "malformed")
    _check_local_part(email.rpartition("@")[0])
    return email


def domain_of(email: str) -> str:
    """Return the domain of a valid email, in its IDNA form."""
    return email_key(email).rpartition("@")[2]


def _check_local_part(local: str) -> None:
    if local.isascii():
        return
    if len(local.encode()) > _LOCAL_LIMIT:
        refuse("email", "malformed")
    if not all(character.isascii() or is_letter_or_digit(character) for character in local):
        refuse("email", "forbidden_character")
    if not all(map(is_one_script, local.split("+"))):  # a tag may be in another script than its mailbox
        refuse("email", "mixed_scripts")


def _valid_email(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if len(local) <= _LOCAL_LIMIT and _PLAIN_LOCAL.fullmatch(local):
        plain = _plain_domain(domain)
        if plain is not None:
            return f"{local}@{plain}"
    return _validate(text)


@lru_cache(maxsize=1024)
def _plain_domain(domain: str) -> str | None:
    """Return a domain as it is stored if it is valid after every plain local part, also the longest; else None.

    The validator takes 20 to 100 microseconds for a domain, and most emails share a few domains.
    """
    try:
        return _validate(f"{'a' * _LOCAL_LIMIT}@{domain}").rpartition("@")[2]
    except ValueError:
        return None


def _validate(text: str) -> str:
    """Return the normalized form of an email on a public or special-use domain.

    Raises:
        ValueError: it is not an email.
    """
    from email_validator import validate_email  # noqa: PLC0415 - see above

    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized
    except ValueError:
        # The validator has no option to allow special-use domains, but it accepts them as subdomains of a public one.
        validated = validate_email(text + _PUBLIC, check_deliverability=False, strict=True)
        if not _is_special(validated.ascii_domain.removesuffix(_PUBLIC)):
            raise
        return validated.normalized.removesuffix(_PUBLIC)


@lru_cache(maxsize=1024)
def _is_special(domain: str) -> bool:
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415 - see above

    return is_within(domain, frozenset(SPECIAL_USE_DOMAIN_NAMES))
