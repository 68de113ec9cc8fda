"""The input and the result of an import. Errors in a record are reported, not raised."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from usercore.kernel.errors import FieldError
from usercore.kernel.values import frozen

BAD_KEPT: Final = 1000
"""Bad records that a report lists. Source: usercore, so that a report of a wrong file stays below a megabyte."""


@frozen
class ImportLine:
    """A record as a reader of files found it: the number of its line, and its values or its errors."""

    number: int
    values: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    errors: tuple[FieldError, ...] = ()


def shown(errors: Iterable[FieldError]) -> str:
    """Return errors as operators see them: ``email: malformed; username: taken``."""
    return "; ".join(f"{fault.field}: {fault.reason}" for fault in errors)


@frozen
class BadRecord:
    """A record that was not imported. ``line`` is the number of its line, or without lines its position, from 1."""

    line: int
    errors: tuple[FieldError, ...]

    def __str__(self) -> str:
        """Return the form for operators: ``line 17: email: malformed``."""
        return f"line {self.line}: {shown(self.errors)}"


@frozen(kw_only=True)
class ImportReport:
    """How many records created a user, changed one, changed nothing, or were bad; and the first 1000 bad ones."""

    created: int
    updated: int
    unchanged: int
    bad_count: int
    bad: tuple[BadRecord, ...]
