"""Calls of use-cases with JSON as input: what has the wrong JSON type is refused by field.

The fields that JSON may fill are named by the caller, so that a body cannot set ``note`` or ``validate_email`` where
the caller did not mean it. Their types are read from the use-case's own signature, so nothing is declared twice.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Any, Final, TypeGuard, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints
from uuid import UUID

from usercore.kernel.context import printable_prefix
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.kernel.secret import Secret
from usercore.kernel.text import FieldErrors
from usercore.kernel.time import EPOCH
from usercore.kernel.unset import Unset

T = TypeVar("T")

_REFERENCES: Final[Mapping[type, str]] = {
    Email: "email",
    Username: "username",
    ExternalId: "external_id",
    AccessId: "access_id",
    AnyId: "any_id",
}
"""How JSON names a user other than by id or UUID: an object with one member, such as ``{"email": "a@example.com"}``."""

_WRONG: Final = object()
"""Stands for a value of the wrong JSON type."""

_NAME_BYTES: Final = 64
"""Bytes that are shown of a field's name, which anything may be."""

_DATETIME: Final = type(EPOCH)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""An instant as forms write it. Source: RFC 3339, 5.6."""

_DATE: Final = type(EPOCH.date())
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_MOST_DIGITS: Final = 9
"""Digits of a number that is the key of an object."""

_PLAIN: Final = frozenset({str, int, bool, float, type(None)})
_LISTS: Final = frozenset({Sequence, Collection, Iterable, list, tuple})
_IMPLIED: Final = frozenset({Unset, Secret})
"""Alternatives that JSON expresses otherwise: a field that is left out, and text."""


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
    hints, required = _parameters_of(inspect.unwrap(getattr(method, "__func__", method)), frozenset(fields))
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


@lru_cache(maxsize=512)
def _parameters_of(function: Callable[..., object], fields: frozenset[str]) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the types of these parameters, and the names of all that a call must have."""
    hints, required = _all_parameters_of(function)
    for name in sorted(fields):
        if name not in hints or not _is_readable(hints[name]):
            msg = f"{function.__qualname__} has no parameter {name!r} that JSON can express"
            raise TypeError(msg)
    return {name: hint for name, hint in hints.items() if name in fields}, required & fields


def _all_parameters_of(function: Callable[..., object]) -> tuple[dict[str, Any], frozenset[str]]:
    hints, required = get_type_hints(function), set()
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hint := hints.get(name)) is Unpack:
            (options,) = get_args(hint)
            hints |= get_type_hints(options)
            required |= options.__required_keys__
        elif parameter.default is inspect.Parameter.empty:
            required.add(name)
    return hints, frozenset(required)


def _alternatives_of(hint: Any) -> Sequence[Any]:  # noqa: ANN401 - any annotation
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        return [part for part in get_args(hint) if part not in _IMPLIED]
    return (hint,)


def _is_readable(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    kinds = [get_origin(one) or one for one in _alternatives_of(hint)]
    known = _PLAIN | _LISTS | _REFERENCES.keys() | _WRITTEN.keys() | {Mapping, object}
    return any((kind in known and kind is not type(None)) or _is_enum(kind) for kind in kinds)


def _is_enum(kind: Any) -> TypeGuard[type[StrEnum]]:  # noqa: ANN401 - any annotation
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _read(hint: Any, value: object) -> object:  # noqa: ANN401 - any annotation
    """Return a JSON value as the first alternative of this type that it fits, or ``_WRONG``."""
    found = (_read_as(one, value) for one in _alternatives_of(hint))
    return next((read for read in found if read is not _WRONG), _WRONG)


def _read_as(hint: Any, value: object) -> object:  # noqa: ANN401 - any annotation
    kind = get_origin(hint) or hint
    if kind is object:
        return value
    if kind in _PLAIN:
        return value if type(value) is kind else _WRONG
    if kind in _LISTS and isinstance(value, list):
        return _read_list(hint, value)
    if kind is Mapping and isinstance(value, dict):
        return _read_mapping(hint, value)
    if isinstance(value, str) and (kind in _WRITTEN or _is_enum(kind)):
        return _read_written(kind, value)
    return _read_reference(kind, value) if kind in _REFERENCES else _WRONG


def _read_written(kind: Any, text: str) -> object:  # noqa: ANN401 - any annotation
    if _is_enum(kind):
        return next((member for member in kind if member.value == text), _WRONG)
    return _WRITTEN[kind](text)


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
        return int(key) if key.isascii() and key.isdecimal() and len(key) <= _MOST_DIGITS else _WRONG
    return key


def _read_uuid(text: str) -> object:
    try:
        return UUID(text)
    except ValueError:
        return _WRONG


def _read_instant(text: str) -> object:
    """Read an instant as RFC 3339 writes it, which has a time zone."""
    try:
        return _DATETIME.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else _WRONG
    except ValueError:
        return _WRONG


def _read_date(text: str) -> object:
    """Read a date as forms write it."""
    try:
        return _DATE.fromisoformat(text) if _DAY.fullmatch(text) else _WRONG
    except ValueError:
        return _WRONG


_WRITTEN: Final[Mapping[type, Callable[[str], object]]] = {
    UUID: _read_uuid,
    _DATETIME: _read_instant,
    _DATE: _read_date,
}
"""Types that JSON writes as text, and how they are read."""


def _read_reference(kind: Callable[[Any], object], value: object) -> object:
    if not isinstance(value, dict) or list(value) != [_REFERENCES[kind]]:  # type: ignore[index]  # one of its keys
        return _WRONG
    (text,) = value.values()
    return kind(text) if isinstance(text, str) else _WRONG
