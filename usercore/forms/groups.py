"""The forms of groups, of their members, and of the groups of a user."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.groups.model import Group, GroupMember, JoinedGroup


class GroupForm(TypedDict):
    """A group as its members see it."""

    id: int
    name: str
    sorting: int


class OperatorGroupForm(GroupForm):
    """A group as operators see it."""

    tenant_id: int
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str
    version: int


group: Final[Form[Group, GroupForm, OperatorGroupForm]] = Form(GroupForm, OperatorGroupForm)
"""Make the plain data of a group."""


class GroupMemberForm(TypedDict):
    """The record that a user joined a group, as the user sees it."""

    joined_at: str


class OperatorGroupMemberForm(GroupMemberForm):
    """The record that a user joined a group, as operators see it."""

    user_id: int
    group_id: int
    added_by: str


group_member: Final[Form[GroupMember, GroupMemberForm, OperatorGroupMemberForm]] = Form(
    GroupMemberForm, OperatorGroupMemberForm
)
"""Make the plain data of the record that a user joined a group."""


class JoinedGroupForm(TypedDict):
    """A group of a user, as they see it."""

    group: GroupForm
    member: GroupMemberForm


class OperatorJoinedGroupForm(TypedDict):
    """A group of a user, as operators see it."""

    group: OperatorGroupForm
    member: OperatorGroupMemberForm


joined_group: Final[Form[JoinedGroup, JoinedGroupForm, OperatorJoinedGroupForm]] = Form(
    JoinedGroupForm,
    OperatorJoinedGroupForm,
    {
        "group": lambda value, audience: group(value.group, audience),
        "member": lambda value, audience: group_member(value.member, audience),
    },
)
"""Make the plain data of a group of a user."""
