"""Addresses: the descriptor."""

from typing import Final

from usercore.addresses.model import KINDS, ROWS, AddressPolicy
from usercore.addresses.ports import AddressesUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="addresses",
    unit=AddressesUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(AddressPolicy,),
    public=(
        "Address",
        "AddressChangeRequest",
        "AddressChangedSince",
        "AddressCheck",
        "AddressFields",
        "AddressNotFound",
        "AddressPolicy",
        "AddressType",
        "AddressTypeNotFound",
        "AddressValues",
        "AddressVersion",
        "ChangeRequestNotFound",
        "ChangeRequestState",
        "ChangeRequestWrongState",
        "NothingChanged",
        "ParentAddressNotFound",
        "TooManyAddresses",
        "country_name",
    ),
)
