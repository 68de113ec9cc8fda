"""Roles, their assignment to users, and the changes of both that history records."""

from datetime import datetime
from typing import Final
from uuid import UUID

from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import ROLE_ASSIGNMENT_KIND, ROLE_KIND, RoleId, TenantId, UserId, uuid_of
from usercore.kernel.personal import Erasure, Rows


@entity
class Role:
    """A named set of permissions, which are compared exactly; ``permissions`` has each of them once, in order.

    The name is unique in its tenant, ignoring case. Holders of an active role that is ``privileged`` are signed in by
    strong authenticators only. An inactive role gives nothing.
    """

    id: RoleId
    tenant_id: TenantId
    name: str
    active: bool = True
    privileged: bool = False
    permissions: tuple[str, ...] = ()
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1
    change_no: int = 1
    deleted_at: datetime | None = None

    @property
    def uuid(self) -> UUID:
        """The public UUID."""
        return uuid_of(self.id, ROLE_KIND)


@entity
class RoleAssignment:
    """The record that a user was given a role: when, and by whom."""

    user_id: UserId
    role_id: RoleId
    tenant_id: TenantId
    id: int
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1

    @property
    def uuid(self) -> UUID:
        """The public UUID."""
        return uuid_of(self.id, ROLE_ASSIGNMENT_KIND)


@entity
class HeldRole:
    """A role that a user has, and the record that it was given."""

    role: Role
    assignment: RoleAssignment

    @property
    def role_id(self) -> RoleId:
        """The role's id."""
        return self.role.id

    @property
    def role_name(self) -> str:
        """The role's name."""
        return self.role.name


@entity
class ActiveRole:
    """What an active role contributes to the rights of its holder."""

    name: str
    privileged: bool
    permissions: tuple[str, ...]


_FIELDS: Final = ("name", "active", "privileged", "permissions")
_NAMES: Final = ("role_id", "role_name")

CREATED: Final = ChangeKind("role.created", _FIELDS, public=True, subject=Subject.ROLE)
UPDATED: Final = ChangeKind("role.updated", _FIELDS, public=True, subject=Subject.ROLE)
DELETED: Final = ChangeKind("role.deleted", _FIELDS, public=True, subject=Subject.ROLE)
GIVEN: Final = ChangeKind("role.given", _NAMES, public=True, always=frozenset(_NAMES))
TAKEN: Final = ChangeKind("role.taken", _NAMES, public=True, always=frozenset(_NAMES))

KINDS: Final = (CREATED, UPDATED, DELETED, GIVEN, TAKEN)

ROWS: Final = (
    Rows(
        entity=Role,
        erasure=Erasure.KEEPS,
        plain="id tenant_id name active privileged permissions created_at created_by modified_at modified_by version"
        " change_no deleted_at",
    ),
    Rows(
        entity=RoleAssignment,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="roles",
        plain="user_id role_id tenant_id id created_at created_by modified_at modified_by version",
    ),
)
