"""All data of a person as plain JSON data, from the declarations of rows. Secrets and hashes are never in it."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from operator import attrgetter
from typing import Any, Final, Protocol
from uuid import UUID

from usercore.history.model import Entry
from usercore.kernel.changes import Subject
from usercore.kernel.ids import LIMIT
from usercore.kernel.personal import Rows
from usercore.privacy.steps import ClaimedUnit, claimed_by
from usercore.storage import ROWS
from usercore.storage.personal_rows import PersonalRowsUnit
from usercore.users.fields import ATTRIBUTES
from usercore.users.identifiers import claims_of
from usercore.users.model import USER_ROWS, User

FORMAT: Final = "usercore.person/1"
"""The form of an export. A later form that programs could misread gets another number."""

SECTIONS: Final[Mapping[str, Rows]] = {
    rows.section: rows for rows in sorted(ROWS.values(), key=lambda one: one.section or "") if rows.section is not None
}
"""The declared rows that an export lists, by the name of their section."""

_by_id: Final = attrgetter("id")
_IDENTIFIERS: Final = ("email", "username", "external_id", "access_ids", "created_at")


class ExportingUnit(ClaimedUnit, PersonalRowsUnit, Protocol):
    """What an export reads."""


def export_of(unit: ExportingUnit, user: User) -> dict[str, Any]:
    """Return all data of a user by section, without the form and the instant; also of those whom the user claimed."""
    claimed = unit.users.get_many(claimed_by(unit, user.id))
    return {**_sections_of(unit, user), "claimed": [_sections_of(unit, one) for one in sorted(claimed, key=_by_id)]}


def _sections_of(unit: ExportingUnit, user: User) -> dict[str, Any]:
    history = unit.history.list_of(Subject.USER, user.id, before=None, limit=LIMIT)
    return {
        "user": record_of(user),
        "account": _account_of(user),
        **{name: _listed(rows, unit.personal_rows.list_of(rows.entity, user.id)) for name, rows in SECTIONS.items()},
        "history": [_change_of(entry) for entry in reversed(history)],
    }


def record_of(user: User) -> dict[str, Any]:
    """Return what of a user ``registration.import_users`` takes as a record, without the id.

    The UUID is in it if it was supplied, or if nothing else names the user.
    """
    own = {name: getattr(user, attribute) for name, attribute in ATTRIBUTES.items()}
    named = {name: getattr(user, name) for name in _IDENTIFIERS}
    uuid = user.supplied_uuid if claims_of(user) else user.uuid
    values = {**named, "uuid": uuid, "email_verified": user.email_verified, **own}
    return {name: plain(value) for name, value in values.items()}


def _account_of(user: User) -> dict[str, Any]:
    """Return the columns of a user that are not in the record."""
    recorded = {*ATTRIBUTES.values(), *_IDENTIFIERS, "supplied_uuid", "tenant_id"}
    left = [name for name in USER_ROWS.columns if name not in recorded]
    return {name: plain(getattr(user, name)) for name in sorted(left)} | {"uuid": str(user.uuid)}


def _listed(rows: Rows, found: Iterable[object]) -> list[dict[str, Any]]:
    shown = [name for name in sorted(rows.personal + rows.plain) if name not in {rows.user, "tenant_id"}]
    return [{name: plain(getattr(row, name)) for name in shown} for row in found]


def _change_of(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "at": plain(entry.at),
        "actor": entry.actor,
        "ip": entry.ip,
        "source": entry.source,
        "old": dict(entry.old),
        "new": dict(entry.new),
    }


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON knows
    """Return a value of a column as JSON has it: instants and days in ISO 8601, members of enumerations as texts."""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):  # also an instant
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
