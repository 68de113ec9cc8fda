"""Plain JSON data of entities and errors for an audience, HTTP statuses of errors, and calls with JSON as input.

An audience is ``user`` (the person themselves) or ``operator``. Forms are what ``json.dumps`` takes: instants are RFC
3339 text, UUIDs text, spans whole seconds, rounded up. No form has a secret but ``signed_in`` and ``registration``, if
they are asked for it.
"""

from usercore.forms.addresses import address, address_change_request, address_type, address_version
from usercore.forms.errors import HTTP_STATUSES, ErrorForm, OperatorErrorForm, error, http_status
from usercore.forms.form import Audience, Form, Json, NumberedPageForm, OperatorForm, PageForm
from usercore.forms.groups import group, group_member, joined_group
from usercore.forms.history import attempt, entry
from usercore.forms.passkeys import passkey
from usercore.forms.products import product_grant
from usercore.forms.reading import call
from usercore.forms.registrations import registration, saved_user
from usercore.forms.roles import held_role, role, role_assignment
from usercore.forms.schema import Schema, schema
from usercore.forms.sign_in import identity, signed_in
from usercore.forms.tenants import tenant
from usercore.forms.tokens import access_token, api_token, device_token, limited_use_token
from usercore.forms.users import account_status, preferences, user
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
    "Schema",
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
    "schema",
    "signed_in",
    "source_access",
    "tenant",
    "user",
    "user_overview",
]
