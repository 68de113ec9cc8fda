"""What a key and a value may be, and whether a value keeps the rule of its key. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final, NoReturn

from usercore.kernel.context import Actor
from usercore.kernel.entity import evolve
from usercore.kernel.errors import NotAllowed
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.text import check_assigned, check_text, check_type, refuse
from usercore.meta.model import KEY_LIMIT, MetaPolicy, MetaRule, MetaType, MetaValue, StoredMeta

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(_DATE.pattern + r"[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2})")


def clean_key(key: str) -> str:
    """Return a key in NFC. Keys are compared exactly.

    Raises:
        TypeError: it is not text.
        Invalid: it is ``empty``, ``too_long``, not one line of text that can be shown, or has unassigned characters.
    """
    text = check_text(key, field="key", most=KEY_LIMIT)
    if not text:
        refuse("key", "empty")
    check_assigned(text, field="key")
    return text


def clean_value(value: str, *, most: int) -> str:
    """Return a value as it is, if it has at most ``most`` bytes of UTF-8, no NUL and no lone surrogate.

    Raises:
        TypeError: it is not text.
        Invalid: ``too_long``, ``control_character`` or ``not_unicode``.
    """
    text = check_type(value, str, name="value")
    if len(text) > most:  # no character takes less than a byte
        refuse("value", "too_long")
    if "\0" in text:
        refuse("value", "control_character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        refuse("value", "not_unicode")
    if size > most:
        refuse("value", "too_long")
    return text


def rule_of(policy: MetaPolicy, key: str) -> MetaRule | None:
    """Return the rule that is declared for a key, or None."""
    return next((rule for rule in policy.rules if rule.key == key), None)


def check_keeps(value: str, rule: MetaRule | None) -> None:
    """Refuse a value that breaks the rule of its key.

    Raises:
        Invalid: the value is not of the rule's type: ``not_integer``, ``not_decimal``, ...
    """
    if rule is not None and not _FITS[rule.type](value, rule):
        refuse("value", _reason_of(rule))


def check_writer(actor: Actor, rule: MetaRule | None) -> None:
    """Refuse an actor who may not write values of this key.

    Raises:
        NotAllowed: the rule names other kinds of actors.
    """
    if rule is not None and rule.writers is not None and actor.kind not in rule.writers:
        raise NotAllowed("meta.write")


def breach_of(stored: StoredMeta, rule: MetaRule | None) -> str | None:
    """Return the reason why a stored value breaks the rule of its key, or None."""
    if rule is None:
        return None
    if not _FITS[rule.type](stored.value, rule):
        return _reason_of(rule)
    return None if rule.public in (None, stored.public) else "wrong_public"


def next_value(
    old: StoredMeta | None,
    *,
    user_id: UserId,
    tenant_id: TenantId,
    key: str,
    value: str,
    public: bool | None,
    at: datetime,
) -> StoredMeta:
    """Return what is to be stored, which is ``old`` itself if nothing changes; ``public`` None leaves the flag."""
    if old is None:
        return StoredMeta(
            user_id=user_id,
            tenant_id=tenant_id,
            key=key,
            value=value,
            public=bool(public),
            created_at=at,
            modified_at=at,
        )
    flag = old.public if public is None else public
    if (old.value, old.public) == (value, flag):
        return old
    return evolve(old, value=value, public=flag, modified_at=at)


def shown(stored: StoredMeta, rule: MetaRule | None) -> MetaValue:
    """Return a stored value as callers see it."""
    return MetaValue(
        user_id=stored.user_id,
        key=stored.key,
        value=stored.value,
        public=stored.public,
        created_at=stored.created_at,
        modified_at=stored.modified_at,
        breaks=breach_of(stored, rule),
    )


def _reason_of(rule: MetaRule) -> str:
    return "not_a_choice" if rule.type is MetaType.ONE_OF else f"not_{rule.type.value}"


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return _DATE.fullmatch(value) is not None


def _is_instant(value: str) -> bool:
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return _INSTANT.fullmatch(value) is not None


def _is_json(value: str) -> bool:
    try:
        json.loads(value, parse_constant=_no_json)
    except (RecursionError, ValueError):
        return False
    return True


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the infinities are Python's, not JSON's


_FITS: Final[Mapping[MetaType, Callable[[str, MetaRule], bool]]] = {
    MetaType.TEXT: lambda _, __: True,
    MetaType.INTEGER: lambda value, _: _INTEGER.fullmatch(value) is not None,
    MetaType.DECIMAL: lambda value, _: _DECIMAL.fullmatch(value) is not None,
    MetaType.BOOLEAN: lambda value, _: value in {"true", "false"},
    MetaType.DATE: lambda value, _: _is_date(value),
    MetaType.INSTANT: lambda value, _: _is_instant(value),
    MetaType.ONE_OF: lambda value, rule: value in rule.choices,
    MetaType.JSON: lambda value, _: _is_json(value),
}
"""Whether a value is of a type. Numbers are plain decimals, dates and instants as RFC 3339 writes them."""
