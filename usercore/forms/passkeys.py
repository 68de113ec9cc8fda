"""The form of passkeys."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.passkeys.model import Passkey


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
