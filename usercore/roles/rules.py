"""Validation of roles, and what the active roles of a user add up to. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final
from uuid import UUID

from usercore.kernel.ids import plain_uuid
from usercore.kernel.text import check_type, clean_exact, clean_name, refuse, unique_key
from usercore.roles.model import ActiveRole

NAME_LIMIT: Final = 256
"""The most characters of a name. Source: spec T4."""

PERMISSION_LIMIT: Final = 255
"""The most characters of a permission. Source: usercore: as the host's other identifiers, spec U8."""

MAX_PERMISSIONS: Final = 1000
"""The most permissions of a role. Source: usercore: ``identify`` reads those of each active role of the user."""

RoleKey = int | UUID | str
"""What names a role in a call: its name, ignoring case, its id or its UUID."""


def clean_role_name(value: object) -> str:
    """Return a valid name: 1 to 256 characters.

    Raises:
        TypeError: it is not text.
        Invalid: it is empty, too long, unassigned or has forbidden characters.
    """
    return clean_name(value, field="name", most=NAME_LIMIT)


def clean_role_key(value: object, *, field: str = "role") -> RoleKey:
    """Return the name, id or UUID that identifies a role in a call.

    Raises:
        TypeError: it is none of these.
        Invalid: no role can have this name.
    """
    if isinstance(value, UUID):
        return plain_uuid(value)
    if isinstance(value, int):
        return check_type(value, int, name=field)
    return clean_name(value, field=field, most=NAME_LIMIT)


def clean_permission(value: object, *, field: str = "permission") -> str:
    """Return a permission: 1 to 255 characters without white space at the ends, unchanged but for NFC.

    Raises:
        TypeError: it is not text.
        Invalid: it is empty, too long, unassigned or has forbidden characters.
    """
    return clean_exact(value, field=field, most=PERMISSION_LIMIT)


def clean_permissions(value: object) -> tuple[str, ...]:
    """Return permissions in order, each once; at most 1000.

    Raises:
        TypeError: it is not a collection of texts; a text is none.
        Invalid: one of them is invalid, or there are too many.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
        msg = f"permissions must be a collection of texts, not {type(value).__name__}"
        raise TypeError(msg)
    if len(value) > MAX_PERMISSIONS:
        refuse("permissions", "count")
    return tuple(sorted({clean_permission(one, field="permissions") for one in value}))


def _flag(field: str) -> Callable[[object], bool]:
    return lambda value: check_type(value, bool, name=field)


CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    "name": clean_role_name,
    "active": _flag("active"),
    "privileged": _flag("privileged"),
    "permissions": clean_permissions,
}
"""The cleaner of each of a role's fields: it checks a value and returns it as it is stored."""


def in_order(roles: Iterable[ActiveRole]) -> tuple[ActiveRole, ...]:
    """Return roles in the order of their names, ignoring case."""
    return tuple(sorted(roles, key=lambda role: unique_key(role.name)))


def names_of(roles: Iterable[ActiveRole]) -> tuple[str, ...]:
    """Return the names of these roles, in their order."""
    return tuple(role.name for role in roles)


NO_PERMISSIONS: Final[frozenset[str]] = frozenset()


def permissions_of(roles: Iterable[ActiveRole]) -> frozenset[str]:
    """Return the permissions that at least one of these roles has."""
    return frozenset(permission for role in roles for permission in role.permissions)
