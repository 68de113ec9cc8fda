"""User details, tenants and roles in the names of Izenda: what a request means, and what an answer says.

What usercore has no counterpart of is a constant here. Of a user these are ``password``, ``newPassword``,
``autoLogin``, ``issueDate``, ``userSecurityQuestions``, ``securityQuestionLastChanged``,
``numberOfFailedSecurityQuestion``, ``notAllowSharing``, ``currentModules``, ``tenantDisplayId`` and ``tenantName``; of
a tenant ``modules``, ``tenantModules`` and ``permission``; of a role ``notAllowSharing``, ``users``, ``permission``,
``visibleQuerySources`` and ``showCheckedQuerySource``; of all of them ``state``, ``deleted`` and ``inserted``. The
roles of a user have only their ids, as in the document's sample.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from usercore import (
    AccountStatusCode,
    FieldError,
    HeldRole,
    Invalid,
    Role,
    RoleAssignment,
    SavedUser,
    Tenant,
    User,
    UserCore,
)

Names = Callable[[str], str]
"""Returns the name of an actor as others read it."""


Changed = User | Tenant | Role | RoleAssignment
"""What has an author and a version."""


def name_in(actor: str) -> str:
    """Return the name in the text of an actor, without its kind."""
    return actor.partition(":")[2]


FIELDS: Final = {
    "systemAdmin": "is_admin",
    "userName": "username",
    "emailAddress": "email",
    "lastName": "last_name",
    "firstName": "first_name",
    "cultureName": "language",
    "dateFormat": "date_format",
}
"""The fields of a detail whose values mean the same, by our names."""

OFFSETS: Final = {"dataOffset": "data_offset_minutes", "timestampOffset": "timestamp_offset_minutes"}
"""Hours here, minutes there."""

KEYS: Final = {
    **{ours: theirs[0].upper() + theirs[1:] for theirs, ours in {**FIELDS, **OFFSETS}.items()},
    "id": "Id",
    "tenant": "TenantId",
    "roles": "Roles",
}
"""The names by which an answer says what is wrong with a field."""


def detail_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user detail as ``registration.save`` takes it, without its tenant.

    What an answer has besides, such as ``fullName`` and ``version``, is ignored, so that answers can be sent back.

    Raises:
        Invalid: an id, an offset or a role has the wrong type.
    """
    detail = {ours: body[theirs] for theirs, ours in FIELDS.items() if theirs in body}
    detail |= {ours: minutes_of(body[theirs], ours) for theirs, ours in OFFSETS.items() if body.get(theirs) is not None}
    roles = body.get("roles")
    if roles is not None and not isinstance(roles, list):
        raise Invalid((FieldError("roles", "wrong_type"),))
    detail["roles"] = [role_of(role, f"roles.{number}") for number, role in enumerate(roles or [], start=1)]
    detail["id"] = None if body.get("id") is None else uuid_of(body["id"], "id")
    return detail


def role_of(value: object, field: str) -> UUID | str:
    """Return the reference to a role: by its id, else by its name.

    Raises:
        Invalid: it has neither, or of the wrong type.
    """
    if not isinstance(value, dict):
        raise Invalid((FieldError(field, "wrong_type"),))
    if value.get("id") is not None:
        return uuid_of(value["id"], field)
    if not isinstance(value.get("name"), str):
        raise Invalid((FieldError(field, "wrong_type"),))
    return str(value["name"])


def uuid_of(value: object, field: str) -> UUID:
    """Return an id.

    Raises:
        Invalid: it is none.
    """
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid((FieldError(field, "malformed"),)) from None


def minutes_of(value: object, field: str) -> int:
    """Return an offset in hours as minutes.

    Raises:
        Invalid: it is no number of hours that are whole minutes.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid((FieldError(field, "wrong_type"),))
    minutes = value * 60
    if minutes in {math.inf, -math.inf} or minutes != int(minutes):
        raise Invalid((FieldError(field, "malformed"),))
    return int(minutes)


def user_form(core: UserCore, tenant_id: UUID | None, saved: SavedUser, names: Names = name_in) -> dict[str, Any]:
    """Return a saved user; admins have no tenant."""
    user, status = saved.user, core.users.status(saved.user.id)
    return {
        "password": None,
        "roles": [_reference_form(held, names) for held in saved.roles],
        "userRoles": [_assignment_form(user, held, names) for held in saved.roles],
        "userSecurityQuestions": None,
        "status": int(status.code),
        "issueDate": "0001-01-01T00:00:00",
        "autoLogin": False,
        "newPassword": None,
        "userName": user.username,
        "emailAddress": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "tenantId": None if tenant_id is None else str(tenant_id),
        "tenantDisplayId": None,
        "tenantName": None,
        "dataOffset": _hours(user.data_offset_minutes),
        "timestampOffset": _hours(user.timestamp_offset_minutes),
        "initPassword": status.password_set,
        "active": status.code is AccountStatusCode.ACTIVE,
        "retryLoginTime": status.failures_in_a_row or None,
        "lastTimeAccessed": _instant(status.last_used_at),
        "passwordLastChanged": _instant(status.password_changed_at),
        "locked": status.locked_until is not None or None,
        "lockedDate": _instant(status.locked_since),
        "cultureName": user.language,
        "securityQuestionLastChanged": None,
        "dateFormat": user.date_format,
        "systemAdmin": user.is_admin,
        "notAllowSharing": False,
        "numberOfFailedSecurityQuestion": None,
        "fullName": user.full_name,
        "currentModules": None,
        "id": str(user.uuid),
        **_audit(user, names),
    }


def _reference_form(held: HeldRole, names: Names) -> dict[str, Any]:
    """Return a role as the sample echoes the reference of the request."""
    unknown = {"version": None, "created": None, "modified": None, "modifiedBy": None}
    return {
        "name": None,
        "tenantId": None,
        "active": False,
        "notAllowSharing": False,
        "id": str(held.role.uuid),
        **_audit(held.assignment, names),
        **unknown,
    }


def _assignment_form(user: User, held: HeldRole, names: Names) -> dict[str, Any]:
    ids = {"userId": str(user.uuid), "roleId": str(held.role.uuid), "id": str(held.assignment.uuid)}
    return {**ids, **_audit(held.assignment, names)}


def tenant_form(tenant: Tenant, names: Names = name_in) -> dict[str, Any]:
    """Return a tenant, whose ``tenantID`` is its key."""
    return {
        "tenantID": tenant.key,
        "name": tenant.name,
        "description": tenant.description,
        "active": tenant.active,
        "modules": None,
        "tenantModules": [],
        "permission": None,
        "id": str(tenant.uuid),
        **_audit(tenant, names),
    }


def role_form(role: Role, tenant: Tenant | None, names: Names = name_in) -> dict[str, Any]:
    """Return a role of a tenant; those of admins have none."""
    return {
        "name": role.name,
        "tenantId": None if tenant is None else str(tenant.uuid),
        "tenantUniqueName": None if tenant is None else tenant.key,
        "active": role.active,
        "notAllowSharing": False,
        "users": [],
        "permission": None,
        "visibleQuerySources": [],
        "showCheckedQuerySource": False,
        "id": str(role.uuid),
        **_audit(role, names),
    }


def _audit(changed: Changed, names: Names) -> dict[str, Any]:
    return {
        "state": 0,
        "deleted": False,
        "inserted": True,
        "version": changed.version,
        "created": _instant(changed.created_at),
        "createdBy": names(changed.created_by),
        "modified": _instant(changed.modified_at),
        "modifiedBy": names(changed.modified_by),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S.%f}0"


def _hours(minutes: int | None) -> float | None:
    return None if minutes is None else minutes / 60 if minutes % 60 else minutes // 60
