"""What JSON may give a use-case: its parameters, their types, and how JSON writes values of these."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import FunctionType, SimpleNamespace, UnionType
from typing import Any, Final, TypeGuard, Union, Unpack, get_args, get_origin, get_type_hints
from uuid import UUID

from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.kernel.time import EPOCH

DATETIME: Final = type(EPOCH)
DATE: Final = type(EPOCH.date())

REFERENCES: Final[Mapping[type, str]] = {
    Email: "email",
    Username: "username",
    ExternalId: "external_id",
    AccessId: "access_id",
    AnyId: "any_id",
}
"""How JSON names a user other than by id or UUID: an object with one member, such as ``{"email": "a@example.com"}``."""

PLAIN: Final = frozenset({str, int, bool, float, type(None)})
LISTS: Final = frozenset({Sequence, Collection, Iterable, list, tuple})
WRITTEN: Final = frozenset({UUID, DATETIME, DATE})
"""Types that JSON writes as text."""

ANYTHING: Final = frozenset[object]({Any, object})
"""Types of which each JSON value is one."""

MOST_DIGITS: Final = 9
"""Digits of a number that is the key of an object."""

_READABLE: Final = frozenset[object]({*PLAIN, *LISTS, *WRITTEN, *REFERENCES, *ANYTHING, Mapping})
"""``Unset`` and ``Secret`` are not among them: JSON leaves the field out, and writes text."""


def function_of(method: Callable[..., Any]) -> FunctionType:
    """Return the function that a method of a use-case calls, for ``parameters_of``."""
    unwrapped: FunctionType = inspect.unwrap(getattr(method, "__func__", method))
    return unwrapped


@lru_cache(maxsize=512)
def parameters_of(function: FunctionType, fields: frozenset[str]) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the types of these parameters in their order, and the names of those that a call must have.

    Raises:
        TypeError: the function has no such parameter, or one that JSON cannot express.
    """
    hints, required = _all_parameters_of(function)
    for name in sorted(fields):
        if name not in hints or set(alternatives_of(hints[name])) <= {type(None)}:
            msg = f"{function.__qualname__} has no parameter {name!r} that JSON can express"
            raise TypeError(msg)
    return {name: hint for name, hint in hints.items() if name in fields}, required & fields


def _all_parameters_of(function: FunctionType) -> tuple[dict[str, Any], frozenset[str]]:
    # What a call returns need not be loaded yet: its name may be known to type checkers only.
    given = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    hints = get_type_hints(SimpleNamespace(__annotations__=given), function.__globals__)
    required = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hint := hints.get(name)) is Unpack:
            (options,) = get_args(hint)
            hints |= get_type_hints(options)
            required |= options.__required_keys__
        elif parameter.default is inspect.Parameter.empty:
            required.add(name)
    return hints, frozenset(required)


def alternatives_of(hint: Any) -> Sequence[Any]:  # noqa: ANN401 - any annotation
    """Return the types of which JSON may give one."""
    is_union = isinstance(hint, UnionType) or get_origin(hint) is Union
    return [one for one in (get_args(hint) if is_union else (hint,)) if _is_readable(get_origin(one) or one)]


def _is_readable(kind: Any) -> bool:  # noqa: ANN401 - any annotation
    return kind in _READABLE or is_enum(kind)


def is_enum(kind: Any) -> TypeGuard[type[StrEnum]]:  # noqa: ANN401 - any annotation
    """Return whether a type is an enumeration, which JSON writes by the values of its members."""
    return isinstance(kind, type) and issubclass(kind, StrEnum)
