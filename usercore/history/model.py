"""Entries of history, which usercore makes of each change, and actions, which the host logs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from usercore.kernel.bounds import whole
from usercore.kernel.changes import Subject
from usercore.kernel.entity import entity
from usercore.kernel.errors import Corrupt
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen


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
        return _values_in(self.old_text, "old_text of an entry of history")

    @property
    def new(self) -> Mapping[str, Any]:
        """The values after, of those fields that changed or, in a new entity, are not empty."""
        return _values_in(self.new_text, "new_text of an entry of history")


@entity
class Action:
    """An entry of the action log: what the host says was done, when, by whom and from where.

    ``user_id`` is the user that the action is about, or None. ``actor`` has the form of ``Actor``.
    """

    user_id: UserId | None
    id: int
    tenant_id: TenantId
    action: str
    at: datetime
    actor: str
    ip: str | None
    source: str | None
    params_text: str | None = attrs.field(default=None, repr=False)

    @property
    def params(self) -> Mapping[str, Any]:
        """The plain data that the host logged with the action; empty if there is none."""
        return _values_in(self.params_text, "params_text of an action")


@entity
class ActionCount:
    """How often an action was logged."""

    action: str
    count: int


@frozen(kw_only=True)
class ActionLogPolicy:
    """How much the host may log with an action."""

    max_bytes: int = whole(16_384, least=1, most=65_536, unit="bytes")
    """Bytes of the params, as JSON in UTF-8. Source: usercore: a page of 1000 actions has 16 MB at most."""


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
        raise Corrupt(f"{name} is not a JSON object")
    return values


ROWS: Final = (
    Rows(
        entity=Entry,  # of the texts, the fields that their kind of change declares as personal
        erasure=Erasure.BLANKS,
        personal="ip old_text new_text",
        plain="subject_id subject change_no position tenant_id kind at actor source",
    ),
    Rows(
        entity=Action,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="actions",
        personal="ip params_text",
        plain="user_id id tenant_id action at actor source",
    ),
)
