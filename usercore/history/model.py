"""An entry of history: the actor, the subject, the time and origin of a change, and the values before and after."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from usercore.kernel.changes import Subject
from usercore.kernel.entity import entity
from usercore.kernel.errors import Corrupt
from usercore.kernel.ids import TenantId


@entity
class Entry:
    """One change. A subject's entries are ordered by ``change_no``, the unit, and ``position`` in it.

    ``actor`` has the form of ``Actor``. Values are stored as JSON text: instants in RFC 3339, long texts as their start
    and digest, never a secret or a hash.
    """

    subject_id: int
    subject: Subject
    change_no: int
    position: int
    tenant_id: TenantId
    kind: str
    at: datetime
    actor: str
    ip: str | None = None
    source: str | None = None
    old_text: str | None = attrs.field(default=None, repr=False)
    new_text: str | None = attrs.field(default=None, repr=False)

    @property
    def old(self) -> Mapping[str, Any]:
        """The values before, of those fields that changed."""
        return _values_in(self.old_text, "old_text")

    @property
    def new(self) -> Mapping[str, Any]:
        """The values after, of those fields that changed or, in a new entity, are not empty."""
        return _values_in(self.new_text, "new_text")


def _values_in(text: str | None, name: str) -> Mapping[str, Any]:
    """Parse values by field.

    Raises:
        Corrupt: the text is not a JSON object.
    """
    try:
        values = {} if text is None else json.loads(text)
    except (RecursionError, ValueError):  # its message may show the values
        values = None
    if not isinstance(values, dict):
        raise Corrupt(f"{name} of an entry of history is not a JSON object")
    return values
