"""Which actions the host may log, and how an entry of the log is made. Pure."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from usercore.history.model import Action
from usercore.kernel.context import Context
from usercore.kernel.ids import UserId
from usercore.kernel.text import clean_exact, refuse

ACTION_LIMIT: Final = 255
"""Characters of the name of an action. Source: usercore, as keys of meta."""

DEPTH_LIMIT: Final = 20
"""Lists and objects inside one another. Source: usercore: enough for any form, and no reader of JSON refuses it."""

_INTEGER_LIMIT: Final = 1 << 63
"""Integers lie below it, and not below its negative. Source: usercore: as SQL engines have them."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def clean_action(value: object) -> str:
    """Return the name of an action: one line of 1 to 255 characters, compared exactly.

    Raises:
        TypeError: it is not text.
        Invalid: it is empty, too long, or has forbidden characters or white space at its ends.
    """
    return clean_exact(value, field="action", most=ACTION_LIMIT)


def clean_params(params: object, *, most: int) -> str | None:
    """Return plain data as JSON of at most ``most`` bytes, or None if there is none.

    Raises:
        TypeError: a value is not plain data, or a key is not text.
        Invalid: ``too_long``, ``too_deep``, ``not_unicode``, or ``out_of_range`` for a number.
    """
    if params is None:
        return None
    if not isinstance(params, Mapping):
        raise TypeError(f"params must be a mapping, not {type(params).__name__}")
    if not params:
        return None
    plain = dict(params)
    _check_parts(plain, most)
    text = _encode(plain)
    if len(text.encode()) > most:
        refuse("params", "too_long")
    return text


def _check_parts(whole: object, most: int) -> None:
    """Check each part by itself, and that there are no more parts than bytes, as there are if lists are repeated."""
    left, parts = most, [(whole, 1)]
    while parts:
        part, depth = parts.pop()
        left -= 1
        if left < 0:
            refuse("params", "too_long")
        if isinstance(part, dict | list | tuple):
            if depth > DEPTH_LIMIT:
                refuse("params", "too_deep")
            parts += ((one, depth + 1) for one in _parts_of(part))
        else:
            _check_scalar(part)


def _parts_of(part: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterable[object]:
    if not isinstance(part, dict):
        return part
    for key in part:
        if not isinstance(key, str):
            raise TypeError(f"the keys of params must be text, not {type(key).__name__}")
    return [*part, *part.values()]


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            refuse("params", "not_unicode")
    elif isinstance(value, float):
        if not math.isfinite(value):
            refuse("params", "out_of_range")
    elif isinstance(value, int):
        if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            refuse("params", "out_of_range")
    elif value is not None:
        raise TypeError(f"params must be plain data, as JSON has it; {type(value).__name__} is not")


def action_of(
    context: Context, action: str, *, number: int, user_id: UserId | None, params: str | None, at: datetime
) -> Action:
    """Return the entry of an action."""
    return Action(
        user_id=user_id,
        id=number,
        tenant_id=context.tenant_id,
        action=action,
        at=at,
        actor=str(context.actor),
        ip=context.ip,
        source=context.source,
        params_text=params,
    )
