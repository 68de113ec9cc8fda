"""Calls of use-cases with JSON as input: what has the wrong JSON type is refused by field.

The fields that JSON may fill are named by the caller, so that a body cannot set ``note`` or ``validate_email`` where
the caller did not mean it. Their types are read from the use-case's own signature, so nothing is declared twice.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args, get_origin
from uuid import UUID

from usercore.forms.signatures import (
    ANYTHING,
    DATE,
    DATETIME,
    LISTS,
    MOST_DIGITS,
    PLAIN,
    REFERENCES,
    WRITTEN,
    alternatives_of,
    function_of,
    is_enum,
    parameters_of,
)
from usercore.kernel.context import printable_prefix
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.text import FieldErrors

T = TypeVar("T")

_WRONG: Final = object()
"""Stands for a value of the wrong JSON type."""

_NAME_BYTES: Final = 64
"""Bytes that are shown of a field's name, which anything may be."""

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""An instant as forms write it. Source: RFC 3339, 5.6."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def call(method: Callable[..., T], body: object, /, fields: Collection[str], **given: object) -> T:
    """Call a use-case with the named ``fields`` from the JSON ``body``, and with what else is ``given``.

    ``forms.call(core.registration.register, body, fields=["email", "password"], source="shop")``. A field that is
    missing in ``body`` is left out of the call. A user is named by id, by UUID, or by an object such
    as ``{"email": "ann@example.com"}``.

    Raises:
        Invalid: every field that is unknown (``unknown``), required and not there (``missing``) or of another JSON
            type (``wrong_type``); ``body`` itself is no object.
        TypeError: the use-case has no such field, or one that JSON cannot express.
        UsercoreError: what the use-case raises.
    """
    hints, required = parameters_of(function_of(method), frozenset(fields))
    if not isinstance(body, Mapping):
        raise Invalid((FieldError("body", "wrong_type"),))
    faults = FieldErrors()
    for name in body:
        if name not in hints:
            faults.add(_shown(name), "unknown")
    for name in sorted(required - body.keys() - given.keys()):
        faults.add(name, "missing")
    values = {name: _read(hints[name], body[name]) for name in hints if name in body}
    for name, value in values.items():
        if value is _WRONG:
            faults.add(name, "wrong_type")
    faults.check()
    return method(**values, **given)


def _shown(name: object) -> str:
    return printable_prefix(name, _NAME_BYTES) if isinstance(name, str) else type(name).__name__


def _read(hint: Any, value: object) -> object:  # noqa: ANN401 - any annotation
    """Return a JSON value as the first alternative of this type that it fits, or ``_WRONG``."""
    found = (_read_as(one, value) for one in alternatives_of(hint))
    return next((read for read in found if read is not _WRONG), _WRONG)


def _read_as(hint: Any, value: object) -> object:  # noqa: ANN401 - any annotation
    kind = get_origin(hint) or hint
    if kind in ANYTHING:
        return value
    if kind in PLAIN:
        is_number = kind is float and type(value) is int  # JSON has one kind of numbers
        return value if type(value) is kind or is_number else _WRONG
    if kind in LISTS and isinstance(value, list):
        return _read_list(hint, value)
    if kind is Mapping and isinstance(value, dict):
        return _read_mapping(hint, value)
    if isinstance(value, str) and (kind in WRITTEN or is_enum(kind)):
        return _read_written(kind, value)
    return _read_reference(kind, value) if kind in REFERENCES else _WRONG


def _read_written(kind: Any, text: str) -> object:  # noqa: ANN401 - any annotation
    if is_enum(kind):
        return next((member for member in kind if member.value == text), _WRONG)
    return _READERS[kind](text)


def _read_list(hint: Any, value: Sequence[object]) -> object:  # noqa: ANN401 - any annotation
    parts = [_read(get_args(hint)[0], part) for part in value]
    return _WRONG if _WRONG in parts else parts


def _read_mapping(hint: Any, value: Mapping[str, object]) -> object:  # noqa: ANN401 - any annotation
    key_hint, value_hint = get_args(hint)
    keys = [_read_key(key_hint, key) for key in value]
    values = [_read(value_hint, part) for part in value.values()]
    return _WRONG if _WRONG in keys or _WRONG in values else dict(zip(keys, values, strict=True))


def _read_key(hint: Any, key: str) -> object:  # noqa: ANN401 - any annotation
    """Read the key of an object; where the use-case takes numbers, JSON has their decimal text."""
    if hint is int:
        return int(key) if key.isascii() and key.isdecimal() and len(key) <= MOST_DIGITS else _WRONG
    return key


def _read_uuid(text: str) -> object:
    try:
        return UUID(text)
    except ValueError:
        return _WRONG


def _read_instant(text: str) -> object:
    """Read an instant as RFC 3339 writes it, which has a time zone."""
    try:
        return DATETIME.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else _WRONG
    except ValueError:
        return _WRONG


def _read_date(text: str) -> object:
    """Read a date as forms write it."""
    try:
        return DATE.fromisoformat(text) if _DAY.fullmatch(text) else _WRONG
    except ValueError:
        return _WRONG


_READERS: Final[Mapping[type, Callable[[str], object]]] = {
    UUID: _read_uuid,
    DATETIME: _read_instant,
    DATE: _read_date,
}
"""How types that JSON writes as text are read."""


def _read_reference(kind: Callable[[Any], object], value: object) -> object:
    if not isinstance(value, dict) or list(value) != [REFERENCES[kind]]:  # type: ignore[index]  # one of its keys
        return _WRONG
    (text,) = value.values()
    return kind(text) if isinstance(text, str) else _WRONG
