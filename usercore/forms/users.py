"""Users: what they themselves may see of their rows, and what operators see besides."""

from typing import Final, TypedDict

from usercore.forms.form import Form
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
