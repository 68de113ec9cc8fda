"""Emails by hand: each domain is validated once, as most emails share a few."""

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

import idna
from email_validator import validate_email

_PLAIN: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64


def clean_email(text: str) -> str:
    """Return an email as it is stored.

    Raises:
        ValueError: it is invalid.
    """
    local, _, domain = text.rpartition("@")
    if len(local) > _LONGEST_LOCAL or len(text) > _LONGEST or not _PLAIN(local):
        return validate_email(text, check_deliverability=False, strict=True).normalized
    return f"{local}@{_domain(domain)}"


@lru_cache(maxsize=1024)
def _domain(domain: str) -> str:
    return validate_email(f"{'a' * _LONGEST_LOCAL}@{domain}", check_deliverability=False, strict=True).domain


def key_of(email: str) -> str:
    """Return the key of an email."""
    local, _, domain = email.rpartition("@")
    domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    return f"{local.casefold()}@{domain}" if local.isascii() else f"{normalize('NFC', local.casefold())}@{domain}"
