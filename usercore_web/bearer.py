"""Bearer tokens."""

import re
from typing import Final

from usercore import Secret

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*) *", re.IGNORECASE)
"""Source: RFC 6750, 2.1; the scheme is case-insensitive by RFC 9110, 11.1."""


def read_bearer(authorization: str | None) -> Secret | None:
    """Return the token in the text of an ``Authorization`` header, or None if it has another scheme or form."""
    found = _BEARER.fullmatch(authorization or "")
    return None if found is None else Secret(found[1])
