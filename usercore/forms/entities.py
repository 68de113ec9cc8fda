"""The forms of each entity: what the person themselves may see, and what operators see besides.

A field's name is that of the entity's attribute; whatever is not named here is in no form.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict, overload

from usercore.attempts.model import Attempt
from usercore.forms.form import Audience, Form, check_audience
from usercore.groups.model import Group, GroupMember, JoinedGroup
from usercore.history.model import Entry
from usercore.history.rules import shown
from usercore.kernel.changes import Subject
from usercore.kernel.context import ActorKind
from usercore.passkeys.model import Passkey
from usercore.products.model import ProductGrant
from usercore.registration.detail import SavedUser
from usercore.registration.steps import Registration
from usercore.roles.model import HeldRole, Role, RoleAssignment
from usercore.sign_in.model import Identity, SignedIn
from usercore.storage import KINDS
from usercore.tenants.model import Tenant
from usercore.tokens.model import AccessToken, ApiToken, DeviceToken, LimitedUseToken
from usercore.users.model import AccountStatus, Preferences, User


class UserForm(TypedDict):
    """A user as they see themselves."""

    id: int
    uuid: str
    state: str
    email: str | None
    email_verified: bool
    username: str | None
    external_id: str | None
    access_ids: list[str | None]
    first_name: str | None
    last_name: str | None
    public_name: str | None
    full_name: str | None
    language: str | None
    date_format: str | None
    timestamp_offset_minutes: int | None
    data_offset_minutes: int | None
    is_institution: bool
    institution_name: str | None
    confirmed_at: str | None
    last_sign_in_at: str | None
    created_at: str
    modified_at: str
    version: int


class OperatorUserForm(UserForm):
    """A user as operators see them."""

    tenant_id: int
    email_verified_at: str | None
    chosen_public_name: str | None
    source: str
    referer: str | None
    registration_channel: str | None
    note: str | None
    requires_role: bool
    last_sign_in_ip: str | None
    created_by: str
    modified_by: str


user: Final[Form[User, UserForm, OperatorUserForm]] = Form(UserForm, OperatorUserForm)
"""Make the plain data of a user."""


class TenantForm(TypedDict):
    """What a tenant's users may know of it."""

    uuid: str
    key: str
    name: str
    active: bool
    time_zone: str
    country: str | None
    language: str
    date_format: str
    timestamp_offset_minutes: int
    data_offset_minutes: int


class OperatorTenantForm(TenantForm):
    """A tenant as operators see it."""

    id: int
    description: str | None
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str
    version: int


tenant: Final[Form[Tenant, TenantForm, OperatorTenantForm]] = Form(TenantForm, OperatorTenantForm)
"""Make the plain data of a tenant."""


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


class ProductGrantForm(TypedDict):
    """Access to a product as its user sees it; without ``valid_until`` it has no end."""

    product_id: str
    valid_from: str
    valid_until: str | None


class OperatorProductGrantForm(ProductGrantForm):
    """Access to a product as operators see it."""

    user_id: int
    id: int
    granted_at: str
    granted_by: str


product_grant: Final[Form[ProductGrant, ProductGrantForm, OperatorProductGrantForm]] = Form(
    ProductGrantForm, OperatorProductGrantForm
)
"""Make the plain data of access to a product."""


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


class IdentityForm(TypedDict):
    """Who is signed in, and how."""

    user: UserForm
    roles: list[str]
    permissions: list[str]
    authenticator: str
    authenticated_at: str
    must_change_password: bool
    token_id: str
    token_expires_at: str


class OperatorIdentityForm(TypedDict):
    """Who is signed in, and how, as operators see it: with the source and what the host's authenticators added."""

    user: OperatorUserForm
    roles: list[str]
    permissions: list[str]
    authenticator: str
    authenticated_at: str
    must_change_password: bool
    token_id: str
    token_expires_at: str
    source: str | None
    extras: dict[str, dict[str, Any]]


identity: Final[Form[Identity, IdentityForm, OperatorIdentityForm]] = Form(
    IdentityForm,
    OperatorIdentityForm,
    {
        "user": lambda value, audience: user(value.user, audience),
        "permissions": lambda value, _: sorted(value.permissions),
    },
)
"""Make the plain data of an identity; of a ``SignedIn``, too, without its secret."""


class SignedInForm(IdentityForm):
    """Who signed in. The secret of the access token is there if it was asked for."""

    access_token: NotRequired[str]


class OperatorSignedInForm(OperatorIdentityForm):
    """Who signed in, as operators see it."""

    access_token: NotRequired[str]


@overload
def signed_in(value: SignedIn, audience: Literal["user"], *, with_secret: bool = False) -> SignedInForm: ...
@overload
def signed_in(value: SignedIn, audience: Literal["operator"], *, with_secret: bool = False) -> OperatorSignedInForm: ...
def signed_in(value: SignedIn, audience: Audience, *, with_secret: bool = False) -> SignedInForm | OperatorSignedInForm:
    """Return the plain data of a sign-in, on request with the secret of the token that it issued.

    Raises:
        ValueError: there is no such audience.
        TypeError: the host's own extras have a value that JSON does not know.
    """
    form: Any = identity(value, audience)
    if with_secret:
        form["access_token"] = value.access_token.reveal()
    return form  # type: ignore[no-any-return]  # one of the two, by the audience


class RegistrationForm(TypedDict):
    """What registering made. The secret of the access token is there if one was issued and asked for."""

    user: UserForm
    created: bool
    access_token: NotRequired[str]


class OperatorRegistrationForm(TypedDict):
    """What registering made, as operators see it."""

    user: OperatorUserForm
    created: bool
    access_token: NotRequired[str]


@overload
def registration(value: Registration, audience: Literal["user"], *, with_secret: bool = False) -> RegistrationForm: ...
@overload
def registration(
    value: Registration, audience: Literal["operator"], *, with_secret: bool = False
) -> OperatorRegistrationForm: ...
def registration(
    value: Registration, audience: Audience, *, with_secret: bool = False
) -> RegistrationForm | OperatorRegistrationForm:
    """Return the plain data of a registration, on request with the secret of the token that it issued, if any.

    Raises:
        ValueError: there is no such audience.
    """
    check_audience(audience)
    form: Any = {"user": user(value.user, audience), "created": value.created}
    if with_secret and value.access_token is not None:
        form["access_token"] = value.access_token.reveal()
    return form  # type: ignore[no-any-return]  # one of the two, by the audience


class SavedUserForm(TypedDict):
    """What saving a user detail made, as the user sees it."""

    user: UserForm
    created: bool
    roles: list[HeldRoleForm]


class OperatorSavedUserForm(TypedDict):
    """What saving a user detail made, as operators see it."""

    user: OperatorUserForm
    created: bool
    roles: list[OperatorHeldRoleForm]


saved_user: Final[Form[SavedUser, SavedUserForm, OperatorSavedUserForm]] = Form(
    SavedUserForm,
    OperatorSavedUserForm,
    {
        "user": lambda value, audience: user(value.user, audience),
        "roles": lambda value, audience: [held_role(one, audience) for one in value.roles],
    },
)
"""Make the plain data of what saving a user detail made."""


class AccessTokenForm(TypedDict):
    """An access token as its user sees it: by its public id, which opens nothing."""

    public_id: str
    authenticator: str
    source: str | None
    ip: str | None
    user_agent: str | None
    issued_at: str
    last_used_at: str
    expires_at: str
    revoked_at: str | None
    device: str | None
    paired_at: str | None


class OperatorAccessTokenForm(AccessTokenForm):
    """An access token as operators see it."""

    user_id: int


access_token: Final[Form[AccessToken, AccessTokenForm, OperatorAccessTokenForm]] = Form(
    AccessTokenForm, OperatorAccessTokenForm
)
"""Make the plain data of an access token."""


class DeviceTokenForm(TypedDict):
    """A device token as the users of the device see it: by its public id, which ``AccessTokenForm`` names, too."""

    public_id: str
    device_id: str
    issued_at: str
    last_used_at: str


device_token: Final[Form[DeviceToken, DeviceTokenForm, DeviceTokenForm]] = Form(DeviceTokenForm, DeviceTokenForm)
"""Make the plain data of a device token."""


class LimitedUseTokenForm(TypedDict):
    """A limited-use token as its user sees it."""

    public_id: str
    kind: str
    issued_at: str
    valid_from: str | None
    expires_at: str
    max_uses: int
    uses: int
    redeemed_at: str | None
    revoked_at: str | None


class OperatorLimitedUseTokenForm(LimitedUseTokenForm):
    """A limited-use token as operators see it."""

    user_id: int


limited_use_token: Final[Form[LimitedUseToken, LimitedUseTokenForm, OperatorLimitedUseTokenForm]] = Form(
    LimitedUseTokenForm, OperatorLimitedUseTokenForm
)
"""Make the plain data of a limited-use token."""


class PasskeyForm(TypedDict):
    """A passkey as its user sees it."""

    id: int
    name: str
    aaguid: str
    transports: str
    backed_up: bool
    created_at: str
    last_used_at: str | None


class OperatorPasskeyForm(PasskeyForm):
    """A passkey as operators see it."""

    user_id: int
    tenant_id: int
    sign_count: int
    backup_eligible: bool


passkey: Final[Form[Passkey, PasskeyForm, OperatorPasskeyForm]] = Form(PasskeyForm, OperatorPasskeyForm)
"""Make the plain data of a passkey."""


class ApiTokenForm(TypedDict):
    """An API token as the program that has it may see it."""

    public_id: str
    name: str
    active: bool
    resources: list[str]
    addresses: list[str]
    issued_at: str
    expires_at: str | None
    revoked_at: str | None


class OperatorApiTokenForm(ApiTokenForm):
    """An API token as operators see it."""

    created_by: str
    last_used_at: str | None


api_token: Final[Form[ApiToken, ApiTokenForm, OperatorApiTokenForm]] = Form(ApiTokenForm, OperatorApiTokenForm)
"""Make the plain data of an API token."""


class AttemptForm(TypedDict):
    """A try to sign in, as its user sees it: without the login that was typed, perhaps into the wrong field."""

    at: str
    status: str
    authenticator: str | None
    ip: str | None
    user_agent: str | None


class OperatorAttemptForm(AttemptForm):
    """A try to sign in, as operators see it."""

    id: int
    user_id: int | None
    login: str | None
    source: str | None


attempt: Final[Form[Attempt, AttemptForm, OperatorAttemptForm]] = Form(AttemptForm, OperatorAttemptForm)
"""Make the plain data of a try to sign in."""


class EntryForm(TypedDict):
    """A change as its user sees it: what sort of actor made it, and only addresses and sources of their own."""

    kind: str
    at: str
    change_no: int
    position: int
    actor: str
    ip: str | None
    source: str | None
    old: dict[str, Any]
    new: dict[str, Any]


class OperatorEntryForm(EntryForm):
    """A change as operators see it."""

    subject: str
    subject_id: int


def _is_own(value: Entry) -> bool:
    return value.subject is Subject.USER and value.actor == f"{ActorKind.USER}:{value.subject_id}"


def _of_actor(name: str, value: Entry, audience: Audience) -> object:
    return getattr(value, name) if audience == "operator" or _is_own(value) else None


def _shown(value: Entry, audience: Audience) -> Entry:
    return value if audience == "operator" else shown(value, KINDS.get(value.kind))


entry: Final[Form[Entry, EntryForm, OperatorEntryForm]] = Form(
    EntryForm,
    OperatorEntryForm,
    {
        "actor": lambda value, audience: value.actor if audience == "operator" else value.actor.partition(":")[0],
        "ip": lambda value, audience: _of_actor("ip", value, audience),
        "source": lambda value, audience: _of_actor("source", value, audience),
        "old": lambda value, audience: _shown(value, audience).old,
        "new": lambda value, audience: _shown(value, audience).new,
    },
)
"""Make the plain data of an entry of history."""


class PreferencesForm(TypedDict):
    """How things are shown to a user."""

    language: str
    date_format: str
    time_zone: str
    timestamp_offset_minutes: int
    data_offset_minutes: int


preferences: Final[Form[Preferences, PreferencesForm, PreferencesForm]] = Form(PreferencesForm, PreferencesForm)
"""Make the plain data of preferences."""


class AccountStatusForm(TypedDict):
    """What is so about an account, as its user sees it."""

    password_set: bool
    password_changed_at: str | None
    must_change_password: bool
    last_sign_in_at: str | None
    last_used_at: str | None


class OperatorAccountStatusForm(AccountStatusForm):
    """What is so about an account, as operators see it. ``code`` is one of ``AccountStatusCode``."""

    state: str
    code: int
    failures_in_a_row: int
    locked_since: str | None
    locked_until: str | None


account_status: Final[Form[AccountStatus, AccountStatusForm, OperatorAccountStatusForm]] = Form(
    AccountStatusForm, OperatorAccountStatusForm
)
"""Make the plain data of an account's status."""
