"""The active roles of a user by hand: what an identity shows of them."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from unicodedata import normalize

HAS_FACTOR: Final = "EXISTS (SELECT 1 FROM usercore_second_factors WHERE user_id = ?2 AND confirmed_at IS NOT NULL)"
"""Whether the user with the second value of a statement confirmed a second factor."""

OF_USER: Final = (
    "SELECT r.name, r.permissions, r.privileged FROM usercore_role_assignments AS a"
    " JOIN usercore_roles AS r ON r.id = a.role_id WHERE a.user_id = ? AND r.active"
)

Held = tuple[tuple[str, ...], frozenset[str]]
NO_ROLES: Final[Held] = ((), frozenset())


def roles_of(execute: Callable[..., Any], user_id: int) -> tuple[Held, bool]:
    """Return the names of the user's active roles and their permissions together, and whether one is privileged."""
    rows = execute(OF_USER, (user_id,)).fetchall()
    if not rows:
        return NO_ROLES, False
    return roles_in([row[:2] for row in rows]), any(privileged == 1 for _, _, privileged in rows)


def roles_in(rows: Sequence[Sequence[Any]]) -> Held:
    """Return the same from rows with names and permissions; a row without a name has no role."""
    found = {name: json.loads(permissions or "[]") for name, permissions in rows if name is not None}
    names = sorted(found, key=lambda name: normalize("NFKC", normalize("NFKC", name).casefold()))
    return tuple(names), frozenset(one for permissions in found.values() for one in permissions)
