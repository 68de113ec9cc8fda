"""The form of tenants."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.tenants.model import Tenant


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
