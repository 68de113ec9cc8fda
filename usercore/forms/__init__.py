"""Plain JSON data of entities and errors for an audience, HTTP statuses of errors, and calls with JSON as input.

An audience is ``user`` (the person themselves) or ``operator``. Forms are what ``json.dumps`` takes: instants are RFC
3339 text, UUIDs text, spans whole seconds, rounded up. No form has a secret but ``signed_in`` and ``registration``, if
they are asked for it.
"""

from usercore.forms.addresses import address, address_change_request, address_type, address_version
from usercore.forms.entities import (
    access_token,
    account_status,
    api_token,
    attempt,
    device_token,
    entry,
    group,
    group_member,
    held_role,
    identity,
    joined_group,
    limited_use_token,
    passkey,
    preferences,
    product_grant,
    registration,
    role,
    role_assignment,
    saved_user,
    signed_in,
    tenant,
    user,
)
from usercore.forms.errors import HTTP_STATUSES, ErrorForm, OperatorErrorForm, error, http_status
from usercore.forms.form import Audience, Form, Json, NumberedPageForm, OperatorForm, PageForm
from usercore.forms.reading import call
from usercore.forms.views import action, action_count, meta_value, source_access, user_overview

__all__ = [
    "HTTP_STATUSES",
    "Audience",
    "ErrorForm",
    "Form",
    "Json",
    "NumberedPageForm",
    "OperatorErrorForm",
    "OperatorForm",
    "PageForm",
    "access_token",
    "account_status",
    "action",
    "action_count",
    "address",
    "address_change_request",
    "address_type",
    "address_version",
    "api_token",
    "attempt",
    "call",
    "device_token",
    "entry",
    "error",
    "group",
    "group_member",
    "held_role",
    "http_status",
    "identity",
    "joined_group",
    "limited_use_token",
    "meta_value",
    "passkey",
    "preferences",
    "product_grant",
    "registration",
    "role",
    "role_assignment",
    "saved_user",
    "signed_in",
    "source_access",
    "tenant",
    "user",
    "user_overview",
]
