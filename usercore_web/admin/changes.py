"""What an entry of history says: field by field, before and after."""

import json
from typing import Any, NamedTuple

from usercore import Entry


class Difference(NamedTuple):
    """A field of a change, before and after; None is nothing."""

    field: str
    old: str | None
    new: str | None


def differences(entry: Entry) -> list[Difference]:
    """Return the fields that an entry stores, by name, but for the reason."""
    names = sorted({*entry.old, *entry.new} - {"reason"})
    return [Difference(name, text_of(entry.old.get(name)), text_of(entry.new.get(name))) for name in names]


def text_of(value: Any) -> str | None:  # noqa: ANN401 - a value of JSON
    """Return a value of JSON as text for people."""
    if value is None or isinstance(value, str):
        return value
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
