"""Values for each own field of a user, by type, so that a new field is tested as it is."""

from collections.abc import Mapping
from typing import Final

from usercore.users.fields import FIELDS, types_of

_BY_TYPE: Final[Mapping[type, object]] = {bool: True, int: 345, str: "A välue"}
_OTHERS: Final[Mapping[str, object]] = {"language": "sk-SK", "date_format": "DD/MM/YYYY"}


def _value_of(name: str) -> object:
    return next(_BY_TYPE[kind] for kind in types_of(name) if kind in _BY_TYPE)


OWN_FIELDS: Final[Mapping[str, object]] = {name: _OTHERS.get(name, _value_of(name)) for name in FIELDS}
"""A value that each field may have, as it is stored."""


def attribute_of(name: str) -> str:
    """Return the attribute of ``User`` that a field is stored in."""
    return FIELDS[name].attribute or name
