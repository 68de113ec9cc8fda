"""Users by hand: their columns, and the entity filled from a row without its constructor, at a fifth of the cost."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from usercore.kernel.preferences import DateFormat
from usercore.users.model import NO_ACCESS_IDS, User, UserState

_USER: Final[Any] = User
_NAMES: Final[tuple[str, ...]] = _USER.__names__

COLUMNS: Final = ", ".join(_NAMES)

_CONVERTED: Final[Mapping[str, str]] = {
    "state": "STATES[{0}]",
    "access_ids": "NO_ACCESS_IDS if {0} is None else tuple(loads({0}))",
    "supplied_uuid": "None if {0} is None else UUID({0})",
    "date_format": "None if {0} is None else DateFormat({0})",
    "is_institution": "{0} == 1",
    "requires_role": "{0} == 1",
    "email_verified_at": "None if {0} is None else instant({0} / 1e6, UTC)",
    "confirmed_at": "None if {0} is None else instant({0} / 1e6, UTC)",
    "last_sign_in_at": "None if {0} is None else instant({0} / 1e6, UTC)",
    "registered_at": "None if {0} is None else instant({0} / 1e6, UTC)",
    "created_at": "instant({0} / 1e6, UTC)",
    "modified_at": "instant({0} / 1e6, UTC)",
}
"""The fields whose columns hold something else, and the expression that makes the one of the other."""

_HELPERS: Final[Mapping[str, object]] = {
    "Draft": _USER.__draft__,
    "User": User,
    "STATES": {state.value: state for state in UserState},
    "NO_ACCESS_IDS": NO_ACCESS_IDS,
    "loads": json.loads,
    "UUID": UUID,
    "DateFormat": DateFormat,
    "instant": datetime.fromtimestamp,
    "UTC": UTC,
}


def _compiled() -> Callable[[tuple[Any, ...]], User]:
    """Compile what one would write by hand: the row is unpacked into the draft, and some values are converted."""
    targets = [f"v_{name}" if name in _CONVERTED else f"user.{name}" for name in _NAMES]
    lines = [
        "def user_of(row):",
        '    """Return the user of a row of ``COLUMNS``."""',
        "    user = Draft()",
        f"    {', '.join(targets)} = row",
        *(f"    user.{name} = {expression.format(f'v_{name}')}" for name, expression in _CONVERTED.items()),
        "    user.__class__ = User",
        "    return user",
    ]
    space = dict(_HELPERS)
    exec("\n".join(lines), space)  # noqa: S102 - only names of fields, and the expressions above
    made: Any = space["user_of"]
    return made  # type: ignore[no-any-return]


user_of: Final = _compiled()
