"""The forms of tokens. None has a secret."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.tokens.model import AccessToken, ApiToken, DeviceToken, LimitedUseToken


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
