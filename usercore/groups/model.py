"""Groups, their members, and the changes of both that history records."""

from datetime import datetime
from typing import Final, NewType

from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows

GroupId = NewType("GroupId", int)

DEFAULT_SORTING: Final = 10
"""Where a group stands in lists if its creator does not say. Source: REMP CRM."""


@entity
class Group:
    """A named set of users. The name is unique in its tenant, ignoring case; lists are in the order of ``sorting``."""

    id: GroupId
    tenant_id: TenantId
    name: str
    sorting: int = DEFAULT_SORTING
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1
    change_no: int = 1
    deleted_at: datetime | None = None


@entity
class GroupMember:
    """The record that a user joined a group: when, and by whom the user was added."""

    user_id: UserId
    group_id: GroupId
    tenant_id: TenantId
    joined_at: datetime
    added_by: str


@entity
class JoinedGroup:
    """A group of a user, and the record that the user joined it."""

    group: Group
    member: GroupMember

    @property
    def group_id(self) -> GroupId:
        """The group's id."""
        return self.group.id

    @property
    def group_name(self) -> str:
        """The group's name."""
        return self.group.name


_FIELDS: Final = ("name", "sorting")
_NAMES: Final = ("group_id", "group_name")

CREATED: Final = ChangeKind("group.created", _FIELDS, public=True, subject=Subject.GROUP)
UPDATED: Final = ChangeKind("group.updated", _FIELDS, public=True, subject=Subject.GROUP)
DELETED: Final = ChangeKind("group.deleted", _FIELDS, public=True, subject=Subject.GROUP)
JOINED: Final = ChangeKind("group.joined", _NAMES, public=True, always=frozenset(_NAMES))
LEFT: Final = ChangeKind("group.left", _NAMES, public=True, always=frozenset(_NAMES))

KINDS: Final = (CREATED, UPDATED, DELETED, JOINED, LEFT)

ROWS: Final = (
    Rows(
        entity=Group,
        erasure=Erasure.KEEPS,
        plain="id tenant_id name sorting created_at created_by modified_at modified_by version change_no deleted_at",
    ),
    Rows(
        entity=GroupMember,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="groups",
        plain="user_id group_id tenant_id joined_at added_by",
    ),
)
