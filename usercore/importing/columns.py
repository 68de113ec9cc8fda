"""The names of a file's columns: the fields they are mapped to, and how errors show them."""

import re
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Final, NoReturn

import attrs

from usercore.importing.records import FIELDS, instant_in
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.values import frozen

SHOWN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ ./-]{0,31}")
"""Names of columns that errors show; others are shown by position, because they may be personal data."""


@frozen(kw_only=True)
class Columns:
    """How the names and instants of a file are read.

    ``names`` maps the file's names to the names of fields; ``zone`` is the zone of instants that have none.
    """

    names: Mapping[str, str] = attrs.field(factory=dict)
    zone: tzinfo | None = None

    def check(self, allowed: Iterable[str] = FIELDS) -> None:
        """Check that the names are mapped to fields that exist.

        Raises:
            Invalid: ``unknown_field``, or ``repeated`` if two names are mapped to one field.
        """
        fields = list(self.names.values())
        unknown = sorted(set(fields) - set(allowed))
        errors = [FieldError(name if SHOWN_NAME.fullmatch(name) else "map", "unknown_field") for name in unknown]
        errors += [
            FieldError(name, "repeated") for name in sorted(set(fields) - set(unknown)) if fields.count(name) > 1
        ]
        if errors:
            refuse_with(errors, f"names are mapped to fields; expected {listed(allowed)}")

    def name_of(self, name: str) -> str:
        """Return the field that a name of the file stands for."""
        return self.names.get(name, name)

    def instants_read(self, values: dict[str, object]) -> dict[str, object]:
        """Read an instant without a zone in the default zone."""
        text = values.get("created_at")
        if self.zone is not None and isinstance(text, str):
            values["created_at"] = instant_in(text, self.zone)
        return values


def refuse_with(errors: Iterable[FieldError], note: str) -> NoReturn:
    """Raise these errors with a note on what was found and what was expected.

    Raises:
        Invalid: always.
    """
    error = Invalid(tuple(errors))
    error.add_note(note)
    raise error


def listed(fields: Iterable[str]) -> str:
    """Return names in their order, as a note shows them."""
    return ", ".join(sorted(fields))
