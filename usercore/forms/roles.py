"""The forms of roles, of their assignments, and of the roles of a user."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.roles.model import HeldRole, Role, RoleAssignment


class RoleForm(TypedDict):
    """A role as its holders see it."""

    uuid: str
    name: str
    active: bool
    permissions: list[str]


class OperatorRoleForm(RoleForm):
    """A role as operators see it."""

    id: int
    tenant_id: int
    privileged: bool
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str
    version: int


role: Final[Form[Role, RoleForm, OperatorRoleForm]] = Form(RoleForm, OperatorRoleForm)
"""Make the plain data of a role."""


class RoleAssignmentForm(TypedDict):
    """The record of a given role as its holder sees it."""

    uuid: str
    created_at: str
    modified_at: str
    version: int


class OperatorRoleAssignmentForm(RoleAssignmentForm):
    """The record of a given role as operators see it."""

    user_id: int
    role_id: int
    created_by: str
    modified_by: str


role_assignment: Final[Form[RoleAssignment, RoleAssignmentForm, OperatorRoleAssignmentForm]] = Form(
    RoleAssignmentForm, OperatorRoleAssignmentForm
)
"""Make the plain data of the record of a given role."""


class HeldRoleForm(TypedDict):
    """A role that a user has, as they see it."""

    role: RoleForm
    assignment: RoleAssignmentForm


class OperatorHeldRoleForm(TypedDict):
    """A role that a user has, as operators see it."""

    role: OperatorRoleForm
    assignment: OperatorRoleAssignmentForm


held_role: Final[Form[HeldRole, HeldRoleForm, OperatorHeldRoleForm]] = Form(
    HeldRoleForm,
    OperatorHeldRoleForm,
    {
        "role": lambda value, audience: role(value.role, audience),
        "assignment": lambda value, audience: role_assignment(value.assignment, audience),
    },
)
"""Make the plain data of a role that a user has."""
