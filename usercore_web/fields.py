"""Fields of forms and queries, whose values are texts."""

import re
from collections.abc import Mapping
from typing import Final

from usercore import FieldError, Invalid

_NUMBER: Final = re.compile(r"[0-9]{1,16}")
"""As many digits as an id has, which is below 2 to the power of 53."""

_FLAGS: Final = {**dict.fromkeys(("1", "true", "on", "yes"), True), **dict.fromkeys(("0", "false", "off", "no"), False)}
"""How programs write flags, in any case."""


def check_present(fields: Mapping[str, str], *names: str) -> None:
    """Check that fields are there and not empty.

    Raises:
        Invalid: all that are ``missing``.
    """
    missing = tuple(FieldError(name, "missing") for name in names if not fields.get(name))
    if missing:
        raise Invalid(missing)


def read_number(fields: Mapping[str, str], name: str) -> int:
    """Return a whole number of at most 16 digits.

    Raises:
        Invalid: the field is ``missing`` or ``malformed``.
    """
    check_present(fields, name)
    if not _NUMBER.fullmatch(fields[name]):
        raise Invalid((FieldError(name, "malformed"),))
    return int(fields[name])


def read_flag(fields: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return a flag: ``1 true on yes`` or ``0 false off no``, in any case; ``default`` if there is none.

    Raises:
        Invalid: the field is ``malformed``.
    """
    text = fields.get(name, "").lower()
    if text and text not in _FLAGS:
        raise Invalid((FieldError(name, "malformed"),))
    return _FLAGS.get(text, default)
