"""The URLs of stores: which part of them may be shown."""

import re
from typing import Final

from usercore.kernel.text import check_type

_is_scheme: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}").fullmatch
"""Source: RFC 3986, 3.1, with a bound on the length."""


def scheme_of(url: object) -> str:
    """Return the scheme of a URL, or "" if the text has none. Messages show no other part of the text.

    A malformed URL may contain a password anywhere.

    Raises:
        TypeError: the URL is not text.
    """
    scheme, separator, _ = check_type(url, str, name="url").partition("://")
    return scheme if separator and _is_scheme(scheme) else ""
