"""The active roles of a user by hand: what an identity shows of them."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from unicodedata import normalize

OF_USER: Final = (
    "SELECT r.name, r.permissions FROM usercore_role_assignments AS a JOIN usercore_roles AS r ON r.id = a.role_id"
    " WHERE a.user_id = ? AND r.active"
)

Held = tuple[tuple[str, ...], frozenset[str]]
NO_ROLES: Final[Held] = ((), frozenset())


def roles_of(execute: Callable[..., Any], user_id: int) -> Held:
    """Return the names of the user's active roles, and their permissions together."""
    rows = execute(OF_USER, (user_id,)).fetchall()
    return roles_in(rows) if rows else NO_ROLES


def roles_in(rows: Sequence[Sequence[Any]]) -> Held:
    """Return the same from rows with names and permissions; a row without a name has no role."""
    found = {name: json.loads(permissions or "[]") for name, permissions in rows if name is not None}
    names = sorted(found, key=lambda name: normalize("NFKC", normalize("NFKC", name).casefold()))
    return tuple(names), frozenset(one for permissions in found.values() for one in permissions)
