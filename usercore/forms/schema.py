"""JSON Schemas of what ``forms.call`` reads, for descriptions of web APIs."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, get_args, get_origin
from uuid import UUID

from usercore.forms.signatures import (
    ANYTHING,
    DATE,
    DATETIME,
    LISTS,
    MOST_DIGITS,
    REFERENCES,
    alternatives_of,
    function_of,
    parameters_of,
)

Schema = Mapping[str, Any]
"""A JSON Schema, as ``json.dumps`` takes it."""

_SIMPLE: Final[Mapping[Any, Schema]] = {
    **{kind: {} for kind in ANYTHING},
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    UUID: {"type": "string", "format": "uuid"},
    DATETIME: {"type": "string", "format": "date-time"},
    DATE: {"type": "string", "format": "date"},
}


def schema(method: Callable[..., object], fields: Collection[str]) -> Schema:
    """Return the JSON Schema (2020-12) of the bodies that ``forms.call`` reads for this use-case and these fields.

    Raises:
        TypeError: the use-case has no such field, or one that JSON cannot express.
    """
    hints, required = parameters_of(function_of(method), frozenset(fields))
    return _object({name: _schema_of(hint) for name, hint in hints.items()}, required)


def _object(properties: Mapping[str, Schema], required: Collection[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(required),
        "additionalProperties": False,
    }


def _schema_of(hint: Any) -> Schema:  # noqa: ANN401 - any annotation
    found = [_schema_of_one(one) for one in alternatives_of(hint)]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _schema_of_one(hint: Any) -> Schema:  # noqa: ANN401 - any annotation
    kind = get_origin(hint) or hint
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind in LISTS:
        return {"type": "array", "items": _schema_of(get_args(hint)[0])}
    if kind is Mapping:
        return _schema_of_mapping(*get_args(hint))
    if kind in REFERENCES:
        return _object({REFERENCES[kind]: _SIMPLE[str]}, [REFERENCES[kind]])
    return {"type": "string", "enum": [member.value for member in kind]}


def _schema_of_mapping(key: Any, value: Any) -> Schema:  # noqa: ANN401 - any annotation
    names = {"propertyNames": {"pattern": rf"^[0-9]{{1,{MOST_DIGITS}}}$"}} if key is int else {}
    return {"type": "object", "additionalProperties": _schema_of(value), **names}
