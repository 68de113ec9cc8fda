"""What is kept of a change. Pure."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from usercore.history.model import Entry
from usercore.kernel.changes import Change
from usercore.kernel.context import Context

LONGEST: Final = 1000
"""Characters of a text that are kept whole. Source: usercore, so that a page of history stays below a few megabytes."""

_START: Final = 100

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry_of(change: Change, *, change_no: int, position: int, context: Context, at: datetime) -> Entry:
    """Make the entry of a change: of what is old and new only what differs, of what is new only what is not empty."""
    old, new = _differing(change)
    return Entry(
        subject_id=change.subject_id,
        subject=change.kind.subject,
        change_no=change_no,
        position=position,
        tenant_id=context.tenant_id,
        kind=change.kind.name,
        at=at,
        actor=str(context.actor),
        ip=context.ip,
        source=context.source,
        old_text=_encode(old) if old else None,
        new_text=_encode(new) if new else None,
    )


def _differing(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    fields, before, after = change.kind.fields, change.old, change.new
    if after is None:
        return _not_empty(fields, before), {}
    if before is None:
        return {}, _not_empty(fields, after)
    names = [name for name in fields if getattr(before, name) != getattr(after, name)]
    return {name: plain(getattr(before, name)) for name in names}, {name: plain(getattr(after, name)) for name in names}


def _not_empty(fields: tuple[str, ...], values: object) -> dict[str, Any]:
    if values is None:
        return {}
    kept = {}
    for name in fields:
        value = getattr(values, name)
        if value is not None and (isinstance(value, str) or not is_empty(value)):  # nearly all are None or text
            kept[name] = plain(value)
    return kept


def is_empty(value: object) -> bool:
    """Say whether a field of something new says nothing: None, False, or a tuple of None."""
    return value is None or value is False or (isinstance(value, tuple) and not any(value))


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON knows
    """Give a value as JSON knows it; a long text by its start and its digest."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:_START]}... sha256:{sha256(value.encode()).hexdigest()}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value
