"""The forms of the action log, of the sources that users came from, and of everything about a user."""

from typing import Any, Final, TypedDict

from usercore.forms.addresses import OperatorAddressForm, address
from usercore.forms.form import Form, OperatorForm, PageForm
from usercore.forms.groups import OperatorJoinedGroupForm, joined_group
from usercore.forms.history import OperatorAttemptForm, OperatorEntryForm, attempt, entry
from usercore.forms.products import OperatorProductGrantForm, product_grant
from usercore.forms.roles import OperatorHeldRoleForm, held_role
from usercore.forms.tokens import OperatorAccessTokenForm, OperatorLimitedUseTokenForm, access_token, limited_use_token
from usercore.forms.users import OperatorAccountStatusForm, OperatorUserForm, account_status, user
from usercore.history.model import Action, ActionCount
from usercore.meta.model import MetaValue
from usercore.tokens.model import SourceAccess
from usercore.views.model import UserOverview


class ActionForm(TypedDict):
    """An entry of the action log."""

    id: int
    user_id: int | None
    action: str
    at: str
    actor: str
    ip: str | None
    source: str | None
    params: dict[str, Any]


action: Final[OperatorForm[Action, ActionForm]] = OperatorForm(ActionForm)
"""Make the plain data of an entry of the action log, which only operators see."""


class ActionCountForm(TypedDict):
    """How often an action was logged."""

    action: str
    count: int


action_count: Final[OperatorForm[ActionCount, ActionCountForm]] = OperatorForm(ActionCountForm)
"""Make the plain data of the count of an action, which only operators see."""


class SourceAccessForm(TypedDict):
    """When a user last came from a source."""

    source: str
    last_accessed_at: str


class OperatorSourceAccessForm(SourceAccessForm):
    """When a user last came from a source, as operators see it."""

    user_id: int


source_access: Final[Form[SourceAccess, SourceAccessForm, OperatorSourceAccessForm]] = Form(
    SourceAccessForm, OperatorSourceAccessForm
)
"""Make the plain data of when a user last came from a source."""


class MetaValueForm(TypedDict):
    """A value as its user sees it; that of private meta is None."""

    key: str
    value: str | None
    public: bool
    created_at: str
    modified_at: str


class OperatorMetaValueForm(MetaValueForm):
    """A value as operators see it."""

    user_id: int
    breaks: str | None


meta_value: Final[Form[MetaValue, MetaValueForm, OperatorMetaValueForm]] = Form(
    MetaValueForm,
    OperatorMetaValueForm,
    {"value": lambda value, audience: value.value if value.public or audience == "operator" else None},
)
"""Make the plain data of a user's value under a key."""


class UserOverviewForm(TypedDict):
    """Everything about a user, with the first page of each list."""

    user: OperatorUserForm
    status: OperatorAccountStatusForm
    groups: list[OperatorJoinedGroupForm]
    roles: list[OperatorHeldRoleForm]
    products: list[OperatorProductGrantForm]
    addresses: PageForm[OperatorAddressForm]
    meta: PageForm[OperatorMetaValueForm]
    access_tokens: PageForm[OperatorAccessTokenForm]
    autologin_tokens: PageForm[OperatorLimitedUseTokenForm]
    source_accesses: PageForm[OperatorSourceAccessForm]
    attempts: PageForm[OperatorAttemptForm]
    changes: PageForm[OperatorEntryForm]
    password_changes: PageForm[OperatorEntryForm]
    actions: PageForm[ActionForm]


user_overview: Final[OperatorForm[UserOverview, UserOverviewForm]] = OperatorForm(
    UserOverviewForm,
    {
        "user": lambda value, audience: user(value.user, audience),
        "status": lambda value, audience: account_status(value.status, audience),
        "groups": lambda value, audience: [joined_group(one, audience) for one in value.groups],
        "roles": lambda value, audience: [held_role(one, audience) for one in value.roles],
        "products": lambda value, audience: [product_grant(one, audience) for one in value.products],
        "addresses": lambda value, audience: address.page(value.addresses, audience),
        "meta": lambda value, audience: meta_value.page(value.meta, audience),
        "access_tokens": lambda value, audience: access_token.page(value.access_tokens, audience),
        "autologin_tokens": lambda value, audience: limited_use_token.page(value.autologin_tokens, audience),
        "source_accesses": lambda value, audience: source_access.page(value.source_accesses, audience),
        "attempts": lambda value, audience: attempt.page(value.attempts, audience),
        "changes": lambda value, audience: entry.page(value.changes, audience),
        "password_changes": lambda value, audience: entry.page(value.password_changes, audience),
        "actions": lambda value, audience: action.page(value.actions, audience),
    },
)
"""Make the plain data of everything about a user, which only operators see."""
