"""What changes: field by field, before and after. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A field of a change, before and after; None is nothing."""

    field: str
    old: str | None
    new: str | None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return the fields of both sides, by name, but for the reason of a change. Fields may be alike on both."""
    names = sorted({*old, *new} - {"reason"})
    return [Difference(name, text_of(old.get(name)), text_of(new.get(name))) for name in names]


def text_of(value: Any) -> str | None:  # noqa: ANN401 - a value of JSON
    """Return a value of JSON as text for people."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False)
