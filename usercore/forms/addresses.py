"""The forms of addresses, their types, their versions, and requests to change them."""

from typing import Final, TypedDict

from usercore.addresses.model import (
    Address,
    AddressChangeRequest,
    AddressFields,
    AddressType,
    AddressValues,
    AddressVersion,
)
from usercore.forms.form import Form


class AddressTypeForm(TypedDict):
    """A type of addresses as users see it."""

    key: str
    title: str | None
    sorting: int
    accepts_at_once: bool


class OperatorAddressTypeForm(AddressTypeForm):
    """A type of addresses as operators see it."""

    tenant_id: int
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str
    version: int


address_type: Final[Form[AddressType, AddressTypeForm, OperatorAddressTypeForm]] = Form(
    AddressTypeForm, OperatorAddressTypeForm
)
"""Make the plain data of a type of addresses."""


class AddressForm(AddressFields):
    """An address as its user sees it; days are dates of ISO 8601."""

    id: int
    type: str
    is_default: bool
    version_id: int
    valid_from: str
    valid_until: str | None
    created_at: str
    modified_at: str
    version: int


class OperatorAddressForm(AddressForm):
    """An address as operators see it."""

    user_id: int
    tenant_id: int
    created_by: str
    modified_by: str


address: Final[Form[Address, AddressForm, OperatorAddressForm]] = Form(AddressForm, OperatorAddressForm)
"""Make the plain data of an address."""


class AddressVersionForm(AddressFields):
    """A version of an address as its user sees it."""

    id: int
    address_id: int
    type: str
    valid_from: str
    valid_until: str | None
    created_at: str


class OperatorAddressVersionForm(AddressVersionForm):
    """A version of an address as operators see it."""

    user_id: int
    tenant_id: int
    created_by: str


address_version: Final[Form[AddressVersion, AddressVersionForm, OperatorAddressVersionForm]] = Form(
    AddressVersionForm, OperatorAddressVersionForm
)
"""Make the plain data of a version of an address."""

_values: Final[Form[AddressValues, AddressFields, AddressFields]] = Form(AddressFields, AddressFields)


class AddressChangeRequestForm(TypedDict):
    """A request to change an address as its user sees it."""

    id: int
    address_id: int
    type: str
    state: str
    valid_from: str | None
    old: AddressFields | None
    new: AddressFields
    requested_at: str
    decided_at: str | None
    version_id: int | None


class OperatorAddressChangeRequestForm(AddressChangeRequestForm):
    """A request to change an address as operators see it."""

    user_id: int
    tenant_id: int
    requested_by: str
    decided_by: str | None
    reason: str | None


address_change_request: Final[
    Form[AddressChangeRequest, AddressChangeRequestForm, OperatorAddressChangeRequestForm]
] = Form(
    AddressChangeRequestForm,
    OperatorAddressChangeRequestForm,
    {
        "old": lambda request, audience: None if request.old is None else _values(request.old, audience),
        "new": lambda request, audience: _values(request.new, audience),
    },
)
"""Make the plain data of a request to change an address."""
