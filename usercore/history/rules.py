"""Which values of a change history stores. Pure."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from usercore.history.model import Entry
from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.context import Context
from usercore.kernel.days import is_date
from usercore.kernel.entity import evolve

LONGEST: Final = 1000
"""Characters of a text that is stored whole. Source: usercore: a page of history has a few megabytes at most."""

_START: Final = 100

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry_of(change: Change, *, change_no: int, position: int, context: Context, at: datetime) -> Entry:
    """Return the entry of a change: the values that differ, or, of a new entity, those that are not empty.

    Fields that the kind always stores are there in any case.
    """
    old_text, new_text = _texts_of(change)
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
        old_text=old_text,
        new_text=new_text,
    )


def _texts_of(change: Change) -> tuple[str | None, str | None]:
    kind, before, after = change.kind, change.old, change.new
    if before is None or after is None:
        return _text_of(_filled(kind, before)), _text_of(_filled(kind, after))
    old, new = {}, {}
    for name in kind.fields:
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now or name in kind.always:
            old[name], new[name] = plain(was), plain(is_now)
    return _text_of(old), _text_of(new)


def _filled(kind: ChangeKind, entity: object) -> dict[str, object]:
    """Return the values that are not empty; most are None or text, which needs no call to see."""
    filled = dict[str, object]()
    for name in kind.fields if entity is not None else ():
        value = getattr(entity, name)
        if type(value) is str and len(value) <= LONGEST:
            filled[name] = value
        elif (value is not None and not is_empty(value)) or name in kind.always:
            filled[name] = plain(value)
    return filled


def _text_of(values: dict[str, object]) -> str | None:
    return _encode(values) if values else None


def blank(entry: Entry, fields: frozenset[str]) -> Entry:
    """Return the entry without its address and without these fields in its old and new values."""
    if not fields:
        return evolve(entry, ip=None)
    old, new = (_text_of(_left(values, fields)) for values in (entry.old, entry.new))
    return evolve(entry, ip=None, old_text=old, new_text=new)


def _left(values: Mapping[str, Any], removed: AbstractSet[str]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in removed}


def shown(entry: Entry, kind: ChangeKind | None) -> Entry:
    """Return what subscribers see of the entry: no fields for operators, and of a private side what is always stored.

    No values are shown of a kind that this version does not know. Source: spec U1, M6.
    """
    if kind is None:
        return evolve(entry, old_text=None, new_text=None)
    if not kind.operator_only and kind.shown_if is None:
        return entry
    return evolve(entry, old_text=_shown(entry.old, kind), new_text=_shown(entry.new, kind))


def _shown(values: Mapping[str, Any], kind: ChangeKind) -> str | None:
    is_private = kind.shown_if is not None and not values.get(kind.shown_if)
    fields = kind.always if is_private else frozenset(kind.fields)
    return _text_of(_left(values, values.keys() - (fields - kind.operator_only)))


def is_empty(value: object) -> bool:
    """Return whether the value of a new entity's field is not stored: None, False, or a tuple of None."""
    return value is None or value is False or (isinstance(value, tuple) and not any(value))


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON knows
    """Return a value as JSON has it; a long text as its start and its digest."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:_START]}... sha256:{sha256(value.encode()).hexdigest()}"
    if is_date(value):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value
